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

from assets.home import open_instance
from assets.same_origin import SameOrigin
from rossmann_ml.base.settings import Settings

# the defaults of Dagster's own command
_STATEMENT_TIMEOUT_MILLISECONDS = 15_000
_POOL_RECYCLE_SECONDS = 3_600
_POOL_MAX_OVERFLOW = 20
_POLL_MILLISECONDS = 2_000


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
            guarded = SameOrigin(app, hosts=host_names)
            uvicorn.run(guarded, host=host, port=port, log_level="warning")
