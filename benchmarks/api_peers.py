"""The API with two more endpoints as peers for :mod:`benchmarks.api`, behind the same middleware.

``/empty`` returns an empty answer. ``/from_duckdb/{store_id}`` reads from DuckDB what
``/stores/{store_id}/forecast`` has in memory, with a cursor on the open connection.
"""

from __future__ import annotations

import argparse
import json

import uvicorn
from fastapi import FastAPI, Response

from app.api import logs
from app.api.dependencies import ServingNow
from app.api.main import create_app
from app.api.settings import load_api_settings
from app.queries import store_forecast


def with_peers() -> FastAPI:
    """Return the application with both endpoints."""
    app = create_app(api=load_api_settings(rate_limit="", log_level="WARNING"))

    @app.get("/empty")
    async def empty() -> Response:
        return Response(b"{}", media_type="application/json")

    @app.get("/from_duckdb/{store_id}")
    def from_duckdb(serving: ServingNow, store_id: int) -> Response:
        with serving.reader.reading() as reading:
            rows = store_forecast(reading, store_id)
            return Response(json.dumps(rows, default=str), media_type="application/json")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    logs.configure("WARNING")
    uvicorn.run(
        with_peers(),
        port=parser.parse_args().port,
        log_config=None,
        access_log=False,
        server_header=False,
    )
