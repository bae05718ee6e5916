"""Open, lock and migrate the pipeline's database, and run dbt on it.

Entry points: ``session`` for jobs and commands, ``connection`` for a single connection, ``clock``
for the business date, ``versions`` for fingerprints, ``tables`` for queries that several packages
share.
"""
