"""A warehouse in memory, one for all tests, emptied before each."""

from support.ingest_warehouse import memory_database, warehouse, with_stores

__all__ = ["memory_database", "warehouse", "with_stores"]
