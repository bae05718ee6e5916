"""The forecasting library: everything that computes, and nothing that schedules or serves.

Dagster lives in ``assets``, HTTP and pages live in ``app``; both call this package and this
package imports neither.
"""
