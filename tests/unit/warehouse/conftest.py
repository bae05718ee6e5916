"""Fixtures of a warehouse in memory, shared by all tests and emptied before each."""

from support.ingest_warehouse import memory_database, warehouse, with_stores

__all__ = ["memory_database", "warehouse", "with_stores"]
