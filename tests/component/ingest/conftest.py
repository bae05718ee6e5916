"""Provide a warehouse in memory that all tests share and that is emptied before each."""

from support.ingest_warehouse import memory_database, warehouse, with_stores

__all__ = ["memory_database", "warehouse", "with_stores"]
