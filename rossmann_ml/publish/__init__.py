"""Publish read-only generations of the forecasts, and move the pointer to the current one.

``publishing`` runs the steps in order: ``identity`` (which generation), ``writer``, ``audit``,
``continuity`` (how far totals moved), ``retention``. ``vintages`` archives older origins,
``summary`` reads the current generation, ``exports`` writes cleaned tables as Parquet. Readers use
:mod:`rossmann_ml.serving`.
"""
