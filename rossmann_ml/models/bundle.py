"""The bundle: a fitted blend with all that scoring needs, as a folder of plain files.

A bundle is what serves. It holds no pickle, knows its own version, and is written whole or not
at all. Where models come from (training) and which one is champion (registry) is not its matter.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.calibration import Calibration, interval_spread
from rossmann_ml.models.total_calibration import TotalCalibration

_METADATA = "bundle.json"


@dataclass(frozen=True)
class BundleMetadata:
    """What a bundle is.

    Attributes:
        family: ``blend``; its members are in ``blend.json``.
        trained_through: The newest target date among the training rows.
        features: The features it needs, in order.
        feature_params: Half-lives and windows that the features were made with.
        profile: ``fast`` or ``full``.
        horizon_days: The horizon it was trained for.
    """

    family: str
    trained_through: str
    features: list[str]
    feature_params: dict[str, list[int]]
    profile: str
    horizon_days: int


@dataclass(frozen=True)
class Bundle:
    """A fitted blend, its calibrations and what they are."""

    model: Blend
    calibration: Calibration
    total_calibration: TotalCalibration
    metadata: BundleMetadata
    model_version: str = ""

    def forecast(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Forecast the rows of a scoring panel; closed days get 0.

        Args:
            panel: As :func:`rossmann_ml.features.panel.scoring_panel` makes it.

        Returns:
            ``forecast_origin, store_id, target_date, horizon_days, is_open, sales_forecast`` and
            the bounds, in the panel's order.

        Raises:
            NoDataError: The panel lacks features that the model was trained with.
        """
        missing = [name for name in self.metadata.features if name not in panel.columns]
        if missing:
            raise NoDataError(
                f"model {self.model_version} needs features that are no longer made: "
                f"{', '.join(missing[:5])}. Train anew with `rossmann refresh --retrain fast`"
            )
        log_forecast = self.model.predict_log_sales(panel)
        forecasts = self.calibration.bounds(
            panel["horizon_days"].to_numpy(), interval_spread(panel), log_forecast
        )
        keys = panel.select("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
        return pl.concat([keys, forecasts], how="horizontal").with_columns(
            pl.when("is_open").then(pl.col(name)).otherwise(0.0).alias(name)
            for name in forecasts.columns
        )

    def total_intervals(
        self, panel: pl.DataFrame, forecasts: pl.DataFrame, stores: pl.DataFrame
    ) -> pl.DataFrame:
        """Give the factors on sums of forecasts, see :meth:`TotalCalibration.intervals`.

        Args:
            panel: The panel that was forecast.
            forecasts: What :meth:`forecast` made of it.
            stores: ``store_id, store_type, assortment, state``.
        """
        rows = forecasts.select(
            "forecast_origin", "store_id", "target_date", "horizon_days", "is_open",
            forecast="sales_forecast", spread=pl.Series(interval_spread(panel)),
        )  # fmt: skip
        return self.total_calibration.intervals(rows, stores)

    def save(self, models_folder: Path) -> Bundle:
        """Write the bundle below a folder, under its version.

        The version names family, newest training day and content, so the same inputs give the
        same version; one that is there already is left as it is.

        Returns:
            The bundle with its ``model_version``.
        """

        def write(folder: Path) -> None:
            self.model.save(folder)
            self.calibration.save(folder)
            self.total_calibration.save(folder)
            text = json.dumps(asdict(self.metadata), indent=2)
            (folder / _METADATA).write_text(text, encoding="utf-8")

        day = date.fromisoformat(self.metadata.trained_through)
        return Bundle(
            self.model,
            self.calibration,
            self.total_calibration,
            self.metadata,
            _write_versioned(models_folder, f"{self.metadata.family}-{day:%Y%m%d}", write),
        )

    @classmethod
    def load(cls, models_folder: Path, model_version: str, *, threads: int) -> Bundle:
        """Read a bundle; its forecasts use so many threads.

        Raises:
            NoDataError: It is not there or not whole.
        """
        folder = models_folder / model_version
        try:
            metadata = BundleMetadata(**json.loads((folder / _METADATA).read_text("utf-8")))
            return cls(
                Blend.load(folder, threads=threads),
                Calibration.load(folder),
                TotalCalibration.load(folder),
                metadata,
                model_version,
            )
        except FileNotFoundError as error:
            raise NoDataError(
                f"the bundle of model {model_version} is not whole: {error.filename} is missing; "
                "train anew with `rossmann refresh --retrain fast`, or `rossmann restore` a backup"
            ) from error


def _write_versioned(models_folder: Path, prefix: str, write: Callable[[Path], None]) -> str:
    models_folder.mkdir(parents=True, exist_ok=True)
    temporary = models_folder / f".{prefix}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    write(temporary)
    digest = hashlib.sha256()
    for path in sorted(temporary.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    version = f"{prefix}-{digest.hexdigest()[:8]}"
    if (models_folder / version).exists():
        shutil.rmtree(temporary)
    else:
        temporary.rename(models_folder / version)
    return version
