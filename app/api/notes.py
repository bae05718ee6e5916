"""What is noted of a request while it is answered, for log, metrics and the request log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

_NAME = "rossmann.notes"


@dataclass(slots=True)
class Notes:
    """Attributes as in :class:`rossmann_ml.serving.request_records.RequestRecord`."""

    request_id: str
    status: int = 500
    stores: int | None = None
    generation_id: str | None = None
    key_name: str | None = None
    what_if: dict[str, Any] | None = None


def attach(scope: Scope, notes: Notes) -> None:
    """Give a request its notes."""
    scope[_NAME] = notes


def notes_of(scope: Scope) -> Notes:
    """The notes of a request."""
    notes: Notes = scope[_NAME]
    return notes
