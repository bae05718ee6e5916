"""Page that compares stores, store types and states."""

from app.dashboard.page import Page

PAGE = Page(
    title="Compare",
    intro="Compare stores, store types and states over the next days.",
    place=20,
)
