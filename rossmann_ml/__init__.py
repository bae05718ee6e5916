"""The forecasting library: all computations of the product, without scheduling and serving.

``docs/explanation/architecture.md`` has a line on each package. Dagster is in ``assets``, HTTP and
pages are in ``app``. Both import this package; this package imports neither.
"""
