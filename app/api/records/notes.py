"""Collect facts about a request while it is processed, for logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

NOTES = "rossmann.notes"
"""Name of the notes in the ASGI scope of a request."""


@dataclass(slots=True)
class Notes:
    """Facts about one request; they become fields of its record in the request log.

    Attributes:
        request_id: Identifier that the caller sent, or a new one.
        status: HTTP status of the response.
        stores: Number of different stores in the response; None for a response without stores.
        generation_id: Generation that the response was read from; None if none was read.
        key_name: Name of the API key's holder; None without a valid key, or if the settings contain
            no keys.
        caller: Name of the caller for limits, which no log contains: the holder of the key, or else
            the network address.
        what_if: Content of a what-if request and its forecasts; None for other requests.
    """

    request_id: str
    status: int = 500
    stores: int | None = None
    generation_id: str | None = None
    key_name: str | None = None
    caller: str = "unknown"
    what_if: dict[str, Any] | None = None


def notes_of(scope: Scope) -> Notes:
    """Return the notes that :class:`app.api.envelope.Envelope` put into a request's scope."""
    notes: Notes = scope[NOTES]
    return notes
