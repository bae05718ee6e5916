"""Three forecasting methods as tracked runs, and a gate before one of them may serve."""

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
    """Invented sales, shape (stores, days): a weekly shape, a season, a slow trend and chance."""
    chance = np.random.default_rng(7)
    day = np.arange(days)
    weekday = np.array([1.2, 1.05, 1.0, 1.0, 1.1, 0.8, 0.5])[day % 7]
    season = 1 + 0.15 * np.sin(2 * np.pi * day / 364)
    level = chance.uniform(3000, 9000, size=(stores, 1))
    trend = 1 + chance.normal(0, 0.0003, size=(stores, 1)) * day
    return level * trend * weekday * season * np.exp(chance.normal(0, 0.06, size=(stores, days)))


def last_week_again(known: np.ndarray, days: int) -> np.ndarray:
    """The last seven days, repeated."""
    return np.tile(known[:, -7:], (1, -(-days // 7)))[:, :days]


def weekday_mean(known: np.ndarray, days: int) -> np.ndarray:
    """The mean of each weekday over the last eight weeks."""
    weeks = known[:, -56:].reshape(len(known), 8, 7)
    return np.tile(weeks.mean(axis=1), (1, -(-days // 7)))[:, :days]


def weekday_mean_with_season(known: np.ndarray, days: int) -> np.ndarray:
    """The same, moved as the whole chain moved between the same days a year ago."""
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
    """Root mean square percentage error."""
    return float(np.sqrt(np.mean((forecast / actual - 1) ** 2)))


def backtest(method: Method, sales: np.ndarray) -> dict[int, float]:
    """The method's error at each origin; it is shown nothing that came after the origin."""
    return {
        origin: rmspe(
            sales[:, origin : origin + HORIZON_DAYS],
            method(sales[:, :origin].copy(), HORIZON_DAYS),
        )
        for origin in ORIGINS
    }


def track(name: str, errors: dict[int, float]) -> str:
    """Log one method's backtest as a run; gives the run's id."""
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params({"method": name, "horizon_days": HORIZON_DAYS})
        for origin, error in errors.items():
            mlflow.log_metric("rmspe_by_origin", error, step=origin)
        mlflow.log_metric("rmspe", float(np.mean(list(errors.values()))))
        return run.info.run_id


def champion_error(client: MlflowClient) -> float:
    """The error of the model that serves; infinite when none does."""
    try:
        version = client.get_model_version_by_alias(MODEL, "champion")
    except MlflowException:
        return float("inf")
    return float(version.tags["rmspe"])


def promote(client: MlflowClient, name: str, run_id: str, error: float) -> str:
    """Register the method and let it serve if it beats the one that does."""
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
    """Judge every method, track it, and ask the gate about the best."""
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
