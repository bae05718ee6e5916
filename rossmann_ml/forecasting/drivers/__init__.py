"""Explain forecasts by drivers: groups of causes with contributions that add up to the forecast.

The features of one group after another (weekday, promotion, holidays, ...) are switched from their
values on the store's typical day to their values on the forecast day. The change of the prediction
is the group's contribution. This works with any model that predicts. The main entry point is
``explain_newest_origin`` in :mod:`rossmann_ml.forecasting.drivers.record`. See
:mod:`rossmann_ml.features.driver_groups` for the groups.
"""
