"""Show a tab with the backtest errors of a model: by origin, by segment and by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.dashboard import choices, frame, shared_charts, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.model import queries
from app.queries import Row
from rossmann_ml.serving.part_names import PARTS

_WHOLE = st.column_config.NumberColumn(format="localized")


def _method(row: Row) -> str:
    return words.spaced(row["model"]) + (" (champion)" if row["is_own"] else "")


def show_accuracy(ask: Answers, champion: Row) -> None:
    """Show the backtest errors of the champion and of methods such as seasonal naive.

    Charts show the errors by origin and by segment, tables those of all origins together and the
    parts of the error.

    ``champion`` is a row of table ``model_versions``.
    """
    version = champion["model_version"]
    overall = ask(queries.scores, version, "overall")
    if not overall:
        frame.nothing("The published data have no backtest of this champion.")
        return
    st.subheader("By origin", anchor=False)
    st.caption(
        "Each point is the error of the forecasts from one past day (the origin), over the whole "
        "horizon, by a model trained with earlier data only. Lower is better. RMSPE divides by the "
        "sales of a day, so a few days with very low sales can lift a point far above its "
        "neighbours. The axis is logarithmic, so that the other points stay readable."
    )
    by_origin = [row for row in overall if row["forecast_origin"] is not None]
    frame.chart(
        shared_charts.errors_by(by_origin, "forecast_origin", words.origin, as_ratios=True),
        "RMSPE by backtest origin, for the model and the reference methods",
    )
    show_scores([row for row in overall if row["forecast_origin"] is None])
    show_segments(ask, version)
    show_parts(ask, version)


def show_segments(ask: Answers, model_version: str) -> None:
    """Show a control that selects a kind of segment, and the errors of its segments."""
    kinds = {words.spaced(kind): kind for kind in ask(queries.segment_kinds, model_version)}
    if not kinds:
        frame.nothing("The backtest has no scores by segment.")
        return
    st.subheader("By segment", anchor=False)
    first = "horizon week" if "horizon week" in kinds else next(iter(kinds))
    name = choices.one_of("Divide by", list(kinds), key="segment", default=first)
    kind = kinds[name]
    rows = [
        row for row in ask(queries.scores, model_version, kind) if row["forecast_origin"] is None
    ]
    frame.chart(
        shared_charts.errors_by(rows, "segment", lambda segment: words.segment(kind, segment)),
        f"RMSPE by {name}, the median over origins",
    )
    show_scores(
        [row for row in rows if row["is_own"]],
        title="Segment",
        label=lambda row: words.segment(kind, row["segment"]),
    )


def show_scores(
    rows: Sequence[Row], *, title: str = "Method", label: Callable[[Row], str] = _method
) -> None:
    """Show a table of backtest errors over all origins together.

    Args:
        rows: Rows of ``queries.scores`` without an origin.
        title: Title of the first column.
        label: Function that converts a row to the text in this column.
    """
    show_table(
        [
            {
                title: label(row),
                "RMSPE": row["rmspe_median"],
                "RMSPE, 90% bounds": words.bounds(
                    row["rmspe_median_lower"], row["rmspe_median_upper"]
                ),
                "WAPE": row["wape"],
                "Bias": row["bias"],
                "Skill": row["skill"],
                "MAPE": row["mape"],
                "MAE": row["mae"],
                "RMSE": row["rmse"],
                "Origins": row["origins"],
                "Store-days": row["store_days"],
            }
            for row in rows
        ],
        share=("MAPE",),
        euro=("MAE", "RMSE"),
        column_config={
            "RMSPE": _share(f"{words.RMSPE_HELP} Median over origins."),
            "RMSPE, 90% bounds": st.column_config.TextColumn(help=words.BOUNDS_HELP),
            "WAPE": _share(words.WAPE_HELP),
            "Bias": _share(words.BIAS_HELP),
            "Skill": _share(words.SKILL_HELP),
            "Store-days": _WHOLE,
        },
    )


def show_parts(ask: Answers, model_version: str) -> None:
    """Show a table of the parts of the error; nothing is shown without parts."""
    rows = {row["part"]: row for row in ask(queries.error_parts, model_version)}
    if not rows:
        return
    st.subheader("Where the error comes from", anchor=False)
    first = next(iter(rows.values()))
    shown = {
        "ordinary": ("Ordinary weeks", first["ordinary_origins"]),
        "linear": ("Linear forecast", first["ordinary_origins"]),
        "christmas": ("With Christmas", first["christmas_origins"]),
    }
    titles = {
        name: f"{title} ({words.count(origins, 'origin')})"
        for name, (title, origins) in shown.items()
        if origins
    }
    show_table(
        [
            {
                "Part": title,
                **{titles[name]: rows[part][name] for name in titles},
                "Meaning": sentence,
            }
            for part, (title, sentence) in PARTS.items()
            if part in rows
        ],
        share=list(titles.values()),
        column_config={"Meaning": st.column_config.TextColumn(width="large")},
    )
    st.caption(
        "Typical size of each part of the error, in logs: 3% means about 3% of sales. The squares "
        "of the parts add up to that of the whole. In a sum over many stores, only the chain's "
        "parts remain; in a sum over the horizon, the parts by day nearly cancel out. The linear "
        "forecast is the part of the model that calendar, promotions and a store's level explain."
    )


def _share(help_text: str) -> Any:
    return st.column_config.NumberColumn(format="percent", help=help_text)
