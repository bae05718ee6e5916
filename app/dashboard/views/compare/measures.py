"""Define the measures by which stores are ranked, and compute them for groups of stores.

Entry point: ``MEASURES``. See ``app.queries.stores_side_by_side`` for the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from app.dashboard import words
from app.queries import Row


@dataclass(frozen=True)
class Measure:
    """Measure by which stores can be ranked, for example sales per open day.

    Attributes:
        column: Column with the measure in rows of ``app.queries.stores_side_by_side``.
        title: Title of the column in the ranking.
        text: Function that converts a value to text.
        of_group: Polars expression that computes the measure for several stores together from
            their rows, for example the sum of their sales divided by the sum of their open days.
    """

    column: str
    title: str
    text: Callable[[float | None], str]
    of_group: pl.Expr

    def by_state(self, rows: Sequence[Row]) -> dict[str, float | None]:
        """Return the measure for each state, computed for all its stores together.

        Args:
            rows: Rows of ``app.queries.stores_side_by_side``.

        Returns:
            Value by state code, or by ``unknown`` for stores without a known state. The value is
            None if it cannot be computed, for example without sales of last year.
        """
        return dict(as_frame(rows).group_by("state").agg(self._known()).sort("state").iter_rows())

    def together(self, rows: Sequence[Row]) -> str:
        """Return the measure, as text, computed for all stores together.

        Args:
            rows: Rows of ``app.queries.stores_side_by_side``.
        """
        return self.text(as_frame(rows).select(self._known()).item())

    def _known(self) -> pl.Expr:
        return pl.when(self.of_group.is_finite()).then(self.of_group)


def as_frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Return rows of ``app.queries.stores_side_by_side`` as a frame."""
    return pl.DataFrame(rows, infer_schema_length=None)


_TOTAL = pl.col("sales_unbiased").sum()
_LAST_YEAR, _COMPARED = (pl.col(name).cast(pl.Float64).sum() for name in ("last_year", "compared"))
MEASURES = {
    "total sales": Measure("sales_unbiased", "Total", words.euro, _TOTAL),
    "sales per open day": Measure(
        "per_open_day", "Per open day", words.euro, _TOTAL / pl.col("open_days").sum()
    ),
    "change on last year": Measure(
        "change_on_last_year",
        "Vs. last year",
        words.signed_percent,
        _COMPARED / _LAST_YEAR - 1,
    ),
    "uncertainty": Measure(
        "range_share",
        "Uncertainty",
        words.percent,
        (pl.col("range_share").cast(pl.Float64) * pl.col("sales_unbiased")).sum() / _TOTAL,
    ),
}
