"""Track three forecasting methods as runs, and promote the best one through a gate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

HORIZON_DAYS = 28
ORIGINS = (560, 588, 616, 644, 672)
MODEL = "simplified-forecast"
Method = Callable[[np.ndarray, int], np.ndarray]


def make_sales(stores: int = 20, days: int = 700) -> np.ndarray:
    """Return invented sales, shape (stores, days): weekday, season, slow trend and noise."""
    chance = np.random.default_rng(7)
    day = np.arange(days)
    weekday = np.array([1.2, 1.05, 1.0, 1.0, 1.1, 0.8, 0.5])[day % 7]
    season = 1 + 0.15 * np.sin(2 * np.pi * day / 364)
    level = chance.uniform(3000, 9000, size=(stores, 1))
    trend = 1 + chance.normal(0, 0.0003, size=(stores, 1)) * day
    return level * trend * weekday * season * np.exp(chance.normal(0, 0.06, size=(stores, days)))


def last_week_again(known: np.ndarray, days: int) -> np.ndarray:
    """Repeat the last seven days."""
    return np.tile(known[:, -7:], (1, -(-days // 7)))[:, :days]


def weekday_mean(known: np.ndarray, days: int) -> np.ndarray:
    """Forecast the mean of each weekday over the last eight weeks."""
    weeks = known[:, -56:].reshape(len(known), 8, 7)
    return np.tile(weeks.mean(axis=1), (1, -(-days // 7)))[:, :days]


def weekday_mean_with_season(known: np.ndarray, days: int) -> np.ndarray:
    """Scale the weekday means by the chain's change between the same days a year ago."""
    chain = known.sum(axis=0)
    a_year_ago = len(chain) - 364
    before = chain[a_year_ago - 56 : a_year_ago].mean()
    after = np.convolve(chain, np.ones(7) / 7, "same")[a_year_ago : a_year_ago + days]
    return weekday_mean(known, days) * (after / before)


METHODS: dict[str, Method] = {
    "last_week_again": last_week_again,
    "weekday_mean": weekday_mean,
    "weekday_mean_with_season": weekday_mean_with_season,
}


def rmspe(actual: np.ndarray, forecast: np.ndarray) -> float:
    """Return the root mean square percentage error."""
    return float(np.sqrt(np.mean((forecast / actual - 1) ** 2)))


def backtest(method: Method, sales: np.ndarray) -> dict[int, float]:
    """Return the error of a method at each origin, with sales up to the origin only."""
    return {
        origin: rmspe(
            sales[:, origin : origin + HORIZON_DAYS],
            method(sales[:, :origin].copy(), HORIZON_DAYS),
        )
        for origin in ORIGINS
    }


def track(name: str, errors: dict[int, float]) -> str:
    """Log the backtest of a method as a run, and return the id of the run."""
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params({"method": name, "horizon_days": HORIZON_DAYS})
        for origin, error in errors.items():
            mlflow.log_metric("rmspe_by_origin", error, step=origin)
        mlflow.log_metric("rmspe", float(np.mean(list(errors.values()))))
        return run.info.run_id


def champion_error(client: MlflowClient) -> float:
    """Return the error of the champion; infinite without one."""
    try:
        version = client.get_model_version_by_alias(MODEL, "champion")
    except MlflowException:
        return float("inf")
    return float(version.tags["rmspe"])


def promote(client: MlflowClient, name: str, run_id: str, error: float) -> str:
    """Register the method, and make it champion if it beats the current one."""
    best = champion_error(client)
    if error >= best:
        return f"{name} ({error:.4f}) stays out: the champion has {best:.4f}"
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    version = client.create_model_version(
        MODEL, source=f"runs:/{run_id}/method", run_id=run_id, tags={"rmspe": f"{error:.6f}"}
    )
    client.set_registered_model_alias(MODEL, "champion", version.version)
    return f"{name} ({error:.4f}) is champion, version {version.version}"


def run(folder: Path) -> list[str]:
    """Backtest and track every method, and promote the best one."""
    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{folder.resolve() / 'mlflow.db'}")
    if mlflow.get_experiment_by_name("simplified") is None:
        mlflow.create_experiment("simplified", artifact_location=(folder / "files").as_uri())
    mlflow.set_experiment("simplified")
    sales = make_sales()
    errors = {name: backtest(method, sales) for name, method in METHODS.items()}
    runs = {name: track(name, by_origin) for name, by_origin in errors.items()}
    means = {name: float(np.mean(list(each.values()))) for name, each in errors.items()}
    best = min(means, key=lambda name: means[name])
    said = [f"{name}: RMSPE {error:.4f}" for name, error in means.items()]
    return [*said, promote(MlflowClient(), best, runs[best], means[best])]


if __name__ == "__main__":
    print(*run(Path(sys.argv[1]).resolve()), sep="\n")
