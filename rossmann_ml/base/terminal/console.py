"""Print text for people without obeying it: control characters are shown, emoji codes are text.

Entry point: :class:`Console`, which every command uses in place of Rich's. Names and values of
files reach the terminal in messages, and must not move its cursor, clear it or set its title.
"""

from __future__ import annotations

import re
from typing import Any

import rich.console
from rich.text import Text

# Control characters except line feed and tab, and those that reverse the direction of text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text with its control characters as escapes, such as ``\x1b``."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Console(rich.console.Console):
    """Rich's console without highlighting, emoji codes and control characters of printed text.

    Rich's markup still works, so text that is not the product's own is passed through
    ``rich.markup.escape``.

    Args:
        **options: Options of Rich's console.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "emoji": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Convert a string to styled text; Rich calls this method for every string it prints."""
        return super().render_str(printable(text), **options)
