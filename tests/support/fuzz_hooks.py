"""Schemathesis hooks that move most random days and store numbers to existing ones.

Schemathesis loads this module (``SCHEMATHESIS_HOOKS``). Without it, almost all random requests
would be refused. Values that are neither days nor store numbers stay unchanged.
"""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from typing import Any

import schemathesis

_FIRST_DAY = date.fromisoformat(os.environ["ROSSMANN_FUZZ_FIRST_DAY"])
_STORES = int(os.environ["ROSSMANN_FUZZ_STORES"])
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_STORE_NAMES = ("store_id", "store_ids")
_HORIZON_DAYS = 42


def is_day(text: str) -> bool:
    """Return whether a text is a valid day."""
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def moved(value: Any, name: str = "") -> Any:
    """Return the value with most days and store numbers replaced by existing ones."""
    if isinstance(value, dict):
        return {key: moved(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [moved(each, name) for each in value]
    if isinstance(value, str) and is_day(value):
        number = sum(value.encode())
        day = _FIRST_DAY + timedelta(days=number % _HORIZON_DAYS)
        return value if number % 8 == 0 else str(day)
    is_store = name in _STORE_NAMES and isinstance(value, int) and not isinstance(value, bool)
    if is_store and value > 0 and value % 8:
        return 1 + value % _STORES
    return value


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Move values in the bodies of what-if questions."""
    return moved(body)


@schemathesis.hook
def map_query(_context: Any, query: Any) -> Any:
    """Move values in filters."""
    return moved(query)


@schemathesis.hook
def map_path_parameters(_context: Any, parameters: Any) -> Any:
    """Move values in paths."""
    return moved(parameters)
