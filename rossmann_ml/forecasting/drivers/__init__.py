"""Drivers: why a forecast is what it is, as a sum of a few groups of causes.

A forecast is compared with what the same store sells on its typical day. One group of causes
after another (weekday, promotion, holidays, ...) is put from the typical day to the day that is
forecast, and what the forecast moves by is that group's contribution. Belongs here: the typical
day, the sums and the table they are stored in; the groups are in
:mod:`rossmann_ml.features.driver_groups`. Nothing here knows of a model family: all that is asked
of a model is to predict.
"""
