"""Protect Dagster's web server, which has no login, from web pages of other origins.

Dagster answers GraphQL from any origin under any host name, mutations by GET included, so that a
page which an operator visits could start and delete runs. :class:`SameOrigin` is the ASGI layer
that refuses this. It has no part in who may reach the port.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GRAPHQL = "/graphql"
# name or address, and a port; nothing that a parser of URLs would cut off or could stumble over
_HOST = re.compile(r"(?:([a-z0-9_.-]+)|\[([0-9a-f:.]+)\])(?::[0-9]+)?")


class SameOrigin:
    """ASGI layer that passes on requests of the server's own pages and of programs.

    Refused are requests under a foreign host name (400), requests of pages of another origin (403)
    and GraphQL queries by GET (405), which an image or a link of any page could send. A link to a
    page of the server works from everywhere. Pages cannot be shown inside another site's page.

    Args:
        app: Application to wrap.
        hosts: Host names in lower case, without port, under which the server may be addressed.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with the reason for refusing it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if (refusal := self._refusal(scope, Headers(scope=scope))) is not None:
            await refusal(scope, receive, send)
            return

        async def send_unframed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Frame-Options"] = "SAMEORIGIN"
            await send(message)

        await self._app(scope, receive, send_unframed)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        # a header that comes twice is refused, because readers differ in which one they take
        host = ", ".join(headers.getlist("host")).lower()
        named = _HOST.fullmatch(host)
        if named is None or (named[1] or named[2]) not in self._hosts:
            return PlainTextResponse(
                f"The host name in {host!r} is unknown; expected one of "
                f"{', '.join(sorted(self._hosts))}. ROSSMANN_ALLOWED_HOSTS adds names.\n",
                status_code=400,
            )
        method = scope.get("method")  # None for a websocket
        origin = ", ".join(headers.getlist("origin"))
        if "origin" in headers and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return PlainTextResponse(
                f"A page of {origin} sent this request; expected a page of {host}. A proxy must "
                "pass on the header Host as the browser sent it.\n",
                status_code=403,
            )
        is_link = method == "GET" and headers.get("sec-fetch-dest") == "document"
        is_foreign = not {"same-origin", "none"}.issuperset(headers.getlist("sec-fetch-site"))
        if is_foreign and not is_link:
            return PlainTextResponse("A page of another site sent this request.\n", status_code=403)
        # as Dagster decides it: a browser that navigates gets the page GraphiQL, which runs nothing
        is_page = "text/html" in headers.get("accept", "")
        is_query = scope["type"] == "http" and scope["path"] == _GRAPHQL
        if is_query and method != "POST" and not is_page:
            return PlainTextResponse(
                "GraphQL is answered by POST only.\n", status_code=405, headers={"Allow": "POST"}
            )
        return None
