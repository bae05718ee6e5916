"""Compare the champion with typical public approaches, as reported and as they would serve.

The module implements three common ways to validate and to build features, with one LightGBM for
all, so that only the approach differs. Each is scored twice on the days after one origin: as such
projects report it, with data of the day itself, and as it would serve, without sales and customers
after the origin. ``python -m benchmarks.comparison`` reads ``train.csv`` and ``store.csv`` from the
settings and the champion's scores from the published generation, and writes the table of
``docs/comparison.md``.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import NamedTuple

from rossmann_ml.base.process import prepare

prepare()

import lightgbm  # noqa: E402 - after prepare
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from documentation.tables import with_part  # noqa: E402
from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.base.markdown import markdown_table  # noqa: E402
from rossmann_ml.base.settings import PROJECT_DIR, Settings, default_settings  # noqa: E402
from rossmann_ml.serving.generations import current_path, open_generation  # noqa: E402

PAGE = PROJECT_DIR / "docs" / "comparison.md"
BEGIN = "<!-- figures: begin (python -m benchmarks.comparison) -->"
END = "<!-- figures: end -->"
HORIZON_DAYS = 42
KNOWN_IN_ADVANCE = [
    *("Store", "DayOfWeek", "Open", "Promo", "StateHoliday", "SchoolHoliday"),
    *("year", "month", "day", "week", "StoreType", "Assortment", "CompetitionDistance"),
    *("CompetitionOpenSinceMonth", "CompetitionOpenSinceYear"),
    *("Promo2", "Promo2SinceWeek", "Promo2SinceYear", "PromoInterval"),
]
LAGS = (1, 7, 14, 28)
WINDOWS = (7, 14, 28, 60)
ROLLING = [*(f"sales_{lag}" for lag in LAGS), *(f"mean_{window}" for window in WINDOWS)]
TREES = 400


class Row(NamedTuple):
    """RMSPE of one approach as reported (None without such a figure) and as it serves."""

    approach: str
    reported: float | None
    served: float


def read_days(folder: Path) -> pd.DataFrame:
    """Read every store-day with attributes of calendar and store, sorted by store and day."""
    days = pd.read_csv(folder / "train.csv", parse_dates=["Date"], dtype={"StateHoliday": str})
    days = days.merge(pd.read_csv(folder / "store.csv"), on="Store", how="left")
    days = days.sort_values(["Store", "Date"], ignore_index=True)
    days["year"], days["month"] = days["Date"].dt.year, days["Date"].dt.month
    days["day"] = days["Date"].dt.day
    days["week"] = days["Date"].dt.isocalendar().week.astype(int)
    for column in ("StateHoliday", "StoreType", "Assortment", "PromoInterval"):
        days[column] = days[column].astype("category").cat.codes
    return days


def with_rolling(days: pd.DataFrame) -> pd.DataFrame:
    """Add lagged sales, and means over windows that include the day itself."""
    by_store = days.groupby("Store")["Sales"]
    added = {f"sales_{lag}": by_store.shift(lag) for lag in LAGS}
    added |= {
        f"mean_{window}": by_store.rolling(window, min_periods=1)
        .mean()
        .reset_index(level=0, drop=True)
        for window in WINDOWS
    }
    return days.assign(**added)


def fit(rows: pd.DataFrame, features: list[str]) -> lightgbm.Booster:
    """Fit LightGBM on log sales of open days with sales."""
    rows = rows[rows["Sales"] > 0]
    parameters = {
        "objective": "regression",
        "learning_rate": 0.1,
        "num_leaves": 63,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.7,
        "seed": 7,
        "num_threads": default_settings().threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(rows[features], label=np.log(rows["Sales"]))
    return lightgbm.train(parameters, data, num_boost_round=TREES)


def rmspe(rows: pd.DataFrame, forecast: np.ndarray) -> float:
    """Return the root mean square percentage error over open days with sales."""
    sales = rows["Sales"].to_numpy(float)
    scored = sales > 0
    return float(np.sqrt(np.mean((forecast[scored] / sales[scored] - 1) ** 2)))


def usual_customers(past: pd.DataFrame, target: pd.DataFrame) -> np.ndarray:
    """Return the usual customers of such a day, in place of the unknown number."""
    cell = ["Store", "DayOfWeek", "Promo"]
    open_days = past[past["Sales"] > 0]
    usual = open_days.groupby(cell)["Customers"].median().rename("usual").reset_index()
    found = target[cell].merge(usual, on=cell, how="left")["usual"]
    fallback = target["Store"].map(open_days.groupby("Store")["Customers"].median())
    return found.fillna(fallback.reset_index(drop=True)).to_numpy()


def step_by_step(model: lightgbm.Booster, days: pd.DataFrame, origin: pd.Timestamp) -> np.ndarray:
    """Forecast day after day, each with rolling features of the forecasts before it.

    A window that would include the day itself uses the rest of the window.
    """
    grid = days.pivot_table(index="Store", columns="Date", values="Sales")
    known = grid.loc[:, :origin].to_numpy(float)
    target = days[days["Date"] > origin]
    stores = grid.index.to_numpy()
    forecasts = []
    for _, rows in target.groupby("Date", sort=True):
        place = np.searchsorted(stores, rows["Store"])
        added = {f"sales_{lag}": known[place, -lag] for lag in LAGS}
        added |= {
            f"mean_{window}": np.nanmean(known[place, -(window - 1) :], axis=1)
            for window in WINDOWS
        }
        sales = np.exp(model.predict(rows.assign(**added)[KNOWN_IN_ADVANCE + ROLLING]))
        sales = np.where(rows["Open"] == 1, sales, 0.0)
        forecasts.append(pd.Series(sales, index=rows.index))
        column = np.full((len(stores), 1), np.nan)
        column[place, 0] = sales
        known = np.concatenate([known, column], axis=1)
    return pd.concat(forecasts).reindex(target.index).to_numpy()


def compare(days: pd.DataFrame, origin: date) -> list[Row]:
    """Score each approach on the days after an origin.

    Raises:
        NoDataError: Sales do not reach the end of the horizon.
    """
    first = pd.Timestamp(origin)
    last = first + pd.Timedelta(days=HORIZON_DAYS)
    if days["Date"].max() < last:
        raise NoDataError(
            f"sales end on {days['Date'].max().date()}; expected them to reach {last.date()}, "
            f"{HORIZON_DAYS} days after the origin {origin}"
        )
    days = with_rolling(days[days["Date"] <= last])
    past, target = days[days["Date"] <= first], days[days["Date"] > first]
    held_out = np.random.default_rng(7).random(len(days)) < 0.2
    unknown = target.assign(Customers=usual_customers(past, target))

    rows = []
    with_customers = [*KNOWN_IN_ADVANCE, "Customers"]
    random_model = fit(days[~held_out], with_customers)
    past_model = fit(past, with_customers)
    rows.append(
        Row(
            "random fifth of the rows held out, customers of the day a feature",
            rmspe(days[held_out], np.exp(random_model.predict(days[held_out][with_customers]))),
            rmspe(target, np.exp(past_model.predict(unknown[with_customers]))),
        )
    )
    rolling = KNOWN_IN_ADVANCE + ROLLING
    rolling_model = fit(past, rolling)
    rows.append(
        Row(
            "last six weeks held out, means that include the day, lags from 1 day on",
            rmspe(target, np.exp(rolling_model.predict(target[rolling]))),
            rmspe(target, step_by_step(rolling_model, days, first)),
        )
    )
    calendar_model = fit(past, KNOWN_IN_ADVANCE)
    honest = rmspe(target, np.exp(calendar_model.predict(target[KNOWN_IN_ADVANCE])))
    rows.append(Row("last six weeks held out, only what is known in advance", honest, honest))
    return rows


def champions_rows(settings: Settings) -> tuple[date, int, list[Row]]:
    """Return the newest backtest origin of the published champion, its store-days and scores.

    Raises:
        NoDataError: The generation has no backtest.
    """
    query = """
        SELECT b.forecast_origin, b.store_days, b.model, b.rmspe
        FROM backtest_scores AS b JOIN generation_info AS g USING (model_version)
        WHERE b.segment_kind = 'overall' AND b.forecast_origin IS NOT NULL
        QUALIFY b.forecast_origin = max(b.forecast_origin) OVER ()
    """
    with open_generation(current_path(settings.published_path)) as connection:
        found = connection.execute(query).fetchall()
    if not found:
        raise NoDataError("the published generation has no backtest; run `rossmann refresh`")
    by_model = {model: error for _, _, model, error in found}
    names = {
        "store_weekday_promo_median": "median by store, weekday and promotion",
        "linear": "this product, its linear forecast alone",
        "blend": "this product, the champion",
    }
    rows = [Row(text, None, by_model[name]) for name, text in names.items() if name in by_model]
    return found[0][0], found[0][1], rows


def render(origin: date, store_days: int, rows: list[Row]) -> str:
    """Return the table as Markdown."""
    about = (
        f"Origin {origin}, {HORIZON_DAYS} days, {store_days:,} open store-days with sales; RMSPE."
    )
    names = ("approach", "as it is usually reported", "as it serves")
    cells = [
        (name, "" if reported is None else f"{reported:.4f}", f"{served:.4f}")
        for name, reported, served in rows
    ]
    return f"{about}\n\n{markdown_table(names, cells)}"


def main() -> None:
    """Score all approaches, and write the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=PAGE, help="the page with the marks")
    output = parser.parse_args().output
    settings = default_settings()
    origin, store_days, champion = champions_rows(settings)
    rows = compare(read_days(settings.raw_path), origin)
    figures = render(origin, store_days, [*rows, *champion])
    text = output.read_text(encoding="utf-8")
    page = with_part(text, f"\n{figures}\n", begin=BEGIN, end=END)
    output.write_text(page, encoding="utf-8")
    print(figures)


if __name__ == "__main__":
    main()
