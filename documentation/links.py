"""Map files of the repository to pages of the site, and rewrite links between them.

Pages have links as they work in the repository. :func:`rewrite` changes them for the site, because
MkDocs resolves only links below ``docs/``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ELSEWHERE = {
    "warehouse/README.md": "reference/tables.md",
    "data/README.md": "reference/data.md",
    "dbt_project/README.md": "reference/dbt-project.md",
    "benchmarks/README.md": "reference/benchmarks.md",
    "notebooks/README.md": "learning/notebooks.md",
    **{
        f"notebooks/{path.name}": f"learning/{path.stem}.md"
        for path in (ROOT / "notebooks").glob("*.ipynb")
    },
    "simplified/README.md": "learning/simplified.md",
    "simplified/01-data-pipeline/README.md": "learning/simplified-data-pipeline.md",
    "simplified/02-mlflow-tracking/README.md": "learning/simplified-mlflow-tracking.md",
    "simplified/03-fastapi-deployment/README.md": "learning/simplified-fastapi-deployment.md",
    "simplified/04-streamlit-dashboard/README.md": "learning/simplified-streamlit-dashboard.md",
    "simplified/another-retailer/README.md": "learning/another-retailer-example.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Page of the site by path in the repository, for files outside ``docs/``."""
SLIDES = {"docs/slides/slides.md": "slides.html"}
"""Page of the slides by path of their source."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def rewrite(markdown: str, page: str, source_url: str = "") -> str:
    """Rewrite the links of a page for the site.

    Args:
        markdown: Text of the page, with links as they work in the repository.
        page: Path of the page on the site.
        source_url: Address that shows the files of the repository; without it a link to a file
            becomes its path.

    Returns:
        The text; a link to a missing file stays as it is, so that the strict build fails.
    """
    by_page = {value: key for key, value in ELSEWHERE.items()}
    here = posixpath.dirname(by_page.get(page, f"docs/{page}"))
    pages = {**ELSEWHERE, **SLIDES}

    def replace(link: re.Match[str]) -> str:
        target, _, fragment = link["target"].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return link[0]
        path = posixpath.normpath(posixpath.join(here, target))
        on_site = pages.get(path) or (
            path.removeprefix("docs/") if path.startswith("docs/") else ""
        )
        if on_site:
            found = posixpath.relpath(on_site, posixpath.dirname(page) or ".")
            return f"[{link['text']}]({found}{'#' + fragment if fragment else ''})"
        if not (ROOT / path).exists():
            return link[0]
        if source_url:
            return f"[{link['text']}]({source_url.rstrip('/')}/{path})"
        named = link["text"].strip("`") in {path, target, posixpath.basename(path)}
        return f"`{path}`" if named else f"{link['text']} (`{path}`)"

    parts, last = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(replace, markdown[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, _LINK.sub(replace, markdown[last:])])
