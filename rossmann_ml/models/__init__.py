"""Fit models of log sales, blend them, and calibrate their forecasts; without warehouse access.

``base`` defines the interface of a model, ``families`` has one module per model family, ``blend``
averages them. ``baselines`` are the references of every score. ``calibration`` and
``total_calibration`` hold bias factors and intervals. ``bundle`` saves and loads all of it.
"""
