"""Write the books of a replay as one page of Markdown."""

from __future__ import annotations

import polars as pl

from rossmann_ml.base.markdown import markdown_table, percent, rmspe
from rossmann_ml.pipeline.replay.books import ALL_WEEKS, Books
from rossmann_ml.pipeline.replay.options import ReplayOptions

_COMPARED = 4  # weeks at the beginning and at the end whose times are compared
_SCORE_NAMES = ["store-days", "RMSPE", "bias", "inside 80%", "inside 95%"]


def page(books: Books, options: ReplayOptions, *, data_set: str) -> str:
    """Return the page.

    Args:
        books: Tables of the replay.
        options: Options of the replay.
        data_set: Name of the data set.
    """
    disturbed = (
        f"{percent(options.late_share)} of stores reported a week late, "
        f"{percent(options.restated_share)} of store-days were corrected a week later "
        f"(seed {options.seed})"
        if options.late_share or options.restated_share
        else "every row came in time and was right"
    )
    stopped = books.weeks.filter(pl.col("exit_code") != 0)
    parts = [
        f"# Replay from {options.first_monday}: {len(books.weeks)} weeks of {data_set}",
        f"Every Monday saw the sales up to the day before and the plan of the six weeks to come; "
        f"{disturbed}. A challenger of the profile {options.profile} was trained every "
        f"{options.retrain_every_weeks} weeks. The plan is the final one from the files: it "
        "includes closures that nobody could foresee, and `store.csv` is today's.",
        "## Accuracy week by week",
        "Forecasts as they were first served, on open days with sales, six weeks from each Monday "
        "or as far as the files reach. Backtest: the RMSPE of the serving model's backtest.",
        _by_week(books),
        "## Accuracy by horizon week",
        _by_horizon_week(books),
        "## Challengers",
        _lines("{monday}: {model_version} {action}; {reason}", books.promotions)
        or "No challenger was judged.",
        "## Alerts",
        _lines("{monday}, {severity}, {rule} ({subject}): {message}", books.alerts) or "None.",
        "## Time and memory",
        _machine(books),
        _steps(books),
    ]
    if len(stopped):
        named = stopped.with_columns(pl.col("failed_step").fill_null("before the first step"))
        parts += [
            "## Weeks whose job stopped",
            _lines("{monday}, exit code {exit_code}, {failed_step}: {reason}", named),
        ]
    return "\n\n".join(parts) + "\n"


def _lines(line: str, rows: pl.DataFrame) -> str:
    return "\n".join("- " + line.format(**row) for row in rows.iter_rows(named=True))


def _by_week(books: Books) -> str:
    whole = books.accuracy.filter(pl.col("horizon_week") == ALL_WEEKS)
    joined = books.weeks.join(
        whole.drop("forecast_origin", "model_version"), on="monday", how="left"
    )
    rows = [
        [
            str(row["monday"]),
            row["model_version"] or "nothing new",
            *_scores(row),
            rmspe(row["rmspe_backtest"]),
            str(row["last_target_date"] or "-"),
        ]
        for row in joined.sort("monday").iter_rows(named=True)
    ]
    return markdown_table(["Monday", "model", *_SCORE_NAMES, "backtest", "scored to"], rows)


def _by_horizon_week(books: Books) -> str:
    pooled = books.accuracy.filter(pl.col("monday").is_null()).sort("horizon_week")
    rows = [
        [row["horizon_week"], *_scores(row), rmspe(row["rmspe_median"])]
        for row in pooled.iter_rows(named=True)
    ]
    return markdown_table(["horizon week", *_SCORE_NAMES, "median RMSPE of the weeks"], rows)


def _scores(row: dict[str, float | None]) -> list[str]:
    return [
        _figure(row["store_days"], ",.0f"),
        rmspe(row["rmspe"]),
        percent(row["bias"], signed=True),
        percent(row["coverage_80"]),
        percent(row["coverage_95"]),
    ]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _with_training() -> pl.Expr:
    return pl.col("job").str.contains("training").fill_null(value=False)


def _machine(books: Books) -> str:
    """Return the seconds and memory of a week, with and without training."""
    groups = books.weeks.group_by(training=_with_training()).agg(
        number=pl.len(),
        median=pl.col("wall_seconds").median(),
        most=pl.col("wall_seconds").max(),
        cpu=pl.col("cpu_seconds").median(),
        first=pl.col("peak_gigabytes").first(),
        last=pl.col("peak_gigabytes").last(),
    )
    names = ["number", "seconds, median", "most", "CPU seconds, median", "GB, first", "last"]
    forms = ["d", ".1f", ".1f", ".1f", ".2f", ".2f"]
    rows = [
        [
            "with training" if training else "without training",
            *(_figure(value, form) for value, form in zip(values, forms, strict=True)),
        ]
        for training, *values in groups.sort("training").iter_rows()
    ]
    return markdown_table(["weeks", *names], rows)


def _steps(books: Books) -> str:
    """Return the median seconds of each step in the first and last weeks without training."""
    mondays = books.weeks.filter(~_with_training())["monday"]
    if len(mondays) < 2 * _COMPARED:
        return ""
    first, last = (
        pl.col("seconds").filter(pl.col("monday").is_in(days.implode())).median()
        for days in (mondays.head(_COMPARED), mondays.tail(_COMPARED))
    )
    medians = books.steps.group_by("step", maintain_order=True).agg(first=first, last=last)
    return markdown_table(
        ["step", f"seconds, first {_COMPARED} weeks", f"last {_COMPARED} weeks"],
        (
            [step, _figure(before, ".1f"), _figure(after, ".1f")]
            for step, before, after in medians.drop_nulls("first").iter_rows()
        ),
    )
