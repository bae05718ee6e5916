"""Render Data Docs pages that need no network: no scripts, styles inside the page.

Great Expectations' own templates load styles, icons and scripts from the internet; without them the
index lists no run, and no page marks what passed. The templates in ``page_templates`` replace the
library's templates of the same names. Great Expectations makes the view by its name.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader, pass_context

TEMPLATES = Path(__file__).resolve().parent / "page_templates"


class OfflinePageView(DefaultJinjaPageView):  # type: ignore[misc]
    """View of all pages and of the index of Data Docs."""

    def __init__(self, **folders: Any) -> None:
        super().__init__(**folders)
        library = self.env.loader
        self.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), library])

    @pass_context
    def render_content_block(self, context: Any, block: Any, *options: Any, **named: Any) -> Any:
        """Render a part of a page; escape plain text, such as an unexpected value of a file."""
        if isinstance(block, str):
            return html.escape(block, quote=False)
        return super().render_content_block(context, block, *options, **named)
