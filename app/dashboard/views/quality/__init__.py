"""The state of the data."""

from app.dashboard.page import Page

PAGE = Page(
    title="Data quality",
    intro="Whether the data that the forecasts stand on can be trusted.",
    place=50,
)
