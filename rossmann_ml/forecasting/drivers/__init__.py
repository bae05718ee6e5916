"""Explain forecasts by drivers: contributions of groups of causes that add up to the forecast.

One group after another (weekday, promotion, holidays, ...) is switched from the store's typical
day to the forecast day; the change of the forecast is the group's contribution. Any model that
predicts can be explained. The main entry point is ``explain_newest_origin`` in
:mod:`rossmann_ml.forecasting.drivers.record`. See :mod:`rossmann_ml.features.driver_groups` for
the groups.
"""
