"""Lets most questions of Schemathesis be ones that have an answer: days and stores that are there.

Loaded by Schemathesis (``SCHEMATHESIS_HOOKS``). A day or store number it made stays what it is, or
is moved to one of the generation's; what is neither is left alone.
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
    """Whether a text is a day that there is."""
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def moved(value: Any, name: str = "") -> Any:
    """The same value with most days and stores moved to where there is something."""
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
    """Of the bodies of what-if questions."""
    return moved(body)


@schemathesis.hook
def map_query(_context: Any, query: Any) -> Any:
    """Of filters."""
    return moved(query)


@schemathesis.hook
def map_path_parameters(_context: Any, parameters: Any) -> Any:
    """Of addresses."""
    return moved(parameters)
