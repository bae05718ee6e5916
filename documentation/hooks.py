"""What MkDocs is told to do more: pages made from code, pages from elsewhere, slides, links.

Belongs here: only the joining; what the pages say is in :mod:`documentation.reference`, what
becomes of links in :mod:`documentation.links`.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from documentation import links, reference, slides
from rossmann_ml.base.process import prepare

DBT_PAGE = links.ROOT / ".state" / "dbt-docs" / "static_index.html"
"""dbt's own documentation, made by ``make docs``; without it the site is built without it."""

prepare()
# the other libraries' remarks are no faults of the documentation
logging.getLogger("alembic").setLevel(logging.ERROR)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every page that is there: decisions by number, and those that no one listed."""
    named = set(_named(config.nav))
    decisions = sorted(path.relative_to(links.DOCS) for path in links.DOCS.glob("decisions/*.md"))
    others = sorted(path.name for path in links.DOCS.glob("*.md") if path.name not in named)
    for section in config.nav or []:
        for title, entries in section.items() if isinstance(section, dict) else ():
            if title == "Explanation":
                entries.append({"Decisions": [path.as_posix() for path in decisions]})
            if title == "Running it":
                entries.extend(others)
    return config


def _named(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [name for entry in entries for name in _named(entry)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and those that lie elsewhere in the repository."""
    from app.api.main import create_app  # noqa: PLC0415 - slow, and only a build needs it

    pages = {
        "reference/cli.md": reference.cli_page(),
        "reference/settings.md": reference.settings_page(),
        "reference/http.md": reference.api_page(create_app().openapi()),
        "reference/features.md": reference.features_page(),
        "reference/dbt.md": reference.dbt_page(has_dbt_site=DBT_PAGE.exists()),
        "slides.html": slides.render(links.DOCS / "slides" / "slides.md"),
    }
    if DBT_PAGE.exists():
        page = DBT_PAGE.read_text(encoding="utf-8")
        pages["reference/dbt-docs.html"] = reference.without_tracking(page)
    for path, page in links.site_pages().items():
        pages[page] = (links.ROOT / path).read_text(encoding="utf-8")
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links that work in the repository work on the site."""
    source_url = os.environ.get("ROSSMANN_DOCS_SOURCE_URL", "")
    pages = {**links.site_pages(), **links.SLIDES}
    return links.rewrite(markdown, page.file.src_uri, pages, source_url)
