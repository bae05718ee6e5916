"""The forecasting library: everything that computes, and nothing that schedules or serves.

The packages are in the order of the data, from ``base`` to ``cli``; the page
``docs/explanation/architecture.md`` has a line on each. Dagster is in ``assets``, HTTP and pages
are in ``app``; both call this package, and this package imports neither.
"""
