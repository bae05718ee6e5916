"""Render the result tables of a replay as one page of Markdown."""

from __future__ import annotations

import polars as pl

from rossmann_ml.base.markdown import markdown_table, percent
from rossmann_ml.pipeline.replay.books import ALL_WEEKS, Books
from rossmann_ml.pipeline.replay.options import ReplayOptions

_COMPARED = 4  # weeks at the beginning and at the end whose times are compared

# column of a frame: its title on the page, and the format of its values
_SCORES = {
    "store_days": ("store-days", ","),
    "rmspe": ("RMSPE", ".4f"),
    "bias": ("bias", "+.1%"),
    "coverage_80": ("inside 80%", ".1%"),
    "coverage_95": ("inside 95%", ".1%"),
    "total_error": ("error of the total", "+.1%"),
    "days_without_sales": ("forecast, no sales", ","),
}
_BY_WEEK = {
    "monday": ("Monday", ""),
    "model_version": ("model", ""),
    **_SCORES,
    "rmspe_backtest": ("backtest", ".4f"),
    "last_target_date": ("scored to", ""),
}
_BY_HORIZON_WEEK = {
    "horizon_week": ("horizon week", ""),
    **_SCORES,
    "rmspe_median": ("median RMSPE of the weeks", ".4f"),
}
_MACHINE = {
    "weeks": ("weeks", ""),
    "number": ("number", ""),
    "median": ("seconds, median", ".1f"),
    "most": ("most", ".1f"),
    "cpu": ("CPU seconds, median", ".1f"),
    "first": ("GB, first", ".2f"),
    "last": ("last", ".2f"),
}
_STEPS = {
    "step": ("step", ""),
    "first": (f"seconds, first {_COMPARED} weeks", ".1f"),
    "last": (f"last {_COMPARED} weeks", ".1f"),
}


def page(books: Books, options: ReplayOptions, *, data_set: str) -> str:
    """Return the report on a replay as Markdown: accuracy, challengers, alerts, time and memory.

    Args:
        books: Result tables of the replay.
        options: Options of the replay.
        data_set: Name of the data set, for the title.
    """
    disturbed = (
        f"{percent(options.late_share)} of stores reported a week late, "
        f"{percent(options.restated_share)} of store-days were corrected a week later "
        f"(seed {options.seed})"
        if options.late_share or options.restated_share
        else "every row came in time and was right"
    )
    whole = books.accuracy.filter(horizon_week=ALL_WEEKS).drop("forecast_origin", "model_version")
    by_week = books.weeks.join(whole, on="monday", how="left", maintain_order="left")
    pooled = books.accuracy.filter(pl.col("monday").is_null())
    stopped = books.weeks.filter(pl.col("exit_code") != 0)
    parts = [
        f"# Replay from {options.first_monday}: {len(books.weeks)} weeks of {data_set}",
        f"Every Monday saw the sales up to the day before and the plan of the forecast days; "
        f"{disturbed}. A challenger of the profile {options.profile} was trained every "
        f"{options.retrain_every_weeks} weeks. The plan is the final one from the files, "
        "and `store.csv` is today's; a store without rows is in no plan.",
        "## Accuracy week by week",
        "Forecasts as they were first served, on open days with sales, the whole horizon of "
        "each Monday or as far as the files reach. Error of the total: all forecasts of these days "
        "compared with all their sales, with store-days that were forecast and never came. "
        "Backtest: the RMSPE of the serving model's backtest.",
        _table(by_week.with_columns(pl.col("model_version").fill_null("nothing new")), _BY_WEEK),
        "## Accuracy by horizon week",
        _table(pooled, _BY_HORIZON_WEEK),
        "## Challengers",
        _lines("{monday}: {model_version} {action}; {reason}", books.promotions)
        or "No challenger was judged.",
        "## Alerts",
        _lines("{monday}, {severity}, {rule} ({subject}): {message}", books.alerts) or "None.",
        "## Time and memory",
        *_machine(books),
    ]
    if len(stopped):
        named = stopped.with_columns(pl.col("failed_step").fill_null("before the first step"))
        parts += [
            "## Weeks whose job stopped",
            _lines("{monday}, exit code {exit_code}, {failed_step}: {reason}", named),
        ]
    return "\n\n".join(parts) + "\n"


def _table(rows: pl.DataFrame, columns: dict[str, tuple[str, str]]) -> str:
    titles, forms = zip(*columns.values(), strict=True)
    return markdown_table(
        titles,
        (
            [
                "-" if value is None else format(value, form)
                for value, form in zip(row, forms, strict=True)
            ]
            for row in rows.select(columns.keys()).iter_rows()
        ),
    )


def _lines(line: str, rows: pl.DataFrame) -> str:
    return "\n".join("- " + line.format(**row) for row in rows.iter_rows(named=True))


def _machine(books: Books) -> list[str]:
    """Return Markdown tables of the time and memory that the weekly jobs took.

    The first table compares weeks with and without training. The second compares the median seconds
    of each step in the first four weeks without training with those in the last four; it is left
    out if there are fewer than eight weeks without training.
    """
    is_training = pl.col("job").str.contains("training").fill_null(value=False)
    titles = pl.when("training").then(pl.lit("with training")).otherwise(pl.lit("without training"))
    weeks = books.weeks.group_by(training=is_training).agg(
        number=pl.len(),
        median=pl.col("wall_seconds").median(),
        most=pl.col("wall_seconds").max(),
        cpu=pl.col("cpu_seconds").median(),
        first=pl.col("peak_gigabytes").first(),
        last=pl.col("peak_gigabytes").last(),
    )
    tables = [_table(weeks.sort("training").with_columns(weeks=titles), _MACHINE)]
    mondays = books.weeks.filter(~is_training)["monday"]
    if len(mondays) >= 2 * _COMPARED:
        first, last = (
            pl.col("seconds").filter(pl.col("monday").is_in(days.implode())).median()
            for days in (mondays.head(_COMPARED), mondays.tail(_COMPARED))
        )
        steps = books.steps.group_by("step", maintain_order=True).agg(first=first, last=last)
        tables.append(_table(steps.drop_nulls("first"), _STEPS))
    return tables
