"""Serve the API with an endpoint as peer for :mod:`benchmarks.api`, behind the same middleware.

``/empty`` returns an empty answer.
"""

from __future__ import annotations

import argparse

import uvicorn
from fastapi import FastAPI, Response

from app.api.main import create_app
from app.api.records import logs
from app.api.settings import load_api_settings


def with_peers() -> FastAPI:
    """Return the application with that endpoint."""
    app = create_app(api=load_api_settings(rate_limit="", log_level="WARNING"))

    @app.get("/empty")
    async def empty() -> Response:
        return Response(b"{}", media_type="application/json")

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
