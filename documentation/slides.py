"""Render ``docs/slides/slides.md`` with darkslide to one HTML file without further files."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from darkslide import generator

_SOURCE = r'<aside class="source">.*?</aside>|<!-- slide source: [^>]*-->'


def render(source: Path) -> str:
    """Render a Markdown file of slides.

    Args:
        source: Path of the file; a line ``---`` begins the next slide.

    Returns:
        HTML that contains its styles, scripts and pictures.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "slides.html"
        generator.Generator(
            str(source),
            destination_file=str(target),
            embed=True,
            linenos="no",
            presenter_notes=True,
            relative=True,
            theme="default",
        ).execute()
        page = target.read_text(encoding="utf-8")
    # the theme names the source of every slide by its path on the machine that built the page
    return re.sub(_SOURCE, "", page, flags=re.DOTALL)
