"""Open, lock and migrate the pipeline's database, and run dbt on it.

Modules: ``session`` for jobs and commands, ``connection`` for a single connection, ``dbt`` to run
dbt, ``clock`` for the business date, ``versions`` for fingerprints of data and code, ``tables`` for
queries that several packages share.
"""
