"""What the API notes of requests: process log, metrics, and records for the table ``api_usage``."""
