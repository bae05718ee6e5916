"""Page that shows one store's past sales and forecast."""

from app.dashboard.page import Page

PAGE = Page(
    title="Forecast",
    intro="Past sales of one store, and its forecast for each of the next days.",
    place=10,
)
