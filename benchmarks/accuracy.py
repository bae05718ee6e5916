"""Write ``docs/accuracy.md``, the accuracy of the champion at past origins.

``python -m benchmarks.accuracy`` reads the champion's backtest from the warehouse in
``ROSSMANN_WAREHOUSE_DIR`` and fits nothing. See :mod:`benchmarks.ablation` for the parts' gain.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import polars as pl
from rich.console import Console

from rossmann_ml.base.markdown import markdown_table, percent, rmspe
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.models.blend import BLEND
from rossmann_ml.training.model_card import bounds, error_part_rows, rmspe_table, score
from rossmann_ml.training.model_findings import SEGMENT_NAMES
from rossmann_ml.warehouse.connection import connect, read_frame
from rossmann_ml.warehouse.tables.models import require_champion
from rossmann_ml.warehouse.versions import data_version

DEVELOPMENT_ORIGINS = [date(2014, 6, 20), date(2014, 9, 12), date(2015, 3, 27), date(2015, 5, 8)]
"""Origins that guided the choice of features and models; their figures are too good."""
PAGE = PROJECT_DIR / "docs" / "accuracy.md"
_ABOUT = """\
Every origin's models saw only what was known by then; weights, bias factor and intervals come from
origins that were over by then. The development origins guided the choice of features,
parameters and families, so figures on them flatter: on weeks that played no part, expect worse.
What each group of features and each family bring is in [Ablation](ablation.md)."""


def development_table(scores: pl.DataFrame) -> str:
    """Return the mean RMSPE over the development origins by model."""
    chosen = scores.filter(
        pl.col("forecast_origin").is_in(DEVELOPMENT_ORIGINS), pl.col("segment_kind") == "overall"
    )
    means = chosen.group_by("model").agg(pl.col("rmspe").mean(), origins=pl.len()).sort("rmspe")
    return markdown_table(
        ("model", "origins", "mean RMSPE"),
        [(row["model"], str(row["origins"]), rmspe(row["rmspe"]))
         for row in means.iter_rows(named=True)],
    )  # fmt: skip


def scores_tables(scores: pl.DataFrame) -> str:
    """Return the RMSPE by origin and model, and errors and coverage of the blend by segment.

    Args:
        scores: Result of :func:`rossmann_ml.evaluation.backtest.score`.
    """
    coverage = scores.filter(
        (pl.col("model") == BLEND)
        & pl.col("coverage_80").is_not_null()
        & (
            pl.col("forecast_origin").is_null()
            & (pl.col("segment_kind").is_in(list(SEGMENT_NAMES))
               | (pl.col("segment_kind").str.starts_with("total_") & (pl.col("segment") == "all")))
            | (pl.col("segment_kind") == "overall")
        )
    ).sort(pl.col("segment_kind") != "overall", "segment_kind", "forecast_origin", "segment",
           nulls_last=True)  # fmt: skip
    coverage_rows = [
        (
            f"{row['segment_kind']} {row['segment']}".replace("_", " ").removesuffix(" all"),
            str(row["forecast_origin"] or "all"),
            str(row["interval_origins"]),
            f"{row['store_days']:,}",
            rmspe(row["rmspe_median"]),
            percent(row["wape"]),
            percent(row["bias"]),
            percent(row["coverage_80"]),
            bounds(row, "coverage_80"),
            percent(row["coverage_95"]),
            bounds(row, "coverage_95"),
            score(row["interval_score_80"]),
            score(row["interval_score_95"]),
        )
        for row in coverage.iter_rows(named=True)
    ]
    return (
        "RMSPE by origin and model.\n\n"
        + rmspe_table(scores)
        + "\n\nErrors over all origins; share of actuals inside the intervals with 90% bounds, and "
        "interval scores ([Measures of accuracy](explanation/measures.md)), over the origins with "
        "an earlier one to calibrate on, whose number is given.\n\n"
        + markdown_table(
            ("of", "origin", "origins", "store-days", "RMSPE", "WAPE", "bias", "80%", "bounds",
             "95%", "bounds", "score 80%", "score 95%"),
            coverage_rows,
        )
    )  # fmt: skip


def parts_section(parts: pl.DataFrame) -> str:
    """Return the parts of the error of the blend and the linear forecast, in log units."""
    table = markdown_table(
        ("part", "ordinary weeks", "linear forecast", "with Christmas"),
        [
            (row["title"], *(score(row[name]) for name in ("ordinary", "linear", "christmas")))
            for row in error_part_rows(parts)
        ],
    )
    return (
        "## Where the error comes from\n\n"
        "Size of each part of the log error; the squares add up to the mean squared error.\n\n"
        + table
    )


def page_of(
    model_version: str, scores: pl.DataFrame, parts: pl.DataFrame, facts: dict[str, str]
) -> str:
    """Return the page as Markdown.

    Args:
        model_version: Version of the champion.
        scores: Rows of ``forecasting.backtest_scores`` of the champion.
        parts: Rows of ``forecasting.backtest_error_parts`` of the champion.
        facts: Facts on the data and the model by name, for the head of the page.
    """
    days = ", ".join(map(str, DEVELOPMENT_ORIGINS))
    return "\n\n".join(
        [
            "# Accuracy",
            "Written by a command; do not edit.",
            "\n".join(f"- {name}: {value}" for name, value in facts.items()),
            _ABOUT,
            "## The development origins",
            f"{days}.",
            development_table(scores),
            "## The champion's backtest",
            f"`{model_version}`.",
            scores_tables(scores),
            parts_section(parts),
        ]
    )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    settings = load_settings()
    with connect(settings, read_only=True) as connection:
        version = data_version(connection)
        champion = require_champion(connection)
        scores, parts = (
            read_frame(
                connection,
                f"SELECT * FROM forecasting.{table} WHERE model_version = ? ORDER BY ALL",
                [champion],
            )
            for table in ("backtest_scores", "backtest_error_parts")
        )
        ((profile, first, last),) = connection.execute(
            "SELECT profile, (SELECT min(sales_date) FROM core.fct_daily_sales), "
            "(SELECT max(sales_date) FROM core.fct_daily_sales WHERE is_observed) "
            "FROM forecasting.model_versions WHERE model_version = ?",
            [champion],
        ).fetchall()
    facts = {
        "data version": f"`{version}`, {first} to {last}",
        "model": f"`{champion}`, profile `{profile}`",
        "made by": "`python -m benchmarks.accuracy`",
    }
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(page_of(champion, scores, parts, facts) + "\n", encoding="utf-8")
    Console(highlight=False).print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
