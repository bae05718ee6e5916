"""Show the comparison page: ranking, map of states, stores side by side, weekly totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.downloads import show_downloads
from app.dashboard.tables import show_table
from app.dashboard.views.compare import PAGE, charts, queries
from app.dashboard.views.compare.measures import MEASURES, Measure, as_frame
from app.queries import Row

_MOST_LINES = 8
DOWNLOADED = (
    "store_id", "store_type", "assortment", "state", "sales_unbiased", "lower_80", "upper_80",
    "per_open_day", "open_days", "promo_days", "range_share", "compared_days", "compared",
    "last_year", "change_on_last_year",
)  # fmt: skip
LEVELS = {
    "whole chain": "chain",
    "store type": "store_type",
    "assortment": "assortment",
    "state": "state",
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
    show_figures(ask, rows, days, wanted, len(kept))
    ranking, states = st.columns([3, 2])
    with ranking:
        show_ranking(ask, rows, name)
    with states:
        show_map(rows, name, measure)
    show_side_by_side(ask, rows, days)
    show_totals(ask, wanted)


def show_figures(
    ask: Answers, rows: Sequence[Row], days: int, wanted: choices.StoreFilter, matching: int
) -> None:
    """Show the number of stores, and three numbers for all of them together.

    These are the unbiased total with its range, the total per open day, and the relative change
    from the sales 364 days earlier, on days that are open in both years. The total has a range if
    the filter selects the chain or one segment, and the generation has a range for this number of
    days.

    Args:
        ask: Access to the published data.
        rows: Rows of ``app.queries.stores_side_by_side``, one for each store that matches the
            filter and has a forecast.
        days: Number of days ahead that the rows cover.
        wanted: Filter that the rows match.
        matching: Number of stores that match the filter, with or without a forecast.
    """
    segment = wanted.segment()
    total = segment and ask(shared_queries.horizon_total, *segment, ask.info.forecast_origin, days)
    compared = sum(row["last_year"] is not None for row in rows)
    with st.container(horizontal=True):
        frame.metric("Stores", f"{len(rows):,}")
        frame.metric(
            f"Total, next {days} days",
            MEASURES["total sales"].together(rows),
            words.total_range(total or None) or "no range for this choice",
            help=f"{words.TOTAL_HELP} There are ranges for the chain and for one type, assortment "
            "or state. Ranges of stores do not add up.",
        )
        frame.metric("Per open day", MEASURES["sales per open day"].together(rows))
        frame.metric(
            "Vs. last year",
            MEASURES["change on last year"].together(rows),
            words.count(compared, "store"),
            help=words.LAST_YEAR_HELP,
        )
    notes = []
    if without := matching - len(rows):
        notes.append(f"Not included: {words.count(without, 'matching store')} without a forecast.")
    if unknown := len(rows) - compared:
        notes.append(
            f"Not compared with last year: {words.count(unknown, 'store')} without a day that is "
            "open in both years."
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
            "Total": row["sales_unbiased"],
            "80% from": row["lower_80"],
            "80% to": row["upper_80"],
            "Per open day": row["per_open_day"],
            "Vs. last year": row["change_on_last_year"],
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
                format="%,.0f €", min_value=0, max_value=max(row["sales_unbiased"] for row in rows)
            )
        },
        euro=("80% from", "80% to", "Per open day"),
        share=("Vs. last year", "Uncertainty"),
    )
    with st.container(horizontal=True):
        show_downloads(
            "Download the ranking",
            lambda: as_frame(ranked).select(DOWNLOADED),
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
    """Show unbiased weekly totals for the chain, or for each store type, assortment or state.

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
        + "The filters above choose lines; each line always includes all stores of its segment.",
        help=words.TOTAL_HELP,
    )


def _segment(level: str, name: str) -> str:
    if level == "chain":
        return "whole chain"
    if level == "assortment":
        return f"{name} {words.ASSORTMENTS.get(name, '')}".strip()
    return words.segment(level, name)


if __name__ == "__main__":
    frame.show_page(PAGE, show)
