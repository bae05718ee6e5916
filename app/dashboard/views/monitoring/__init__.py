"""What came of the forecasts, and how the product runs."""

from app.dashboard.page import Page

PAGE = Page(
    title="Monitoring",
    intro="What came of the forecasts, and how the product runs.",
    place=60,
)
