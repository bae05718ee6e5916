"""Run Dagster's web server behind :class:`assets.same_origin.SameOrigin`.

Dagster's own command cannot be given an ASGI layer. Entry point: :func:`serve`.
"""

from __future__ import annotations

from collections.abc import Collection

import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from assets.home import open_instance
from assets.metadata import CHECK_PAGES
from assets.same_origin import SameOrigin
from rossmann_ml.base.settings import Settings

# the defaults of Dagster's own command
_STATEMENT_TIMEOUT_MILLISECONDS = 15_000
_POOL_RECYCLE_SECONDS = 3_600
_POOL_MAX_OVERFLOW = 20
_POLL_MILLISECONDS = 2_000


class _Pages(StaticFiles):
    """Pages without scripts and forms, because they show values of the retailer's files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; img-src 'self' data:; font-src 'self'; "
            "style-src 'self' 'unsafe-inline'"
        )
        return response


def with_check_pages(app: Starlette, settings: Settings) -> Starlette:
    """Add the pages of Great Expectations to Dagster's web server, for links from its checks.

    Args:
        app: Dagster's application.
        settings: Settings with the state folder. Pages that are written later are served too.
    """
    folder = settings.state_path / "gx" / "data_docs"
    folder.mkdir(parents=True, exist_ok=True)  # for a first run later
    pages = _Pages(directory=folder, html=True)
    app.router.routes.insert(0, Mount(CHECK_PAGES, pages))  # the last route matches every path
    return app


def serve(settings: Settings, *, host: str, port: int, host_names: Collection[str]) -> None:
    """Serve Dagster's UI until a signal arrives.

    Args:
        settings: Settings with Dagster's folder and its workspace file.
        host: Address to listen on.
        port: Port to listen on.
        host_names: Host names, without port, under which the server may be addressed.
    """
    with open_instance(settings) as instance:
        instance.optimize_for_webserver(
            _STATEMENT_TIMEOUT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_MAX_OVERFLOW
        )
        target = WorkspaceFileTarget(paths=[str(settings.home / settings.dagster_workspace)])
        with WorkspaceProcessContext(
            instance, workspace_load_target=target, version=__version__
        ) as context:
            app = create_app_from_workspace_process_context(
                context, live_data_poll_rate=_POLL_MILLISECONDS
            )
            guarded = SameOrigin(with_check_pages(app, settings), hosts=host_names)
            uvicorn.run(guarded, host=host, port=port, log_level="warning")
