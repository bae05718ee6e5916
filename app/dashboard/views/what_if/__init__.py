"""Page that forecasts sales for a changed plan."""

from app.dashboard.page import Page

PAGE = Page(
    title="What if",
    intro="Change the plan, and see what the model expects with the changes.",
    place=30,
)
