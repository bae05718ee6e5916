"""The books of a replay on one page of Markdown."""

from __future__ import annotations

import polars as pl

from rossmann_ml.base.markdown import markdown_table, percent
from rossmann_ml.pipeline.replay.books import ALL_WEEKS, Books
from rossmann_ml.pipeline.replay.options import ReplayOptions

_COMPARED = 4  # weeks at the beginning and at the end whose times are compared


def page(books: Books, options: ReplayOptions, *, data_set: str) -> str:
    """Put the books on a page.

    Args:
        books: The tables.
        options: What the replay is.
        data_set: The name of the data set that was played.
    """
    weeks = books.weeks
    disturbed = (
        f"{percent(options.late_share)} of stores reported a week late, "
        f"{percent(options.restated_share)} of store-days were put right a week later "
        f"(seed {options.seed})"
        if options.late_share or options.restated_share
        else "every row came in time and was right"
    )
    parts = [
        f"# Replay from {options.first_monday}: {len(weeks)} weeks of {data_set}",
        f"Every Monday saw the sales up to the day before and the plan of the six weeks to come; "
        f"{disturbed}. A challenger of the profile {options.profile} was trained every "
        f"{options.retrain_every_weeks} weeks. The plan is taken from the files as it came: a "
        "closing that nobody could foresee is planned in it, and `store.csv` is today's.",
        "## Accuracy week by week",
        "Forecasts as they were first served, on open days with sales, six weeks from each Monday "
        "or as far as the files reach. Backtest: the RMSPE that the serving model's backtest had "
        "promised.",
        _by_week(books),
        "## Accuracy by horizon week",
        _by_horizon_week(books),
        "## Challengers",
        _promotions(books),
        "## Alerts",
        _alerts(books),
        "## Time and memory",
        _machine(books),
        _steps(books),
    ]
    stopped = weeks.filter(pl.col("exit_code") != 0)
    if len(stopped):
        parts += ["## Weeks whose job stopped", _stopped(stopped)]
    return "\n\n".join(parts) + "\n"


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
            _figure(row["rmspe_backtest"]),
            str(row["last_target_date"] or "-"),
        ]
        for row in joined.sort("monday").iter_rows(named=True)
    ]
    names = ["Monday", "model", *_SCORE_NAMES, "backtest", "judged to"]
    return markdown_table(names, rows)


_SCORE_NAMES = ["store-days", "RMSPE", "bias", "inside 80%", "inside 95%"]


def _scores(row: dict[str, object]) -> list[str]:
    return [
        "-" if row["store_days"] is None else f"{row['store_days']:,}",
        _figure(row["rmspe"]),
        percent(row["bias"], signed=True),  # type: ignore[arg-type]
        percent(row["coverage_80"]),  # type: ignore[arg-type]
        percent(row["coverage_95"]),  # type: ignore[arg-type]
    ]


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:.4f}"


def _by_horizon_week(books: Books) -> str:
    pooled = books.accuracy.filter(pl.col("monday").is_null()).sort("horizon_week")
    return markdown_table(
        ["horizon week", *_SCORE_NAMES, "median RMSPE of the weeks"],
        (
            [row["horizon_week"], *_scores(row), _figure(row["rmspe_median"])]
            for row in pooled.iter_rows(named=True)
        ),
    )


def _promotions(books: Books) -> str:
    if books.promotions.is_empty():
        return "No challenger was judged."
    return "\n".join(
        f"- {row['monday']}: {row['model_version']} {row['action']}; {row['reason']}"
        for row in books.promotions.iter_rows(named=True)
    )


def _alerts(books: Books) -> str:
    if books.alerts.is_empty():
        return "None."
    return "\n".join(
        f"- {row['monday']}, {row['severity']}, {row['rule']} ({row['subject']}): {row['message']}"
        for row in books.alerts.iter_rows(named=True)
    )


def _machine(books: Books) -> str:
    trained = books.weeks["job"].str.contains("training").fill_null(value=False)
    rows = []
    for name, chosen in (("without training", ~trained), ("with training", trained)):
        weeks = books.weeks.filter(chosen)
        if len(weeks):
            rows.append(
                [
                    name,
                    str(len(weeks)),
                    *(
                        "-" if value is None else f"{value:.1f}"  # type: ignore[str-bytes-safe]
                        for value in (
                            weeks["wall_seconds"].median(),
                            weeks["wall_seconds"].max(),
                            weeks["cpu_seconds"].median(),
                        )
                    ),
                    *(
                        "-" if value is None else f"{value:.2f}"
                        for value in (
                            weeks["peak_gigabytes"].head(1).item(),
                            weeks["peak_gigabytes"].tail(1).item(),
                        )
                    ),
                ]
            )
    names = [
        "weeks",
        "number",
        "seconds, median",
        "most",
        "CPU seconds, median",
        "GB, first",
        "last",
    ]
    return markdown_table(names, rows)


def _steps(books: Books) -> str:
    """Median seconds of each step in the first and last weeks without training."""
    untrained = books.weeks.filter(~pl.col("job").str.contains("training").fill_null(value=False))[
        "monday"
    ].sort()
    if len(untrained) < 2 * _COMPARED:
        return ""

    def medians(days: pl.Series, name: str) -> pl.DataFrame:
        rows = books.steps.filter(pl.col("monday").is_in(days.implode()))
        return rows.group_by("step", maintain_order=True).agg(
            pl.col("seconds").median().alias(name)
        )

    first = medians(untrained.head(_COMPARED), "first")
    last = medians(untrained.tail(_COMPARED), "last")
    joined = first.join(last, on="step", maintain_order="left")
    return markdown_table(
        ["step", f"seconds, first {_COMPARED} weeks", f"last {_COMPARED} weeks"],
        ([step, f"{a:.1f}", f"{b:.1f}"] for step, a, b in joined.iter_rows()),
    )


def _stopped(weeks: pl.DataFrame) -> str:
    return "\n".join(
        f"- {row['monday']}, exit code {row['exit_code']}, "
        f"{row['failed_step'] or 'before the first step'}: {row['reason']}"
        for row in weeks.iter_rows(named=True)
    )
