"""Encode the forecasts from the newest origin as JSON responses in memory, once per generation.

:class:`StoredForecasts` serves the most frequent request, ``/stores/{store_id}/forecast``, without
a query; other requests read DuckDB.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

import polars as pl

from app.api.schemas import FORECAST_UNITS, ForecastDay, Provenance
from app.published import OpenGeneration, Reading

_END = b"]}"
_DAYS_ENCODED_AT_ONCE = 5_000
_DAYS = """
    SELECT f.*, p.is_promo, p.state_holiday, p.is_school_holiday
    FROM forecasts AS f
    LEFT JOIN (SELECT * FROM store_plan WHERE plan_date > $origin) AS p
        ON p.store_id = f.store_id AND p.plan_date = f.target_date
    WHERE f.forecast_origin = $origin
    ORDER BY f.store_id, f.target_date
"""


@dataclass(frozen=True)
class _Encoded:
    whole: bytes
    ends: array[int]  # end of each day in ``whole``, in bytes


class StoredForecasts:
    """Responses to ``/stores/{store_id}/forecast``, encoded as JSON and kept in memory.

    Attributes:
        generation_id: Identifier of the generation that the forecasts come from.
        etag: Entity tag that is sent with the responses.
        forecast_origin: Newest forecast origin in the generation.
        reasons: Why a store has no forecast, by store number; None if the reason is not known.
            Stores with a forecast are omitted.
    """

    def __init__(self, reading: Reading) -> None:
        self.generation_id = reading.info.generation_id
        self.etag = f'"{self.generation_id}"'
        self.forecast_origin = reading.info.forecast_origin
        self._by_store = _encode(reading)
        stores = reading.rows("SELECT store_id, not_forecast_reason FROM stores")
        self.reasons: dict[int, str | None] = {
            row["store_id"]: row["not_forecast_reason"]
            for row in stores
            if row["store_id"] not in self._by_store
        }

    @classmethod
    def of(cls, generation: OpenGeneration) -> StoredForecasts:
        """Encode the forecasts of an open generation."""
        cursor = generation.cursor()
        try:
            return cls(Reading(generation, cursor))
        finally:
            cursor.close()

    def answer(self, store_id: int, days: int) -> bytes | None:
        """Return a JSON response with a store's first ``days`` days; None if it has no forecast."""
        encoded = self._by_store.get(store_id)
        if encoded is None:
            return None
        if days >= len(encoded.ends):
            return encoded.whole
        return encoded.whole[: encoded.ends[days - 1]] + _END


def _encode(reading: Reading) -> dict[int, _Encoded]:
    frame = reading.frame(_DAYS, {"origin": reading.info.forecast_origin})
    if frame.is_empty():
        return {}
    lines = _lines(frame)
    answers = {}
    for store_id, model_version, days in (
        frame.group_by("store_id", maintain_order=True)
        .agg(pl.col("model_version").first(), pl.len())
        .iter_rows()
    ):
        head = {
            "store_id": store_id,
            "units": FORECAST_UNITS,
            "provenance": Provenance.of(reading.info, model_version).model_dump(mode="json"),
        }
        opened = json.dumps(head)[:-1].encode() + b', "days": ['
        of_store = list(islice(lines, days))
        # each day except the first follows a comma
        lengths = [len(opened) + len(of_store[0]), *(len(line) + 1 for line in of_store[1:])]
        answers[store_id] = _Encoded(
            opened + b",".join(of_store) + _END, array("l", accumulate(lengths))
        )
    return answers


def _lines(frame: pl.DataFrame) -> Iterator[bytes]:
    """Encode each row of the frame, which is one store-day, as a line of JSON.

    While requests are served, each call of polars may wait for the interpreter's lock, so one call
    encodes many rows. It does not encode all rows, to limit the memory used.
    """
    # in the order of the fields, so that a line equals the JSON of a ``ForecastDay``
    days = frame.select(*ForecastDay.model_fields)
    for some in days.iter_slices(_DAYS_ENCODED_AT_ONCE):
        yield from some.write_ndjson().encode().splitlines()
