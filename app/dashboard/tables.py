"""Show tables in the same style on all pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import streamlit as st

from app.dashboard import words

_DATE = st.column_config.DateColumn(format="DD MMM YYYY")
_MOMENT = st.column_config.DatetimeColumn(format="DD MMM YYYY, HH:mm")


def show_table(
    rows: Sequence[dict[str, Any]],
    *,
    euro: Sequence[str] = (),
    signed_euro: Sequence[str] = (),
    share: Sequence[str] = (),
    column_config: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Show a table without row numbers, with a dash for a missing value.

    A column that contains days or times is recognized by its values, and its format is the same in
    all tables.

    Args:
        rows: One dictionary for each row. Its keys are the titles of the columns.
        euro: Titles of columns that are shown in whole euros.
        signed_euro: Titles of columns that are shown in whole euros with a sign.
        share: Titles of columns that contain fractions and are shown as percentages.
        column_config: Configuration of columns by title, as in ``st.dataframe``. It overrides the
            formats above.
        **options: Further options of ``st.dataframe``.
    """
    days = {
        title: _MOMENT if isinstance(value, datetime) else _DATE
        for row in rows
        for title, value in row.items()
        if isinstance(value, date)
    }
    config = {
        **days,
        **dict.fromkeys(euro, st.column_config.NumberColumn(format="%,.0f €")),
        **dict.fromkeys(signed_euro, st.column_config.NumberColumn(format="%+,.0f €")),
        **dict.fromkeys(share, st.column_config.NumberColumn(format="percent")),
        **(column_config or {}),
    }
    st.dataframe(rows, hide_index=True, placeholder=words.NONE, column_config=config, **options)
