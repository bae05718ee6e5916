"""Query the pipeline's tables for packages that do not own them, one module per schema.

A table's owner is the package that writes it; ``dbt_project`` owns dbt's models. A test allows SQL
on a table only in its owner and here. See :mod:`rossmann_ml.serving` for the tables of published
generations.
"""
