"""Cursors: the place at which a list continues, and the generation that it is read from.

A generation never changes, so a number of rows is a stable place in its order. Callers treat a
cursor as opaque text; it holds no secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.api.problems import invalid_value

# 12 digits at most: far beyond any table, and an integer that DuckDB takes as an offset
_FORM = re.compile(r"([0-9a-f]{12})-([0-9a-f]{12})-([1-9][0-9]{0,11})")


@dataclass(frozen=True)
class Cursor:
    """A place in a list.

    Attributes:
        generation_id: Generation that the list is read from.
        question: Fingerprint of table and filters, 12 hexadecimal digits.
        offset: Number of rows before the place.
    """

    generation_id: str
    question: str
    offset: int

    def encode(self) -> str:
        """Return the text that a caller sends back for the next page."""
        return f"{self.generation_id}-{self.question}-{self.offset}"

    @classmethod
    def decode(cls, text: str, *, question: str) -> Cursor:
        """Parse the text that :meth:`encode` returned.

        Raises:
            ProblemError: The text is not a cursor, or is a cursor of another question.
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
