"""One store: its sales so far and its forecast."""

from app.dashboard.page import Page

PAGE = Page(
    title="Forecast",
    intro="One store: its sales so far and what is expected of each coming day.",
    place=10,
)
