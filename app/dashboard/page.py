"""Describe a page of the dashboard, and find all pages, which are the folders in ``views``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from rossmann_ml.base.plugins import module_names

_VIEWS = "app.dashboard.views"


@dataclass(frozen=True)
class Page:
    """Menu entry and heading of a page.

    Attributes:
        title: Name in the menu and heading of the page.
        intro: One sentence below the heading on what the page is for.
        place: Position in the menu: pages are sorted by it, smallest first. The first page opens
            if the address names no page.
    """

    title: str
    intro: str
    place: int


def pages() -> dict[str, Page]:
    """Find all pages and sort them as in the menu.

    Returns:
        The object ``PAGE`` of each folder in ``views``, by the name of the folder. The folder's
        name is also the path of the page in the address.
    """
    found = {name: import_module(f"{_VIEWS}.{name}").PAGE for name in module_names(_VIEWS)}
    return dict(sorted(found.items(), key=lambda item: item[1].place))
