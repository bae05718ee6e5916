"""How every table of the dashboard is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.dashboard import words


def show_table(rows: Sequence[dict[str, Any]], **options: Any) -> None:
    """A table without row numbers, with a dash where there is no figure.

    Args:
        rows: A dictionary a row, by the titles of the columns.
        **options: Further ones of ``st.dataframe``, such as ``column_config``.
    """
    st.dataframe(rows, hide_index=True, placeholder=words.NONE, **options)
