"""Render ``docs/slides/slides.md`` with darkslide to one HTML file without further files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from darkslide import generator


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
        return target.read_text(encoding="utf-8")
