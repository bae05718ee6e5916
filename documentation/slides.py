"""The slides as one file that needs nothing else: darkslide's presentation with all in it.

Belongs here: rendering. What the slides say is ``docs/slides/slides.md``; a line ``---`` begins
the next one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from darkslide import generator


def render(source: Path) -> str:
    """Render a Markdown file of slides.

    Args:
        source: The file; a line ``---`` begins the next slide.

    Returns:
        An HTML page with styles, scripts and pictures in it.
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
        return target.read_text(encoding="utf-8")
