"""The pipeline's database: connection and lock, schema, dbt, today's date, versions of the data."""
