"""Build the model card, a Markdown document about a model's purpose, accuracy and weaknesses.

:func:`read_card_source` reads the figures from the warehouse, :func:`model_card` builds the text.
See :mod:`rossmann_ml.training.model_findings` for the sentences on weaknesses and fairness.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.markdown import markdown_table, percent, rmspe
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.models.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.training.model_findings import SEGMENT_NAMES, fairness, pooled, weaknesses
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import raw

_IMPORTANT = 12
_USES = """\
It forecasts the turnover of a store on each of the next days of the horizon, with intervals, for
planning staff, stock and cash. Its totals over weeks, types, states and the chain have bounds of
their own; use those and not sums of daily bounds.

It must not be used

- to judge people or to reward them: a store's forecast says nothing of who works there;
- to decide on closing or opening stores, or to price a new one: it has learnt from open stores;
- as proof of what causes what: a forecast without a promotion is not what the promotion is worth;
- beyond the horizon, for single articles, or for another retailer;
- when the world differs from the years it has learnt from (a pandemic, a new kind of competitor,
  other opening laws) without looking at accuracy week by week."""


@dataclass(frozen=True)
class CardSource:
    """Data from which a model card is built.

    Attributes:
        version: The model's row in ``forecasting.model_versions``, by column.
        scores: The model's rows in ``forecasting.backtest_scores``.
        importance: The model's rows in ``forecasting.feature_importance``, sorted by
            ``gain_share``, largest first.
        data_set_name: ``retailer``, or the name of a synthetic sample.
        is_synthetic: Whether the data is a synthetic sample.
    """

    version: dict[str, Any]
    scores: pl.DataFrame
    importance: pl.DataFrame
    data_set_name: str
    is_synthetic: bool


def card_path(settings: Settings, model_version: str) -> Path:
    """Return the path to a model's card, which is next to its bundle's folder."""
    return settings.models_path / f"{model_version}.md"


def read_card_source(
    connection: duckdb.DuckDBPyConnection, model_version: str | None = None
) -> CardSource:
    """Read the data for a model card from the warehouse.

    Args:
        connection: Connection to the warehouse.
        model_version: Version of the model; None for the newest registered model.

    Raises:
        NoDataError: There is no such model.
    """
    versions = read_frame(
        connection,
        """
        SELECT * FROM forecasting.model_versions
        WHERE CASE WHEN $wanted IS NULL THEN registry_version <> '' ELSE model_version = $wanted END
        ORDER BY created_at DESC, model_version LIMIT 1
        """,
        {"wanted": model_version},
    )
    if versions.is_empty():
        raise NoDataError(
            f"there is no model {model_version}; `rossmann sql` on model_versions has all"
            if model_version
            else "no model has been trained yet: run `rossmann refresh --retrain fast`"
        )
    version = versions.row(0, named=True)
    name = [version["model_version"]]
    scores = read_frame(
        connection,
        "SELECT * FROM forecasting.backtest_scores WHERE model_version = ? "
        "ORDER BY model, forecast_origin, segment_kind, segment",
        name,
    )
    importance = read_frame(
        connection,
        "SELECT * FROM forecasting.feature_importance WHERE model_version = ? "
        "ORDER BY gain_share DESC, feature",
        name,
    )
    data_set_name, is_synthetic = raw.data_set(connection) or ("unknown", False)
    return CardSource(version, scores, importance, data_set_name, is_synthetic)


def model_card(source: CardSource) -> str:
    """Build the text of the model card, in Markdown."""
    sections = (
        ("What it is", _what_it_is(source)),
        ("What to use it for, and what not", _USES),
        ("What it looks at", _features(source)),
        ("Accuracy on past origins", _origins(source)),
        ("Accuracy by segment", _segments(source)),
        ("Intervals", _coverage(source)),
        ("Known weaknesses", "\n".join(f"- {each}" for each in weaknesses(source.scores))),
        ("Fairness across stores and regions", fairness(source.scores)),
        ("How to make it again", _reproduce(source)),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# Model card: {source.version['model_version']}\n\n{body}\n"


def _what_it_is(source: CardSource) -> str:
    version = source.version
    weights = json.loads(version["blend_weights"])
    members = ", ".join(f"{name} {weight:.3f}" for name, weight in weights.items())
    overall = pooled(source.scores).filter(pl.col("segment_kind") == "overall").row(0, named=True)
    data = f"`{source.data_set_name}`" + (
        ": **synthetic data; the figures say nothing of a real retailer**"
        if source.is_synthetic
        else ""
    )
    facts = {
        "forecasts": "daily turnover of every open store in EUR, days ahead of the last known day",
        "members and weights": members,
        "trained through": f"{version['trained_through']} ({version['training_rows']:,} rows, "
        f"profile `{version['profile']}`)",
        "data set": data,
        "RMSPE in the backtest": f"{overall['rmspe_median']:.4f}, the median over its origins "
        f"({overall['store_days']:,} store-days); seasonal naive "
        f"{_reference(source.scores, SEASONAL_NAIVE)}, store-weekday-promotion median "
        f"{_reference(source.scores, MEDIAN)}",
        "trained at": f"{version['created_at']:%Y-%m-%d %H:%M} UTC, in "
        f"{version['training_seconds']:.0f} s",
    }
    return (
        "Gradient-boosted trees that correct a linear forecast of log sales (calendar, promotion, "
        "season and the store's level), averaged with weights that served past origins best. A "
        "bias factor and intervals come from out-of-fold forecasts of earlier origins.\n\n"
        + "\n".join(f"- **{name}**: {value}" for name, value in facts.items())
    )


def _reference(scores: pl.DataFrame, model: str) -> str:
    found = pooled(scores, model).filter(pl.col("segment_kind") == "overall")["rmspe_median"]
    return rmspe(found[0]) if len(found) else "unknown"


def _features(source: CardSource) -> str:
    grouped = (
        source.importance.with_columns(
            group=pl.col("feature").map_elements(_group, return_dtype=pl.String)
        )
        .group_by("group", maintain_order=True)
        .agg(pl.col("gain_share").sum(), pl.len(), example=pl.col("feature").head(4))
        .sort("gain_share", "group", descending=[True, False])
    )
    rows = [
        (
            row["group"],
            str(row["len"]),
            percent(row["gain_share"]),
            ", ".join(f"`{name}`" for name in row["example"]),
        )
        for row in grouped.iter_rows(named=True)
    ]
    top = ", ".join(
        f"`{row['feature']}` {row['gain_share']:.1%}"
        for row in source.importance.head(_IMPORTANT).iter_rows(named=True)
    )
    return (
        "Only what the retailer knows in advance (plan, calendar, store) and sales up to the "
        "origin; nothing of the days it forecasts, and no customers at all. What the trees "
        "gain comes on top of the linear forecast, which has weekday, promotion and season.\n\n"
        + markdown_table(("group", "features", "share of gain", "most important"), rows)
        + f"\n\nMost important: {top}."
    )


def _group(feature: str) -> str:
    try:
        return feature_groups([feature])[feature]
    except ValueError:  # an older model may have a feature that the code no longer has
        return "no longer made"


def rmspe_table(scores: pl.DataFrame) -> str:
    """Build a Markdown table of RMSPE by forecast origin.

    It has one row per origin and a last row for the median. It has one column per compared model
    (the blend, its members and the references), sorted by median RMSPE, lowest first.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
    """
    overall = scores.filter(pl.col("segment_kind") == "overall")
    models = (
        overall.filter(pl.col("forecast_origin").is_null())
        .sort("rmspe_median", "model")["model"]
        .unique(maintain_order=True)
        .to_list()
    )
    by_key = {
        (row["forecast_origin"], row["model"]): row["rmspe_median"]
        for row in overall.iter_rows(named=True)
    }
    origins = [*overall["forecast_origin"].drop_nulls().unique().sort().to_list(), None]
    rows = [
        (str(origin or "median"), *(rmspe(by_key.get((origin, model))) for model in models))
        for origin in origins
    ]
    return markdown_table(("origin", *models), rows)


def _origins(source: CardSource) -> str:
    return (
        "RMSPE over open days with sales of the whole horizon after each origin, by models fitted "
        "again on what was known then; weights, bias factor and intervals come from origins that "
        "were over by then.\n\n" + rmspe_table(source.scores)
    )


def _segments(source: CardSource) -> str:
    parts = []
    for kind, title in SEGMENT_NAMES.items():
        segments = pooled(source.scores).filter(pl.col("segment_kind") == kind).sort("segment")
        if segments.is_empty():
            continue
        rows = [
            (
                row["segment"],
                f"{row['store_days']:,}",
                rmspe(row["rmspe_median"]),
                percent(row["bias"], signed=True),
                percent(row["skill"], digits=0),
                percent(row["coverage_80"]),
                percent(row["coverage_95"]),
            )
            for row in segments.iter_rows(named=True)
        ]
        names = (title, "store-days", "RMSPE", "bias", "skill", "inside 80%", "inside 95%")
        parts.append(markdown_table(names, rows))
    return "\n\n".join(parts)


def _coverage(source: CardSource) -> str:
    kinds = pl.col("segment_kind")
    rows = pooled(source.scores).filter(
        (kinds == "overall")
        | (
            kinds.str.starts_with("total_")
            & ~kinds.str.ends_with("_sum")
            & (pl.col("segment") == "all")
        )
    )
    shown = [
        (
            "store-day" if row["segment_kind"] == "overall" else _total_name(row["segment_kind"]),
            percent(row["coverage_80"]),
            percent(row["coverage_95"]),
            percent(row["bias"], signed=True),
        )
        for row in rows.iter_rows(named=True)
    ]
    return (
        "Share of actuals inside the interval, at origins with an earlier one to calibrate on: "
        "the aim is 80% and 95%. Whole-horizon totals of few origins are few cases.\n\n"
        + markdown_table(("of", "inside 80%", "inside 95%", "bias"), shown)
    )


def _total_name(kind: str) -> str:
    level, _, span = kind.removeprefix("total_").rpartition("_")
    return f"{level.replace('_', ' ')}, {'calendar week' if span == 'week' else 'whole horizon'}"


def _reproduce(source: CardSource) -> str:
    version = source.version
    facts = {
        "commit": version["git_commit"],
        "code version": version["code_version"],
        "data version": version["data_version"],
        "recipe": version["recipe_hash"],
        "MLflow run": version["mlflow_run_id"] or "none: a model of a past origin",
    }
    return (
        "The same data, recipe, seed, thread count and lock file give the same model to the last "
        "bit, and so the same name.\n\n"
        + "\n".join(f"- {name}: `{value}`" for name, value in facts.items())
        + f"\n\n```bash\nrossmann refresh --retrain {version['profile']}\n"
        f"rossmann model-card {version['model_version']}\n```"
    )
