"""Scoring with the champion, drivers of the forecasts, and a challenger in shadow."""
