"""Forecast with the champion, explain the forecasts by drivers, and run a challenger in shadow."""
