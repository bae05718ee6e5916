"""The forecast of a changed plan."""

from app.dashboard.page import Page

PAGE = Page(
    title="What if",
    intro="Change the plan, and see what the model expects of it.",
    place=30,
)
