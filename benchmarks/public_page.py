"""Write ``docs/benchmarks.md`` from the scores of public benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rossmann_ml.base.markdown import markdown_table

# Scores as published: fev-bench, benchmarks/fev_bench/results, mean of ten windows.
_FEV_TEN_WINDOWS = (
    ("TabPFN-TS", 0.2389, 0.3006, 0.0998),
    ("TabPFN-TS-3", 0.2455, 0.3071, 0.1022),
    ("TS-ICL", 0.2581, 0.3198, 0.1065),
    ("Chronos-2", 0.2835, 0.3558, 0.1198),
    ("CatBoost (AutoML)", 0.3322, 0.3322, 0.1096),
    ("LightGBM (AutoML)", 0.3412, 0.3412, 0.1126),
    ("Seasonal naive", 0.9137, 0.7886, 0.2692),
)
_FEV_EIGHT_WINDOWS = (
    ("TabPFN-TS", 0.2538, 0.3042, 0.0791),
    ("Chronos-2", 0.3077, 0.3712, 0.0964),
    ("CatBoost (AutoML)", 0.6818, 0.6818, 0.1901),
    ("Seasonal naive", 0.8988, 0.7960, 0.2192),
)
_ABOUT_WEEKS = """\
The same benchmark, task `rossmann_1W`: the 13 calendar weeks after each of eight cutoffs, of which
the first has seven months of history. The product forecasts 91 days and adds them up to weeks with
the ranges of its totals. Errors are divided by the store's mean change from one week to the next;
seasonal naive repeats the last week. Where history is too short for `training.min_history_days`,
training origins begin earlier."""
_ABOUT_FEV = """\
[fev-bench](https://github.com/autogluon/fev), task `rossmann_1D`: 1,115 stores on the calendar
from 2013-01-01, 48 days after each of ten cutoffs, opening, promotion and holidays known in
advance, closed days counted. SQL is the mean quantile loss at 0.1 to 0.9 and MASE the mean
absolute error of the median, both divided by the store's mean change from week to week; WAPE is
the sum of absolute errors divided by the sum of sales."""
_DIFFERENCES = """\
What differs from the other entries: this product was developed on this retailer's data, and most
of its choices were made on forecasts from these years. The pretrained models were not fitted to
it, and the AutoML entries were tuned without knowing the retailer. The product trains again for
every window, on sales up to the cutoff only; its fold forecasts, weights and ranges come from
origins that were over by then."""
_ABOUT_ARENA = """\
BeyondArena's `rossmann_store_sales` (TabArena, arXiv 2606.30410): RMSE in EUR over the open days
with sales in the 42 days after a cutoff, of the forecast whose sums are unbiased."""


def page_of(results: dict[str, Any], facts: dict[str, str]) -> str:
    """Return the page as Markdown.

    Args:
        results: Scores by task, as in the file that ``--json`` writes.
        facts: Value by name of the run's facts, such as its wall time.
    """
    parts = ["# Public benchmarks", "Written by `python -m benchmarks.public`."]
    parts.append(markdown_table(("run", ""), list(facts.items())))
    if fev := results.get("rossmann_1D"):
        parts += _fev(fev)
    if weeks := results.get("rossmann_1W"):
        parts += _fev_weeks(weeks)
    if arena := results.get("beyondarena"):
        rows = [
            (each["cutoff"], f"{each['rows']:,}", f"{each['RMSE']:.1f}") for each in arena["splits"]
        ]
        table = markdown_table(("cutoff", "rows", "RMSE in EUR"), rows)
        parts += ["## BeyondArena", _ABOUT_ARENA, f"Profile `{arena['profile']}`.", table]
    return "\n\n".join([*parts, _DIFFERENCES]) + "\n"


_NAMES = ("SQL", "MASE", "WAPE")


def _figures(scores: Mapping[str, float]) -> list[str]:
    return [f"{scores[name]:.4f}" if name in scores else "" for name in _NAMES]


def _windows(fev: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of the table of windows, with their mean last."""
    rows = [(each["cutoff"], *_figures(each)) for each in fev["windows"]]
    return [*rows, (f"mean of {len(rows)}", *_figures(fev["mean"]))]


def _published(scores: Iterable[tuple[str, float, float, float]]) -> list[tuple[str, ...]]:
    return [(name, *(f"{value:.4f}" for value in values)) for name, *values in scores]


def _fev_weeks(fev: dict[str, Any]) -> list[str]:
    rows = [*_windows(fev), ("seasonal naive, mean", *_figures(fev["seasonal_naive"]))]
    parts = ["## fev-bench, rossmann_1W", _ABOUT_WEEKS, f"Profile `{fev['profile']}`."]
    return [
        *parts,
        markdown_table(("cutoff", *_NAMES), rows),
        f"Means of eight windows as published by fev-bench; this run has {len(fev['windows'])}:",
        markdown_table(("eight windows", *_NAMES), _published(_FEV_EIGHT_WINDOWS)),
    ]


def _fev(fev: dict[str, Any]) -> list[str]:
    windows, mean = fev["windows"], fev["mean"]
    naive = (
        f"Seasonal naive has a MASE of {fev['seasonal_naive']['MASE']:.4f} on these windows, which "
        "checks the layout: published are 0.7886 over ten windows and 0.8074 over the first nine."
    )
    parts = ["## fev-bench, rossmann_1D", _ABOUT_FEV, f"Profile `{fev['profile']}`."]
    parts += [markdown_table(("cutoff", *_NAMES), _windows(fev)), naive]
    others = _published(_FEV_TEN_WINDOWS)
    if len(windows) == 10:
        others.insert(0, ("this product", *_figures(mean)))
        parts.append("Mean of ten windows, as published by fev-bench:")
    else:
        parts.append(
            f"Published means are of ten windows. The data of this run reach {len(windows)}, so "
            "the two tables must not be compared line by line:"
        )
    parts.append(markdown_table(("ten windows", *_NAMES), others))
    return parts
