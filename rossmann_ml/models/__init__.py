"""Fit models that predict log sales, blend them, and calibrate their forecasts.

These modules do not access the warehouse. ``base`` defines the interface of a model, ``families``
has one module per model family, ``blend`` averages their forecasts, and ``chain_level`` corrects
what all stores share on a day. ``calibration`` and ``total_calibration`` compute bias factors and
intervals, ``error_scale`` the size of errors that daily intervals need. ``bundle`` saves and loads
a fitted blend with its calibrations.
"""
