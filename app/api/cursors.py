"""Cursors: where a list goes on, and in which generation.

A generation never changes, so a place in its order is a number; a cursor names the generation, the
question and that number. It is opaque to callers and carries no secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass

from app.api.problems import invalid_value

_GENERATION = re.compile(r"[0-9a-f]{12}")
_MOST_ROWS = 2**40


@dataclass(frozen=True)
class Cursor:
    """A place in a list.

    Attributes:
        generation_id: The generation the list was read from.
        question: Fingerprint of table and filters.
        offset: Rows before it.
    """

    generation_id: str
    question: str
    offset: int

    def encode(self) -> str:
        """As text for a caller."""
        content = json.dumps([self.generation_id, self.question, self.offset])
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, question: str) -> Cursor:
        """Read what :meth:`encode` wrote.

        Raises:
            ProblemError: It is no cursor, or one of another question.
        """
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            generation_id, of_question, offset = json.loads(base64.urlsafe_b64decode(padded))
            cursor = cls(str(generation_id), str(of_question), int(offset))
        except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError):
            raise invalid_value("query.cursor", "Input should be a next_cursor", text) from None
        if not _GENERATION.fullmatch(cursor.generation_id) or not 0 < cursor.offset < _MOST_ROWS:
            raise invalid_value("query.cursor", "Input should be a next_cursor", text)
        if cursor.question != question:
            raise invalid_value(
                "query.cursor", "Input should be a next_cursor of the same filters", text
            )
        return cursor
