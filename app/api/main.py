"""Build the FastAPI application from routers, error handlers and ASGI layers.

:func:`create_app` is the entry point. ``rossmann api`` and ``python -m app.api`` run it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rossmann_ml.base import process

process.prepare()

from fastapi import FastAPI  # noqa: E402 - after prepare
from fastapi_offline import FastAPIOffline  # noqa: E402
from starlette.middleware.cors import CORSMiddleware  # noqa: E402

from app.api import documentation, problems  # noqa: E402
from app.api.bounds.guard import Guard  # noqa: E402
from app.api.envelope import DOCS_PATH, Envelope  # noqa: E402
from app.api.records.metrics import Metrics  # noqa: E402
from app.api.records.request_log import RequestLog  # noqa: E402
from app.api.routers import (  # noqa: E402
    forecasts,
    health,
    model_info,
    monitoring,
    predict,
    stores,
)
from app.api.serving import Serving  # noqa: E402
from app.api.settings import ApiSettings, load_api_settings  # noqa: E402
from rossmann_ml.base.settings import Settings, default_settings  # noqa: E402

_DESCRIPTION = """
Six-week sales forecasts for every store, read from the newest published generation.

- Every response names its **provenance**: origin, model version, generation, data version.
- Every response to a `GET` has the generation as its `ETag`. Send it back as `If-None-Match` to get
  `304` until a new generation is published.
- Lists come in pages (`limit`, `cursor`) as JSON, CSV, Parquet or Arrow (`format` or `Accept`).
  All pages of a list come from one generation.
- Sales are EUR per store and day, shares are fractions (0.12 is 12%), times are UTC.
- Errors are problem details (RFC 9457) with the media type `application/problem+json`.
- Every response has an `X-Request-ID`; please name it when you contact the operator.
- `POST /predict` and `/predict_batch` forecast your own plan. The API is read-only.
"""


def create_app(settings: Settings | None = None, api: ApiSettings | None = None) -> FastAPI:
    """Build the FastAPI application.

    Args:
        settings: Locations of files; None reads them from the environment.
        api: Keys, limits and other settings of the API; None reads them from the environment.
    """
    api = api or load_api_settings()
    settings = settings or default_settings()
    request_log = None
    if api.record_requests:
        request_log = RequestLog(
            settings.requests_path,
            kept_days=settings.request_files_kept_days,
            most_bytes_per_day=api.max_record_bytes_per_day,
        )
    metrics = Metrics(request_log)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        serving = app.state.serving = Serving(settings, api, metrics)
        serving.start()
        if request_log is not None:
            request_log.start()
        try:
            yield
        finally:
            serving.close()
            if request_log is not None:
                request_log.close()

    app = FastAPIOffline(
        title="Rossmann forecasts",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        license_info={"name": "MIT"},
        docs_url=DOCS_PATH,
        redoc_url=None,
        static_url=f"{DOCS_PATH}/static",
        # Swagger UI sends the document to a validator on the internet unless this is null
        swagger_ui_parameters={"tryItOutEnabled": True, "validatorUrl": None},
    )
    app.state.api_settings = api
    for module in (stores, forecasts, predict, model_info, monitoring, health):
        app.include_router(module.router)
    problems.install(app)
    documentation.complete_document(app, api)
    # the layer that is added last is the outermost
    app.add_middleware(Guard, settings=api)
    if api.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=api.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["X-API-Key", "Authorization", "If-None-Match", "X-Request-ID"],
            expose_headers=["ETag", "Link", "X-Request-ID"],
        )
    app.add_middleware(Envelope, metrics=metrics, request_log=request_log)
    return app
