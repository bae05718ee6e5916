"""Page that shows alerts, accuracy of past forecasts, drift, API usage and runs."""

from app.dashboard.page import Page

PAGE = Page(
    title="Monitoring",
    intro="Forecasts compared with actual sales, alerts, and the state of the product.",
    place=60,
)
