"""Serve published forecasts over HTTP: a file per week, a pointer, and a read-only API."""

from __future__ import annotations

import argparse
import json
import math
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Query, Response
from pydantic import BaseModel, Field

FIRST_ORIGIN = date(2025, 3, 30)
HORIZON_DAYS = 14


class Day(BaseModel):
    """Forecast of one day."""

    target_date: date
    sales_forecast: Annotated[float, Field(description="EUR")]
    lower_80: Annotated[float, Field(description="EUR; sales are below it on one day in ten")]
    upper_80: Annotated[float, Field(description="EUR; sales are above it on one day in ten")]


class Forecast(BaseModel):
    """Forecast of a store's next days, with its generation."""

    store_id: int
    forecast_origin: date
    generation: str
    days: list[Day]


def publish(folder: Path, week: int) -> str:
    """Write the forecasts of a week, check them, and only then move the pointer.

    Raises:
        ValueError: The forecasts fail a check.
    """
    origin = FIRST_ORIGIN + timedelta(weeks=week - 1)
    stores: dict[str, list[dict[str, Any]]] = {}
    for store in range(1, 6):
        stores[str(store)] = days = []
        for offset in range(1, HORIZON_DAYS + 1):
            target = origin + timedelta(days=offset)
            level = 0 if target.weekday() == 6 else 4000 + 300 * store + 20 * week
            sales = level * (1 + 0.1 * math.cos(2 * math.pi * target.weekday() / 7))
            days.append(
                {
                    "target_date": str(target),
                    "sales_forecast": round(sales, 2),
                    "lower_80": round(0.87 * sales, 2),
                    "upper_80": round(1.15 * sales, 2),
                }
            )
    for store, days in stores.items():
        for day in days:
            if not 0 <= day["lower_80"] <= day["sales_forecast"] <= day["upper_80"]:
                raise ValueError(f"store {store}, {day['target_date']}: bounds out of order: {day}")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"week-{week}.json"
    write_whole(folder / name, json.dumps({"forecast_origin": str(origin), "stores": stores}))
    write_whole(folder / "CURRENT", name)
    return name


def write_whole(path: Path, text: str) -> None:
    """Write a file atomically: readers find the old or the new one."""
    waiting = path.with_suffix(".new")
    with waiting.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)


class Current:
    """Cache of the generation in ``CURRENT``, read again when the pointer changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = ""
        self.content: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Return the forecasts of the current week."""
        name = (self.folder / "CURRENT").read_text(encoding="utf-8")
        if name != self.name:
            self.content = json.loads((self.folder / name).read_text(encoding="utf-8"))
            self.name = name
        return self.content


def create_app(folder: Path) -> FastAPI:
    """Return the API for a folder of published weeks."""
    app = FastAPI(title="Forecasts, simplified")
    current = Current(folder)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Return the current generation, or an error without one."""
        try:
            current.read()
        except OSError as error:
            raise HTTPException(503, f"nothing is published in {folder}") from error
        return {"status": "ok", "generation": current.name}

    @app.get("/stores/{store_id}/forecast", response_model=None)
    def forecast(
        store_id: int,
        response: Response,
        days: Annotated[int, Query(ge=1, le=HORIZON_DAYS)] = HORIZON_DAYS,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Forecast | Response:
        """Return the forecast of a store's next days."""
        content = current.read()
        tag = f'"{current.name}"'
        if if_none_match == tag:
            return Response(status_code=304, headers={"ETag": tag})
        if str(store_id) not in content["stores"]:
            known = ", ".join(content["stores"])
            raise HTTPException(404, f"store {store_id} has no forecast; those that do: {known}")
        response.headers["ETag"] = tag
        return Forecast(
            store_id=store_id,
            forecast_origin=content["forecast_origin"],
            generation=current.name,
            days=content["stores"][str(store_id)][:days],
        )

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--publish", type=int, metavar="WEEK", help="publish a week and end")
    parser.add_argument("--port", type=int, default=8010)
    asked = parser.parse_args()
    print("published", publish(asked.folder, asked.publish or 1))
    if asked.publish is None:
        uvicorn.run(create_app(asked.folder), port=asked.port)
