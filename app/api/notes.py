"""Facts about a request that are collected while it is answered, for logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

NOTES = "rossmann.notes"
"""Name of the notes in the ASGI scope of a request."""


@dataclass(slots=True)
class Notes:
    """Facts about one request; each attribute is a field of its record.

    Attributes:
        request_id: Identifier that the caller sent, or a new one.
        status: HTTP status of the answer.
        stores: Number of stores in the answer; None where it is not about stores.
        generation_id: Generation that the answer was read from; None where none was needed.
        key_name: Holder of the API key; None without keys.
        what_if: What-if question and its forecasts; None for other requests.
    """

    request_id: str
    status: int = 500
    stores: int | None = None
    generation_id: str | None = None
    key_name: str | None = None
    what_if: dict[str, Any] | None = None


def notes_of(scope: Scope) -> Notes:
    """Return the notes of a request."""
    notes: Notes = scope[NOTES]
    return notes
