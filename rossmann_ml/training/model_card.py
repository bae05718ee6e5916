"""Build the model card, a Markdown document about a model's purpose, accuracy and weaknesses.

:func:`model_card` reads the figures from the warehouse and fills ``model_card.md.j2``. See
:mod:`rossmann_ml.training.model_findings` for the sentences on weaknesses and fairness.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl

from rossmann_ml.base.markdown import markdown_table, percent, rmspe
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.backtest import LINEAR
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.evaluation.error_parts import CHRISTMAS, ORDINARY
from rossmann_ml.features.driver_groups import feature_groups
from rossmann_ml.models.blend import BLEND
from rossmann_ml.serving.part_names import PARTS
from rossmann_ml.training.model_findings import SEGMENT_NAMES, fairness, pooled, weaknesses
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import models, raw

_TEMPLATE = Path(__file__).with_name("model_card.md.j2")


def card_path(settings: Settings, model_version: str) -> Path:
    """Return the path to a model's card, which is next to its bundle's folder."""
    return settings.models_path / f"{model_version}.md"


def model_card(connection: duckdb.DuckDBPyConnection, model_version: str | None = None) -> str:
    """Return the card of a model as Markdown.

    Args:
        connection: Connection to the warehouse.
        model_version: Version of the model; None for the newest registered model.

    Raises:
        NoDataError: There is no such model.
    """
    version = models.recorded(connection, model_version)
    scores, importance, parts = (
        read_frame(
            connection,
            f"SELECT * FROM forecasting.{table} WHERE model_version = ? ORDER BY {order}",  # noqa: S608 - fixed names
            [version["model_version"]],
        )
        for table, order in (
            ("backtest_scores", "model, forecast_origin, segment_kind, segment"),
            ("feature_importance", "gain_share DESC, feature"),
            ("backtest_error_parts", "model, season, forecast_origin, part"),
        )
    )
    data_set_name, is_synthetic = raw.data_set(connection) or ("unknown", False)
    blend = pooled(scores)
    by_number = (pl.col("segment").str.to_integer(strict=False), "segment")
    segments = {
        title: blend.filter(pl.col("segment_kind") == kind).sort(by_number).to_dicts()
        for kind, title in SEGMENT_NAMES.items()
    }
    weights = json.loads(version["blend_weights"])
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, rmspe=rmspe, bounds=bounds, score=score)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        version=version,
        weights=", ".join(f"{name} {weight:.3f}" for name, weight in weights.items()),
        data_set_name=data_set_name,
        is_synthetic=is_synthetic,
        overall=blend.row(by_predicate=pl.col("segment_kind") == "overall", named=True),
        seasonal_naive=_reference(scores, SEASONAL_NAIVE),
        median=_reference(scores, MEDIAN),
        groups=_feature_groups(importance),
        important=importance.head(12).to_dicts(),
        rmspe_table=rmspe_table(scores),
        segments=[(title, rows) for title, rows in segments.items() if rows],
        intervals=_intervals(blend),
        error_parts=error_part_rows(parts),
        weaknesses=weaknesses(scores),
        fairness=fairness(scores),
    )


def bounds(row: Mapping[str, Any], name: str) -> str:
    """Return the 90% bounds of a share in a row of scores; a dash if there are none."""
    lower, upper = row[f"{name}_lower"], row[f"{name}_upper"]
    return "-" if lower is None or upper is None else f"{percent(lower)} to {percent(upper)}"


def score(value: float | None) -> str:
    """Return a score in log units with three decimals; a dash for None."""
    return "-" if value is None else f"{value:.3f}"


def error_part_rows(parts: pl.DataFrame) -> list[dict[str, Any]]:
    """Select the figures of the table of error parts.

    Args:
        parts: Rows in ``forecasting.backtest_error_parts`` for one model version.

    Returns:
        One dict per part of the error, in the order of ``PARTS``: ``title, sentence``, and in log
        units ``ordinary`` and ``linear`` (the blend's and the linear forecast's part without
        Christmas) and ``christmas`` (the blend's with Christmas); None where no origin has it.
        Empty if there are no parts.
    """
    figures = {
        (row["model"], row["season"], row["part"]): row["log_error"]
        for row in parts.filter(pl.col("forecast_origin").is_null()).iter_rows(named=True)
    }
    return [
        {
            "title": title,
            "sentence": sentence,
            "ordinary": figures.get((BLEND, ORDINARY, part)),
            "linear": figures.get((LINEAR, ORDINARY, part)),
            "christmas": figures.get((BLEND, CHRISTMAS, part)),
        }
        for part, (title, sentence) in PARTS.items()
        if figures
    ]


def _reference(scores: pl.DataFrame, model: str) -> str:
    found = pooled(scores, model).filter(pl.col("segment_kind") == "overall")["rmspe_median"]
    return rmspe(found[0]) if len(found) else "unknown"


def _feature_groups(importance: pl.DataFrame) -> list[dict[str, Any]]:
    """Summarise the importance of features by driver group, such as ``weekday`` or ``promo``.

    Args:
        importance: ``feature, gain_share``, sorted by ``gain_share``, largest first.

    Returns:
        One dict per driver group, largest gain share first: ``group``, ``gain_share`` (sum over the
        group's features), ``len`` (number of its features) and ``example`` (list of at most four
        feature names, largest gain share first). Features that the code no longer computes are in
        the group ``no longer made``.
    """

    def group(feature: str) -> str:
        try:
            return feature_groups([feature])[feature]
        except ValueError:  # an older model may have a feature that the code no longer has
            return "no longer made"

    return (
        importance.with_columns(group=pl.col("feature").map_elements(group, return_dtype=pl.String))
        .group_by("group", maintain_order=True)
        .agg(pl.col("gain_share").sum(), pl.len(), example=pl.col("feature").head(4))
        .sort("gain_share", "group", descending=[True, False])
        .to_dicts()
    )


def rmspe_table(scores: pl.DataFrame) -> str:
    """Build a Markdown table of RMSPE by forecast origin.

    The table has one row per origin and a last row for the median. It has one column per compared
    model (the blend, its members, the linear forecast, the baselines), lowest median RMSPE first.

    Args:
        scores: Rows in ``forecasting.backtest_scores`` for one model version.
    """
    overall = scores.filter(pl.col("segment_kind") == "overall")
    over_all_origins = overall.filter(pl.col("forecast_origin").is_null())
    models = over_all_origins.sort("rmspe_median", "model")["model"].to_list()
    by_origin = overall.pivot("model", index="forecast_origin", values="rmspe_median").sort(
        "forecast_origin", nulls_last=True
    )
    rows = [
        (str(origin or "median"), *map(rmspe, figures))
        for origin, *figures in by_origin.select("forecast_origin", *models).iter_rows()
    ]
    return markdown_table(("origin", *models), rows)


def _intervals(blend: pl.DataFrame) -> list[dict[str, Any]]:
    """Select the rows of the card's table of interval coverage, and name them.

    Args:
        blend: The blend's rows returned by :func:`pooled`.

    Returns:
        One dict for store-days and one for each level and span of unbiased totals: a row of `blend`
        and the additional key ``name``, which is ``store-day``, or level and span, such as
        ``state, calendar week``.
    """
    kind = pl.col("segment_kind")
    total = kind.str.strip_prefix("total_").str.replace_all("_", " ")
    is_total = kind.str.starts_with("total_") & ~kind.str.ends_with("_sum")
    return (
        blend.filter((kind == "overall") | (is_total & (pl.col("segment") == "all")))
        .with_columns(
            name=pl.when(kind == "overall")
            .then(pl.lit("store-day"))
            .otherwise(
                total.str.replace(" week$", ", calendar week").str.replace(
                    " horizon$", ", whole horizon"
                )
            )
        )
        .to_dicts()
    )
