"""Page that shows the champion, its accuracy, and other models."""

from app.dashboard.page import Page

PAGE = Page(
    title="Model",
    intro="How accurate the forecasts are, for which days and stores, and compared with simple "
    "methods.",
    place=40,
)
