"""Render the notebooks as pages, with the outputs of their newest run.

Notebooks are committed without outputs. ``make docs`` runs them into :data:`EXECUTED` if something
is published; without that, pages show text and code only, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from documentation.links import ROOT

EXECUTED = ROOT / ".state" / "notebooks"
"""Folder of the executed copies, which have the names of the notebooks."""
_WITHOUT_OUTPUTS = (
    "*Without outputs: `make docs` adds them after `make run` has published forecasts.*"
)


def page_of(path: Path, executed: Path) -> str:
    """Render a notebook as Markdown.

    Args:
        path: Path of the notebook.
        executed: Folder of executed copies. A copy counts only if its cells are still those of the
            notebook.
    """
    notebook = nbformat.read(path, as_version=4)
    copy = executed / path.name
    has_outputs = False
    if copy.exists():
        run = nbformat.read(copy, as_version=4)
        has_outputs = _sources(run) == _sources(notebook)
        notebook = run if has_outputs else notebook
    title, *cells = notebook.cells
    parts = [title.source, *([] if has_outputs else [_WITHOUT_OUTPUTS])]
    for cell in cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts += [f"```python\n{cell.source}\n```", *_outputs(cell)]
    return "\n\n".join(parts) + "\n"


def _sources(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells]


def _outputs(cell: Any) -> Iterator[str]:
    """Yield a code cell's outputs as Markdown: pictures, tables and text."""
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            picture = data["image/png"].replace("\n", "")
            yield f"![Chart that the code draws](data:image/png;base64,{picture})"
        elif "text/html" in data:
            # in one line, because Markdown ends a block of HTML at an empty line; the theme draws
            # tables without a class
            table = re.sub(r"<table[^>]*>", "<table>", " ".join(data["text/html"].split()))
            yield f'<div style="overflow-x: auto">{table}</div>'
        else:
            text = output.get("text") or data.get("text/plain", "")
            yield f"~~~~text\n{text.rstrip()}\n~~~~"
