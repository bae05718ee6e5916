"""The records that the API leaves of its requests: one JSON object a line, a file a day.

The files are ``<state folder>/requests/YYYY-MM-DD.jsonl`` (day in UTC), only ever appended to. A
line is a :class:`RequestRecord` or, where lines were lost, a :class:`DroppedRecord`; ``kind`` tells
which. The API writes them, the pipeline reads them; neither knows more of the other than this.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rossmann_ml.base.settings import Settings

_Number = Annotated[int, Field(ge=0, lt=2**31)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class WhatIfRecord(_Record):
    """The plan that was asked about, and what was forecast.

    Attributes:
        store_ids: The stores asked about; None means all.
        first_date: First day of the answer.
        last_date: Last day of the answer.
        changes: What was planned otherwise, as in the request.
        model_version: The model that scored.
        forecasts: ``[store_id, sales_forecast, stored_forecast]`` in EUR over the days asked
            about, for each store; the last is None where nothing is stored.
    """

    store_ids: list[_Number] | None
    first_date: date
    last_date: date
    changes: list[dict[str, object]]
    model_version: str
    forecasts: list[tuple[int, float, float | None]]


class RequestRecord(_Record):
    """One request.

    Attributes:
        request_id: Also in the answer's ``X-Request-ID``.
        at: When it was answered, UTC.
        method: The HTTP method.
        path: The route's template, for example ``/stores/{store_id}/forecast``.
        status: The HTTP status.
        milliseconds: From the request's first byte to its answer's last.
        stores: Stores that the answer is about; None where it is not about stores.
        store_id: The store that the path names; None where it names none.
        generation_id: The generation it was answered from; None where none was needed.
        key_name: The holder of the API key; None without keys.
        what_if: For ``/predict`` and ``/predict_batch``.
    """

    kind: Literal["request"] = "request"
    request_id: str
    at: datetime
    method: str
    path: str
    status: int = Field(ge=100, le=599)
    milliseconds: float = Field(ge=0, allow_inf_nan=False)
    stores: _Number | None = None
    store_id: _Number | None = None
    generation_id: str | None = None
    key_name: str | None = None
    what_if: WhatIfRecord | None = None


class DroppedRecord(_Record):
    """Requests that were answered but not recorded, because writing fell behind.

    Attributes:
        at: When they were counted, UTC.
        requests: How many since the last such line.
    """

    kind: Literal["dropped"] = "dropped"
    at: datetime
    requests: int = Field(ge=0, lt=2**63)


def requests_path(settings: Settings) -> Path:
    """The folder of the files."""
    return settings.state_path / "requests"
