"""What-if answers with a true model: the plan as given gives the stored forecast, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from conftest import Refreshed
from support.servers import serving

pytestmark = pytest.mark.integration


def test_an_unchanged_plan_returns_the_stored_forecast_by_scoring(
    refreshed: Refreshed, tmp_path: Path
) -> None:
    warehouse = refreshed.settings.warehouse_path
    with (
        serving("api", warehouse, ready="/ready", log=tmp_path / "log.txt") as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        answer = client.post("/predict_batch", json={}).raise_for_status().json()
        stored = client.get("/forecasts", params={"limit": 100_000}).json()["rows"]
        names = ("store_id", "target_date", "sales_forecast", "lower_80", "upper_80", "lower_95",
                 "upper_95")  # fmt: skip
        assert [[row[name] for name in names] for row in answer["rows"]] == [
            [row[name] for name in names] for row in stored
        ]
        assert answer["totals"]["difference"] == 0
        store = stored[0]["store_id"]
        one = client.post("/predict", json={"store_id": store}).json()["rows"]
        assert [row["sales_forecast"] for row in one] == [
            row["sales_forecast"] for row in stored if row["store_id"] == store
        ]
        day = next(row["target_date"] for row in stored if row["is_open"])
        body = {"store_id": store, "changes": [{"first_date": day, "last_date": day}]}
        for change, is_open in (({"is_open": False}, False), ({"is_promo": True}, True)):
            body["changes"] = [{"first_date": day, "last_date": day, **change}]
            changed = client.post("/predict", content=json.dumps(body)).json()["rows"]
            (row,) = [each for each in changed if each["target_date"] == day]
            assert row["is_open"] is is_open
            assert (row["sales_forecast"] == 0) is not is_open
