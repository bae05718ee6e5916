"""Explain by drivers (groups of causes) why a forecast differs from the store's typical day.

The features of one group after another (weekday, promotion, holidays, ...) are switched from their
values on the typical day to their values on the forecast day. The change of the prediction is the
group's contribution. Only predictions of the model are needed, so its family does not matter. The
main entry point is ``explain_newest_origin`` in :mod:`rossmann_ml.forecasting.drivers.record`. See
:mod:`rossmann_ml.features.driver_groups` for the groups.
"""
