"""Publish read-only generations of the forecasts, and move the pointer to the current one.

``publishing`` calls the steps in order: ``identity`` determines the generation's id and origins,
``vintages`` archives older origins, ``writer`` writes the file, ``audit`` compares the file with
the contract, ``continuity`` compares its totals with the published ones, ``retention`` removes old
generations. ``summary`` reads the current generation, ``exports`` writes cleaned tables as Parquet.
Readers use :mod:`rossmann_ml.serving`.
"""
