"""How good the models are."""

from app.dashboard.page import Page

PAGE = Page(
    title="Model",
    intro="How good the forecasts are, where, and beside what else could be done.",
    place=40,
)
