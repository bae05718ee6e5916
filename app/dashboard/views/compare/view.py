"""Show the comparison page: ranking, map of states, stores side by side, weekly totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.downloads import show_downloads
from app.dashboard.tables import show_table
from app.dashboard.views.compare import PAGE, charts, queries
from app.queries import Row

_MOST_LINES = 8
_DOWNLOADED = (
    "store_id", "store_type", "assortment", "state", "total", "per_open_day", "open_days",
    "promo_days", "range_share", "change_on_last_year",
)  # fmt: skip
LEVELS = {
    "whole chain": "chain",
    "store type": "store_type",
    "assortment": "assortment",
    "state": "state",
}


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
        return dict(_frame(rows).group_by("state").agg(self._known()).sort("state").iter_rows())

    def together(self, rows: Sequence[Row]) -> str:
        """Return the measure, as text, computed for all stores together.

        Args:
            rows: Rows of ``app.queries.stores_side_by_side``.
        """
        return self.text(_frame(rows).select(self._known()).item())

    def _known(self) -> pl.Expr:
        return pl.when(self.of_group.is_finite()).then(self.of_group)


def _frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None)


_TOTAL = pl.col("total").sum()
_LAST_YEAR = pl.col("last_year").cast(pl.Float64)
_KNOWN = pl.col("total").filter(_LAST_YEAR.is_not_null())
MEASURES = {
    "total sales": Measure("total", "Total", words.euro, _TOTAL),
    "sales per open day": Measure(
        "per_open_day", "Per open day", words.euro, _TOTAL / pl.col("open_days").sum()
    ),
    "change on last year": Measure(
        "change_on_last_year",
        "On last year",
        words.signed_percent,
        _KNOWN.sum() / _LAST_YEAR.sum() - 1,
    ),
    "uncertainty": Measure(
        "range_share",
        "Uncertainty",
        words.percent,
        (pl.col("range_share").cast(pl.Float64) * pl.col("total")).sum() / _TOTAL,
    ),
}


def show(ask: Answers) -> None:
    """Show filters for stores, and compare the matching stores in a ranking, a map and charts."""
    everything = ask(shared_queries.stores)
    wanted = choices.store_filter(everything)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    days = choices.days_ahead(left, ask.info.horizon_days)
    name = right.selectbox(
        "Rank by",
        list(MEASURES),
        key="by",
        bind="query-params",
        help="Uncertainty: half the width of a day's 80% range, as a share of the forecast, on "
        f"average. {words.RANGE_HELP}",
    )
    kept = {row["store_id"] for row in everything if wanted.keeps(row)}
    rows = [row for row in ask(shared_queries.stores_side_by_side, days) if row["store_id"] in kept]
    if not rows:
        if kept:
            frame.nothing("None of the stores that match has a forecast from this origin.")
        else:
            frame.nothing("No store matches these filters. Remove one of them to see stores.")
        return
    measure = MEASURES[name]
    show_figures(rows, days, len(kept))
    ranking, states = st.columns([3, 2])
    with ranking:
        show_ranking(ask, rows, name)
    with states:
        show_map(rows, name, measure)
    show_side_by_side(ask, rows, days)
    show_totals(ask, wanted)


def show_figures(rows: Sequence[Row], days: int, matching: int) -> None:
    """Show the number of stores, and three numbers for all of them together.

    These are the forecast total, the forecast per open day, and the relative change of the total
    from the sales 364 days earlier. The change omits stores with missing sales on those days.

    Args:
        rows: Rows of ``app.queries.stores_side_by_side``, one for each store that matches the
            filter and has a forecast.
        days: Number of days ahead that the rows cover.
        matching: Number of stores that match the filter, with or without a forecast.
    """
    with st.container(horizontal=True):
        frame.metric("Stores", f"{len(rows):,}")
        frame.metric(f"Total, next {days} days", MEASURES["total sales"].together(rows))
        frame.metric("Per open day", MEASURES["sales per open day"].together(rows))
        frame.metric("On the same days last year", MEASURES["change on last year"].together(rows))
    notes = []
    if without := matching - len(rows):
        notes.append(f"Not included: {words.count(without, 'matching store')} without a forecast.")
    if unknown := sum(row["last_year"] is None for row in rows):
        notes.append(
            "Not included in the change on last year: "
            f"{words.count(unknown, 'store')} with missing days last year."
        )
    if notes:
        st.caption(" ".join(notes))


def show_ranking(ask: Answers, rows: Sequence[Row], name: str) -> None:
    """Show the stores ranked by a measure, largest value first, with a button to download them.

    ``rows`` are rows of ``app.queries.stores_side_by_side``. ``name`` is the measure's key in
    ``MEASURES``.
    """
    measure = MEASURES[name]
    st.subheader(f"Ranking by {name}", anchor=False)
    ranked = sorted(
        rows,
        key=lambda row: (row[measure.column] is None, -(row[measure.column] or 0)),
    )
    table = [
        {
            "Rank": rank,
            "Store": row["store_id"],
            "Type": row["store_type"],
            "Assortment": row["assortment"],
            "State": row["state"],
            "Total": row["total"],
            "Per open day": row["per_open_day"],
            "On last year": row["change_on_last_year"],
            "Uncertainty": row["range_share"],
            "Promo days": row["promo_days"],
        }
        for rank, row in enumerate(ranked, 1)
    ]
    show_table(
        table,
        height=380,
        # the measure comes early, so that a narrow screen shows it
        column_order=list(dict.fromkeys(("Rank", "Store", measure.title, *table[0]))),
        column_config={
            "Total": st.column_config.ProgressColumn(
                format="%,.0f €", min_value=0, max_value=max(row["total"] for row in rows)
            )
        },
        euro=("Per open day",),
        share=("On last year", "Uncertainty"),
    )
    with st.container(horizontal=True):
        show_downloads(
            "Download the ranking",
            lambda: _frame(ranked).select(_DOWNLOADED),
            f"stores_{ask.info.forecast_origin}",
        )


def show_map(rows: Sequence[Row], name: str, measure: Measure) -> None:
    """Show a map of a measure by state, or a message if no state has a known value.

    Args:
        rows: Rows of ``app.queries.stores_side_by_side`` for the stores on the map.
        name: Name of the measure in the chart's description: its key in ``MEASURES``.
        measure: The measure itself, which computes the values of the states.
    """
    st.subheader("By state", anchor=False)
    stores = Counter(row["state"] for row in rows)
    values = measure.by_state(rows)
    values.pop("unknown", None)
    known = {code: value for code, value in values.items() if value is not None}
    if not known:
        missing = (
            f"{name}: no known value" if values else "The states of these stores are not known"
        )
        frame.nothing(f"{missing}, so there is no map.")
        return
    frame.chart(
        charts.tile_map(known, lambda value: _short(measure.text(value), value)),
        f"{name} by German state, as a grid of tiles",
    )
    notes = ["Darker means a higher value. A dash means no stores"]
    notes[0] += "." if len(known) == len(values) else ", or no known value."
    shared = [code for code in known if "," in code]
    notes += [
        f"\\* {words.count(stores[code], 'store')} in {words.plain(words.state_name(code))}: the "
        "data do not say which, so both tiles show their common value."
        for code in shared
    ]
    if unknown := stores["unknown"]:
        notes.append(f"Not included: {words.count(unknown, 'store')} without a known state.")
    st.caption(" ".join(notes))


def _short(text: str, value: float) -> str:
    return f"{value / 1_000_000:.1f} M€" if text.endswith("€") and value >= 1_000_000 else text


def show_side_by_side(ask: Answers, rows: Sequence[Row], days: int) -> None:
    """Show a control that selects stores, and one chart with their daily forecasts.

    ``ask`` reads the forecasts of the selected stores. ``rows`` has a row with ``store_id`` for
    each store that can be selected. ``days`` is the number of days ahead that the chart shows.
    """
    st.subheader("Side by side", anchor=False)
    known = [str(row["store_id"]) for row in rows]
    choices.warn_unknown("stores", known, "It is ignored")
    chosen = st.multiselect(
        "Stores",
        known,
        default=known[:2],
        key="stores",
        bind="query-params",
        max_selections=_MOST_LINES,
        placeholder="choose up to eight",
    )
    if not chosen:
        frame.nothing("Choose stores to see their forecasts in one chart.")
        return
    numbers = tuple(int(store) for store in chosen)
    frame.chart(
        charts.store_lines(ask(queries.forecasts_of, numbers, days)),
        f"Daily forecasts of stores {', '.join(chosen)}",
    )


def show_totals(ask: Answers, wanted: choices.StoreFilter) -> None:
    """Show weekly forecast totals for the chain, or for each store type, assortment or state.

    The filter ``wanted`` selects segments, for example two states. It cannot exclude single stores
    from a segment's total, because the generation has totals of whole segments only.
    """
    st.subheader("Weekly totals", anchor=False)
    name = choices.one_of("Add up by", list(LEVELS), key="level")
    level = LEVELS[name]
    rows = ask(queries.totals, level)
    chosen = wanted.chosen.get(level)
    rows = [row for row in rows if not chosen or row["segment"] in chosen]
    if not rows:
        frame.nothing("The published data have no weekly totals for this choice.")
        return
    frame.chart(
        charts.week_totals(rows, lambda segment: _segment(level, segment)),
        f"Weekly totals of the forecasts by {name}",
    )
    has_bounds = charts.draws_ranges(rows)
    st.caption(
        "An open mark is a partial week: the first and last week have only the days inside the "
        "forecast period. "
        + (
            "The ranges are those of the totals; they are narrower than added daily ranges. "
            if has_bounds
            else "Ranges are not drawn: too many lines, or stores changed their type or state. "
        )
        + "The filters above choose lines; each line always includes all stores of its segment."
    )


def _segment(level: str, name: str) -> str:
    if level == "chain":
        return "whole chain"
    if level == "assortment":
        return f"{name} {words.ASSORTMENTS.get(name, '')}".strip()
    return words.segment(level, name)


if __name__ == "__main__":
    frame.show_page(PAGE, show)
