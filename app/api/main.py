"""The application: routers, refusals and the reader of this process.

Run it with ``rossmann api``, or ``uvicorn app.api.main:app``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api import problems
from app.api.routers import health, model_info, stores
from app.published import PublishedReader
from rossmann_ml import process
from rossmann_ml.settings import Settings, default_settings

_DESCRIPTION = """
Six-week sales forecasts for every store, read from the newest published generation.

- Answers carry their **provenance**: origin, model version, generation, data version.
- Every answer has the generation as its `ETag`; send it back as `If-None-Match` and get `304`
  until something new is published.
- Refusals are problem details (RFC 9457) under `application/problem+json`.
- Nothing here changes anything.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application.

    Args:
        settings: Where the published generations are; read from the environment if not given.
    """
    process.prepare()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        used = settings or default_settings()
        app.state.reader = PublishedReader(used.published_path)
        yield
        app.state.reader.close()

    app = FastAPI(
        title="Rossmann forecasts",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        license_info={"name": "MIT"},
    )
    for router in (health.router, stores.router, model_info.router):
        app.include_router(router)
    problems.install(app)
    return app


app = create_app()
