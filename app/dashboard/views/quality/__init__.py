"""Page that shows how fresh, complete and correct the data are."""

from app.dashboard.page import Page

PAGE = Page(
    title="Data quality",
    intro="How fresh, complete and correct the data behind the forecasts are.",
    place=50,
)
