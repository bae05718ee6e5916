"""Hooks of MkDocs: add generated pages, pages outside ``docs/``, and slides; rewrite links.

See :mod:`documentation.reference` for the generated pages, :mod:`documentation.notebooks` for
notebooks and :mod:`documentation.links` for links.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import fastapi_offline
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from documentation import links, notebooks, reference, slides
from rossmann_ml.base.process import prepare

DBT_PAGE = links.ROOT / ".state" / "dbt-docs" / "static_index.html"
"""dbt's documentation, which ``make docs`` generates."""

prepare()
# remarks of other libraries would stop the strict build
logging.getLogger("alembic").setLevel(logging.ERROR)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add generated pages and pages outside ``docs/``."""
    from app.api.main import create_app  # noqa: PLC0415 - slow, and only a build needs it

    pages = {
        "reference/settings.md": reference.settings_page(),
        "reference/features.md": reference.features_page(),
        "reference/http.html": reference.api_page(create_app().openapi()),
        "reference/dbt-docs.html": "<p>Run `make docs` to build this page.</p>",
        "slides.html": slides.render(links.DOCS / "slides" / "slides.md"),
    }
    if DBT_PAGE.exists():
        page = DBT_PAGE.read_text(encoding="utf-8")
        pages["reference/dbt-docs.html"] = reference.without_tracking(page)
    assets = Path(fastapi_offline.__file__).parent / "static"
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        pages[f"reference/{name}"] = (assets / name).read_text(encoding="utf-8")
    for path, page in links.ELSEWHERE.items():
        source = links.ROOT / path
        is_notebook = source.suffix == ".ipynb"
        pages[page] = (
            notebooks.page_of(source, notebooks.EXECUTED)
            if is_notebook
            else source.read_text(encoding="utf-8")
        )
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite links of the repository to links of the site."""
    source_url = os.environ.get("ROSSMANN_DOCS_SOURCE_URL", "")
    return links.rewrite(markdown, page.file.src_uri, source_url)
