"""Show the what-if page: change promotions, opening days or holidays, and compare forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import polars as pl
import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.what_if import PAGE, charts, effects, queries, scoring
from app.dashboard.views.what_if.plan_changes import (
    KINDS,
    Change,
    are_promotions,
    from_text,
    to_text,
)

ONE_STORE, GROUP = "one store", "a group of stores"
_CHANGES = "changes"
_KEPT = "kept_scenarios"
_MOST_KEPT = 7


def show(ask: Answers) -> None:
    """Show controls for stores and plan changes, the effect of the changes, and kept scenarios."""
    who, store_ids = choose_stores(ask)
    changes = choose_changes(ask)
    if not store_ids:
        frame.nothing("No store with a forecast matches these filters. Remove one of them.")
    elif not changes:
        frame.nothing("Nothing is changed yet. Add a change to see its effect.")
    else:
        show_scenario(ask, who, store_ids, changes)
    show_kept()


def choose_stores(ask: Answers) -> tuple[str, tuple[int, ...]]:
    """Show controls that select one store or a group of stores, and return the selection.

    Returns:
        Selected stores in words, for example ``store 7``, and their store numbers. Stores without
        a forecast are omitted, so the second part may be empty.
    """
    if choices.one_of("Change the plan of", [ONE_STORE, GROUP], key="for") == GROUP:
        stores = ask(shared_queries.stores)
        wanted = choices.store_filter(stores)
        kept = tuple(row["store_id"] for row in stores if wanted.keeps(row) and row["is_forecast"])
        st.caption(f"{words.count(len(kept), 'store')}: {words.plain(wanted.text())}.")
        return wanted.text(), kept
    store = choices.one_store(ask, st.container())
    if store is None:
        return "", ()
    st.caption(f"Store {store['store_id']}: {words.store(store)}")
    if not store["is_forecast"]:
        frame.nothing(words.no_forecast(store))
        return "", ()
    return f"store {store['store_id']}", (store["store_id"],)


def choose_changes(ask: Answers) -> list[Change]:
    """Show controls to add and remove plan changes, and return the current changes.

    The changes are read from the visitor's session, or from the page's address on the first visit,
    and are written to both. Invalid changes in the address are dropped with a warning.
    """
    first = ask.info.forecast_origin + timedelta(days=1)
    last = ask.info.forecast_origin + timedelta(days=ask.info.horizon_days)
    text = st.session_state.get(_CHANGES, st.query_params.get(_CHANGES, ""))
    changes, invalid = from_text(text, first=first, last=last)
    if invalid:
        st.warning(
            f"The address of this page has changes that cannot be made: "
            f"{words.plain(', '.join(invalid))}. Only days from {first} to {last} can be changed.",
            icon=":material/warning:",
        )
    with st.form("change", border=True):
        left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
        kind = left.selectbox("Change", list(KINDS), format_func=lambda key: KINDS[key][0])
        monday = first + timedelta(days=-first.weekday() % 7)
        days = middle.date_input(
            "Days",
            (monday, monday + timedelta(days=5)),
            min_value=first,
            max_value=last,
            format="YYYY-MM-DD",
        )
        added = right.form_submit_button("Add the change", type="primary", width="stretch")
    if added and days:
        both = sorted(days) if isinstance(days, tuple) else [days]
        changes.append(Change(kind, both[0], both[-1]))
        _remember(changes)
        st.rerun()  # so that the address and the list show the new change
    _remember(changes)
    for number, change in enumerate(changes):
        with st.container(horizontal=True, vertical_alignment="center", key=f"change_{number}"):
            st.markdown(f"{number + 1}. {change}")
            if st.button("Remove", key=f"remove_{number}", icon=":material/close:"):
                _remember([*changes[:number], *changes[number + 1 :]])
                st.rerun()
    return changes


def _remember(changes: Sequence[Change]) -> None:
    """Store the changes in the visitor's session, and in the page's address for sharing."""
    text = to_text(changes)
    st.session_state[_CHANGES] = text
    if text:
        st.query_params[_CHANGES] = text
    elif _CHANGES in st.query_params:
        del st.query_params[_CHANGES]


def show_scenario(
    ask: Answers, who: str, store_ids: tuple[int, ...], changes: Sequence[Change]
) -> None:
    """Show the effect of plan changes, and controls to keep the scenario and download its plan.

    A kept scenario stays on the page, so that the visitor can compare it with others. ``who``
    describes the stores in words, as returned by ``choose_stores``.
    """
    scored = scoring.score(ask.info.generation_id, store_ids, tuple(changes))
    totals = scoring.totals(ask.info.generation_id)
    effect = effects.effect(scored, ask(queries.plan_as_given, store_ids), totals.factor)
    days = effects.by_day(scored, totals.factor)
    ranges = [
        words.total_range(asdict(totals.total(scored, column)))
        for column in ("stored_forecast", "sales_forecast")
    ]
    show_effect(effect, changes, ranges)
    frame.chart(charts.scenario_chart(days), f"Forecast of {who} as planned and with the changes")
    text = (
        "The 80% range in the chart belongs to the changed plan."
        if effect.stores == 1
        else "Days of a group are totals of its stores. They have no range here, because ranges of "
        "stores do not add up."
    )
    st.caption(
        f"{text} A change also affects the days around it, for example before and after a "
        "promotion. The model is the one of the published forecast. Nothing is saved.",
        help=words.RANGE_HELP,
    )
    keep, download = st.columns([3, 2], vertical_alignment="bottom")
    with keep, st.form("keep", border=False):
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        number = len(st.session_state.get(_KEPT, ())) + 1
        name = left.text_input("Keep for comparison as", f"scenario {number}", max_chars=40)
        if right.form_submit_button("Keep", icon=":material/bookmark_add:", width="stretch"):
            row = {
                "Scenario": name.strip() or f"scenario {number}",
                "Stores": who,
                "Difference": effect.difference,
                "Relative": effect.share,
                "Per promo day": effect.per_promo_day if are_promotions(changes) else None,
                "As planned": effect.as_planned,
                "With the changes": effect.changed,
                "Changes": "; ".join(map(str, changes)),
            }
            kept = (row, days)
            st.session_state[_KEPT] = [*st.session_state.get(_KEPT, ()), kept][-_MOST_KEPT:]
    download.download_button(
        "Download the plan",
        effects.plan_file(scored).write_csv(),
        f"plan_{ask.info.product_today}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="A plan file. Put it into the folder of the weekly files, and the next run uses it as "
        "the plan of these stores.",
    )


def show_effect(
    effect: effects.Effect, changes: Sequence[Change], ranges: Sequence[str | None]
) -> None:
    """Show the total with and without the changes, the difference, and the promotion uplift.

    The uplift, in EUR, is the difference between the two totals, divided by the number of open
    store-days whose promotion was added or removed. A dash is shown instead if any of ``changes``
    is not about promotions, if promotions were both added and removed, or if none were. ``ranges``
    are the ranges of the total as planned and with the changes; None if a total has none.
    """
    share = words.signed_percent(effect.share)
    with st.container(horizontal=True):
        for label, value, text in zip(
            ("As planned", "With the changes"),
            (effect.as_planned, effect.changed),
            ranges,
            strict=True,
        ):
            frame.metric(
                label,
                words.euro(value),
                text or "no range for these stores",
                help=f"{words.TOTAL_HELP} There are ranges for one store, and for all stores of "
                "the chain or of one type, assortment or state.",
            )
        frame.metric(
            "Difference",
            words.signed_euro(effect.difference),
            share,
            # an arrow only for a change that is visible
            **({"delta_color": "normal", "delta_arrow": "auto"} if share[0] in "+-" else {}),
            help="Difference of the two totals. It has no range, because both share most of their "
            "error.",
        )
        per_day = effect.per_promo_day if are_promotions(changes) else None
        moved = effect.promo_days_added or effect.promo_days_removed
        frame.metric(
            "Uplift per promo day",
            words.signed_euro(per_day),
            None
            if per_day is None
            else f"{words.count(moved, 'store-day')} "
            f"{'added' if effect.promo_days_added else 'removed'}",
            help="The difference, divided by the number of promotion days that were added or "
            "removed (one store on one open day each). It includes the effect on the days around. "
            "Empty if something else than promotions changes.",
        )


def show_kept() -> None:
    """Show a table and a chart that compare the scenarios kept in this visitor's session.

    Nothing is shown if the visitor kept none.
    """
    kept: list[tuple[dict[str, object], pl.DataFrame]] = st.session_state.get(_KEPT, [])
    if not kept:
        return
    st.subheader("Kept scenarios", anchor=False)
    show_table(
        [row for row, _ in kept],
        euro=("As planned", "With the changes"),
        signed_euro=("Difference", "Per promo day"),
        share=("Relative",),
        column_config={"Changes": st.column_config.TextColumn(width="large")},
    )
    frame.chart(
        charts.differences([(str(row["Scenario"]), days) for row, days in kept]),
        "Difference to the plan by day, for each kept scenario",
    )
    st.caption(
        "Scenarios are kept until this page is closed. To share the scenario above, copy the "
        "address of the page."
    )
    if st.button("Clear the kept scenarios", icon=":material/delete:"):
        st.session_state[_KEPT] = []
        st.rerun()


if __name__ == "__main__":
    frame.show_page(PAGE, show)
