"""Show the model page: accuracy, intervals, features, versions, champion and challenger."""

from __future__ import annotations

import json

import streamlit as st

from app import queries as shared_queries
from app.dashboard import choices, frame, words
from app.dashboard.answers import Answers
from app.dashboard.tables import show_table
from app.dashboard.views.model import PAGE, charts, queries
from app.dashboard.views.model.accuracy import show_accuracy
from app.dashboard.views.model.ranges import show_ranges
from app.queries import Row

_FEATURES = 20
_WHOLE = st.column_config.NumberColumn(format="localized")


def show(ask: Answers) -> None:
    """Show the champion, and tabs on accuracy, intervals, features, versions and challengers."""
    champion = ask(shared_queries.model, ask.info.model_version)
    if champion is None:
        frame.nothing(
            f"The published data have no details of model {words.code(ask.info.model_version)}."
        )
        return
    show_champion(ask, champion)
    frame.tabs(
        "part",
        {
            "Accuracy": lambda: show_accuracy(ask, champion),
            "Ranges": lambda: show_ranges(ask, champion),
            "Features": lambda: show_features(ask, champion),
            "Versions": lambda: show_models(ask, champion),
            "Champion and challenger": lambda: show_challenger(ask, champion),
        },
    )


def show_champion(ask: Answers, champion: Row) -> None:
    """Show the champion's accuracy, its training data, and when and why it became champion.

    ``champion`` is a row of table ``model_versions``.
    """
    scores = ask(queries.scores, champion["model_version"], "overall")
    together = [row for row in scores if row["forecast_origin"] is None]
    own = next((row for row in together if row["is_own"]), None)
    with st.container(horizontal=True):
        frame.metric("Champion", words.spaced(champion["family"]))
        frame.metric(
            "RMSPE in the backtest",
            words.percent(champion["rmspe_median"]),
            words.count(own["origins"], "origin") if own else None,
            help=f"{words.RMSPE_HELP} Median over past forecast origins; at each of them, a model "
            "is trained with the data known then.",
        )
        frame.metric("WAPE", words.percent(own["wape"] if own else None), help=words.WAPE_HELP)
        frame.metric(
            "Skill",
            words.percent(own["skill"] if own else None, 0),
            help=words.SKILL_HELP,
        )
        frame.metric(
            "Bias", words.signed_percent(own["bias"] if own else None), help=words.BIAS_HELP
        )
    promotion = ask(shared_queries.newest_promotion, champion["model_version"])
    text = (
        f"{words.code(champion['model_version'])}, trained on "
        f"{champion['training_rows']:,} rows up to "
        f"{champion['trained_through']:%d %b %Y}."
    )
    if promotion:
        text += (
            f" Champion since {promotion['decided_at']:%d %b %Y %H:%M} UTC by "
            f"{words.plain(promotion['actor'])}: {words.plain(promotion['reason'])}."
        )
    st.caption(text, help=words.CHAMPION_HELP)


def show_features(ask: Answers, champion: Row) -> None:
    """Show a chart of the champion's ``_FEATURES`` features with the largest gain share.

    ``champion`` is a row of table ``model_versions``.
    """
    rows = ask(shared_queries.importances, champion["model_version"], _FEATURES)
    if not rows:
        frame.nothing("The published data have no feature importance of this model.")
        return
    st.caption(
        f"The {len(rows)} features that reduced the error in training most. They show what the "
        "model uses, not what causes sales."
    )
    frame.chart(charts.importances(rows), "Features by their share of the gain")


def show_models(ask: Answers, champion: Row) -> None:
    """Show a table of all trained models, and a table of promotions, refusals and rollbacks.

    ``champion`` is a row of table ``model_versions``; the first table marks this model.
    """
    st.subheader("Trained models", anchor=False)
    show_table(
        [
            {
                "Model": row["model_version"],
                "Serves": row["model_version"] == champion["model_version"],
                "Kind": row["family"],
                "Profile": row["profile"],
                "RMSPE": row["rmspe_median"],
                "Spread": row["rmspe_spread"],
                "Trained through": row["trained_through"],
                "Rows": row["training_rows"],
                "Seconds": row["training_seconds"],
                "Made": row["created_at"],
                "Last decision": row["action"] or words.NONE,
            }
            for row in ask(queries.versions)
        ],
        share=("RMSPE", "Spread"),
        column_config={
            "Rows": _WHOLE,
            "Seconds": st.column_config.NumberColumn(format="%.0f"),
        },
    )
    st.subheader("Decisions", anchor=False)
    decisions = ask(queries.promotions)
    if not decisions:
        frame.nothing("The published data have no decision about a model.")
        return
    show_table(
        [
            {
                "When (UTC)": row["decided_at"],
                "Decision": words.spaced(row["action"]),
                "Model": row["model_version"],
                "By": row["actor"],
                "Why": row["reason"],
                "Figures": _figures_text(row["figures"]),
            }
            for row in decisions
        ],
        column_config={"Why": st.column_config.TextColumn(width="large")},
    )


def show_challenger(ask: Answers, champion: Row) -> None:
    """Show a control that selects another model, and compare its backtest with the champion's.

    A table has the errors of both models by segment, and their differences. Only models in
    MLflow's registry can be selected; models that were trained for a past origin are not in it.
    """
    others = [
        row["model_version"]
        for row in ask(queries.versions)
        if row["model_version"] != champion["model_version"] and row["registry_version"]
    ]
    if not others:
        frame.nothing(
            "No other model is registered, so the champion has no challenger. "
            "`rossmann refresh --retrain full` trains one."
        )
        return
    choices.warn_unknown("challenger", others, "The newest is shown")
    other = st.selectbox("Challenger", others, key="challenger", bind="query-params")
    rows = ask(queries.side_by_side, champion["model_version"], other)
    if not rows:
        frame.nothing(f"{words.code(other)} has no backtest to compare.")
        return
    if not rows[0]["is_same_rows"]:
        st.warning(
            "The two models were scored on different days, so the numbers do not show which one is "
            "better.",
            icon=":material/warning:",
        )
    show_table(
        [
            {
                "Divided by": words.spaced(row["segment_kind"]),
                "Segment": words.segment(row["segment_kind"], row["segment"]),
                "Champion": row["champion"],
                "Challenger": row["challenger"],
                "Difference": row["difference"],
            }
            for row in rows
        ],
        share=("Champion", "Challenger", "Difference"),
    )
    st.caption("RMSPE over all origins. Below 0, the difference is in favour of the challenger.")


def _figures_text(text: str) -> str:
    """Convert the numbers behind a promotion, refusal or rollback to text: ``rmspe 0.1234, …``.

    ``text`` is column ``figures`` of table ``promotions``: a JSON object of values by name.
    """
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in json.loads(text).items()
    )


if __name__ == "__main__":
    frame.show_page(PAGE, show)
