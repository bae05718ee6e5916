"""The pipeline's database: lock, session, schema, dbt, business date, versions, shared reads."""
