"""Many stores beside each other."""

from app.dashboard.page import Page

PAGE = Page(
    title="Compare",
    intro="Stores, types and states beside each other over the coming days.",
    place=20,
)
