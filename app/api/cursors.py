"""Encode and parse cursors, with which callers request the next page of a list.

A cursor contains a generation and a row offset. A generation never changes, so the offset always
points to the same row. Callers treat a cursor as opaque text; it holds no secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.api.problems import invalid_value

# 12 digits at most: far beyond any table, and an integer that DuckDB takes as an offset
_FORM = re.compile(r"([0-9a-f]{12})-([0-9a-f]{12})-([1-9][0-9]{0,11})")


@dataclass(frozen=True)
class Cursor:
    """Position in a list at which a page begins.

    Attributes:
        generation_id: Identifier of the generation that the list is read from.
        question: Fingerprint of the requested table and filters, 12 hexadecimal digits.
        offset: Number of rows before the page.
    """

    generation_id: str
    question: str
    offset: int

    def encode(self) -> str:
        """Convert the cursor to the text that a caller sends back to get the next page."""
        return f"{self.generation_id}-{self.question}-{self.offset}"

    @classmethod
    def decode(cls, text: str, *, question: str) -> Cursor:
        """Parse text that :meth:`encode` returned, for a request with the fingerprint ``question``.

        Raises:
            ProblemError: The text is not a cursor, or it was made for another table or filters.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise invalid_value("query.cursor", "Input should be a next_cursor", text)
        generation_id, of_question, offset = found.groups()
        if of_question != question:
            raise invalid_value(
                "query.cursor", "Input should be a next_cursor of the same filters", text
            )
        return cls(generation_id, question, int(offset))
