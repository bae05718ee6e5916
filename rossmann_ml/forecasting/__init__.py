"""Forecast with the champion, explain its forecasts, and make shadow forecasts by a challenger."""
