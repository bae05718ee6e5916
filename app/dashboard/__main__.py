"""Run the dashboard's server, ``python -m app.dashboard``; ``rossmann dashboard`` starts it.

In addition to the pages it serves the pages of Great Expectations, Data Docs, read-only.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from rossmann_ml.base import process
from rossmann_ml.base.signals import ended_by_signals

process.prepare()
with ended_by_signals():  # so that a signal during these imports ends the process without traceback
    import streamlit as st
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import RedirectResponse
    from starlette.routing import BaseRoute, Mount, Route
    from starlette.staticfiles import StaticFiles

    from app.dashboard.page import pages
    from rossmann_ml.base.host_names import host_names
    from rossmann_ml.base.settings import Settings, default_settings

DATA_DOCS = "data_docs"
"""Path of the Data Docs below the dashboard's address."""


class _Pages(StaticFiles):
    async def check_config(self) -> None:
        """Accept a folder that does not exist yet, because the first data checks create it."""


def main() -> None:
    """Serve the dashboard until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m app.dashboard", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    arguments = parser.parse_args()
    settings = default_settings()
    names = host_names(settings, arguments.host)
    app = st.App(Path(__file__).with_name("main.py"), routes=routes(settings, names))
    # other settings are in .streamlit/config.toml next to this file
    config = {
        "server.address": arguments.host,
        "server.port": arguments.port,
        "server.allowedHosts": names,
    }
    with suppress(KeyboardInterrupt):
        app.run(config=config)


def routes(settings: Settings, names: list[str]) -> list[BaseRoute]:
    """Return the addresses that are no pages of the dashboard.

    They are the Data Docs, and the first page's own name, which Streamlit shows at ``/`` only.

    Args:
        settings: Settings with the folder of the Data Docs.
        names: Host names under which the Data Docs may be asked for.
    """
    first = next(iter(pages()))
    docs = _Pages(directory=settings.data_docs_path, html=True, check_dir=False)
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    known = Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    return [
        Route(f"/{first}", lambda request: _redirect(request, "./")),
        Route(f"/{DATA_DOCS}", lambda request: _redirect(request, f"{DATA_DOCS}/index.html")),
        Mount(f"/{DATA_DOCS}", docs, middleware=[known]),
    ]


def _redirect(request: Request, target: str) -> RedirectResponse:
    """Redirect to an address relative to the request's, with the same query."""
    query = request.url.query
    return RedirectResponse(f"{target}?{query}" if query else target)


if __name__ == "__main__":
    main()
