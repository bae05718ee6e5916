"""Save and load bundles: folders of plain files that hold a fitted blend with its calibrations.

Every trained model is saved as a bundle. The folder holds no pickle, its name is the model version,
and it appears only when it is complete. See :mod:`rossmann_ml.training.fit` for fitting, and
:mod:`rossmann_ml.warehouse.tables.models` for looking up the champion.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import TypeAdapter

from rossmann_ml.base import files
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.features.grid import FloatArray
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.bundle_files import (
    FORMAT_VERSION,
    METADATA_NAME,
    RETRAIN,
    is_whole,
    name_files,
    require_current,
    require_whole,
)
from rossmann_ml.models.calibration import Calibration
from rossmann_ml.models.error_scale import interval_spread
from rossmann_ml.models.error_shapes import log_errors_by_shape
from rossmann_ml.models.total_calibration import TotalCalibration

Part = TypeVar("Part")


@dataclass(frozen=True)
class BundleMetadata:
    """Contents of ``bundle.json``.

    Attributes:
        family: Always ``blend``; the names of its members are in ``blend.json``.
        trained_through: Newest target date among the training rows, as an ISO date.
        features: Names of the features, in column order.
        feature_params: Half-lives and windows with which features are computed, in days, by name
            of the parameter.
        profile: Training profile, ``fast`` or ``full``.
        horizon_days: Number of days after each origin for which the model was trained.
        format_version: Number of the format of bundles in which the files are.
    """

    family: str
    trained_through: str
    features: list[str]
    feature_params: dict[str, list[int]]
    profile: str
    horizon_days: int
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Bundle:
    """A fitted blend with everything that is needed to forecast with it.

    Attributes:
        model: Blend, which predicts log sales.
        calibration: Bias factor and quantiles of errors of daily forecasts.
        total_calibration: Bias factor and error variances of totals.
        metadata: Names and parameters of the features, training profile and newest training day.
        model_version: Name of the bundle's folder; empty until the bundle is saved.
    """

    model: Blend
    calibration: Calibration
    total_calibration: TotalCalibration
    metadata: BundleMetadata
    model_version: str = ""

    def forecast(self, panel: pl.DataFrame, means: pl.DataFrame | None = None) -> pl.DataFrame:
        """Forecast sales and intervals for the rows of a scoring panel; closed days get 0.

        Args:
            panel: Panel built by :func:`rossmann_ml.features.panel.scoring_panel`.
            means: ``forecast_origin, target_date, mean_departure`` (see
                :meth:`rossmann_ml.models.blend.Blend.to_subtract`), to forecast some stores;
                None if ``panel`` has the rows of all stores.

        Returns:
            ``forecast_origin, store_id, target_date, horizon_days, is_open``, and in EUR
            ``sales_forecast, lower_80, upper_80, lower_95, upper_95, sales_median``, and in log
            units ``error_scale`` (0 on closed days; see :meth:`error_quantiles`) and
            ``mean_departure`` of the day, which was subtracted; in the panel's row order.

        Raises:
            NoDataError: The panel lacks features that the model was trained with, or has days
                further ahead than the model was trained for, or ``means`` lacks a day.
        """
        rows, of_row = self._log_forecasts(panel, means)
        forecasts = self.calibration.bounds(rows).hstack(self.calibration.medians(rows))
        keys = panel.select("forecast_origin", "store_id", "target_date", "horizon_days", "is_open")
        return pl.concat([keys, forecasts], how="horizontal").with_columns(
            *(
                pl.when("is_open").then(pl.col(name)).otherwise(0.0).alias(name)
                for name in forecasts.columns
            ),
            mean_departure=pl.Series(of_row),
        )

    def quantiles(
        self, panel: pl.DataFrame, levels: Sequence[float], means: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Compute quantiles of the sales for the rows of a scoring panel; closed days get 0.

        Args:
            panel: Panel as for :meth:`forecast`.
            levels: Probabilities between 0.01 and 0.99 with which sales are below the quantile.
            means: Mean departures as for :meth:`forecast`.

        Returns:
            ``forecast_origin, store_id, target_date``, and one column in EUR per level, such as
            ``q0.1``; in the panel's row order.

        Raises:
            NoDataError: As for :meth:`forecast`.
            ValueError: A level is not between 0.01 and 0.99.
        """
        rows, _ = self._log_forecasts(panel, means)
        names = [f"q{level}" for level in levels]
        found = self.calibration.quantiles_of(rows, levels) * panel["is_open"].to_numpy()[:, None]
        return panel.select("forecast_origin", "store_id", "target_date").hstack(
            pl.DataFrame(found, schema=names)
        )

    def _log_forecasts(
        self, panel: pl.DataFrame, means: pl.DataFrame | None
    ) -> tuple[pl.DataFrame, FloatArray]:
        """Forecast log sales, and look up what their calibration needs.

        Returns:
            Rows for :meth:`Calibration.quantiles_of`, and the mean departures in log units that
            were subtracted, shape (rows,).
        """
        missing = [name for name in self.metadata.features if name not in panel.columns]
        if missing:
            raise NoDataError(
                f"model {self.model_version} needs features that are no longer computed: "
                f"{', '.join(missing[:5])}. Retrain with `rossmann refresh --retrain fast`"
            )
        ahead = panel["horizon_days"].to_numpy().max(initial=0)
        if ahead > self.metadata.horizon_days:
            raise NoDataError(
                f"model {self.model_version} forecasts {self.metadata.horizon_days} days after the "
                f"origin, expected {ahead}{RETRAIN}, or set forecast.horizon_days in params.yaml"
            )
        logs, of_row = self.model.forecast_logs(panel, means)
        rows = panel.select(
            "store_id", "target_date", "is_promo",
            spread=pl.Series(interval_spread(panel)),
            log_forecast=pl.Series(logs),
        )  # fmt: skip
        return rows, of_row

    def total_intervals(
        self, panel: pl.DataFrame, forecasts: pl.DataFrame, stores: pl.DataFrame
    ) -> pl.DataFrame:
        """Compute the factors by which sums of daily forecasts become unbiased totals with bounds.

        Args:
            panel: Panel that was forecast.
            forecasts: Result of :meth:`forecast` for this panel.
            stores: ``store_id, store_type, assortment, state``, one row per store.

        Returns:
            One row per total (one segment in one span of days), with a factor for the unbiased
            total and one for each bound, and the scale and shape of its errors; see
            :meth:`TotalCalibration.intervals` for the columns.
        """
        rows = forecasts.select(
            "forecast_origin", "store_id", "target_date", "horizon_days", "is_open",
            forecast="sales_forecast", spread=pl.Series(interval_spread(panel)),
        )  # fmt: skip
        return self.total_calibration.intervals(rows, stores)

    def error_quantiles(self, intervals: pl.DataFrame) -> pl.DataFrame:
        """Return the log errors from which quantiles of days and totals are computed.

        A quantile is the median (of a total: the unbiased total) times
        ``exp(error_scale * log_error)``.

        Args:
            intervals: Result of :meth:`total_intervals`.

        Returns:
            ``shape, level, log_error``: those of days (``day``), and of each shape of the totals.
        """
        of_totals = log_errors_by_shape(
            intervals["error_shape"], self.total_calibration.store_quantiles
        )
        return pl.concat([self.calibration.error_quantiles(), of_totals])

    def save(self, models_folder: Path) -> Bundle:
        """Write the bundle into a subfolder whose name is the model version.

        The version consists of the family, the newest training day and a hash of the files, so the
        same inputs give the same version. If a whole bundle of that name exists, it is not changed.

        Returns:
            Copy of the bundle with its ``model_version`` set.
        """
        day = date.fromisoformat(self.metadata.trained_through)
        prefix = f"{self.metadata.family}-{day:%Y%m%d}"
        temporary = models_folder / f".{prefix}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        self.model.save(temporary)
        for part in (self.metadata, self.calibration, self.total_calibration):
            text = json.dumps(asdict(part), indent=2)
            (temporary / _FILES[type(part)]).write_text(text, encoding="utf-8")
        version = f"{prefix}-{name_files(temporary)}"
        final = models_folder / version
        if is_whole(final, version):
            shutil.rmtree(temporary)
        else:
            files.move_aside(final)
            files.move_into_place(temporary, final)
        return replace(self, model_version=version)

    @classmethod
    def load(cls, models_folder: Path, model_version: str, *, threads: int) -> Bundle:
        """Check the files of a saved bundle by their hash, then load them.

        Args:
            models_folder: Folder that holds all bundles.
            model_version: Name of the bundle's subfolder.
            threads: Number of threads used to forecast.

        Raises:
            NoDataError: The bundle is missing, or another version of the product trained it.
            DamagedError: A file is missing, or is not the one that was saved.
            ForbiddenError: This user may not read one of its files.
        """
        folder = models_folder / model_version
        require_whole(folder, model_version)
        require_current(folder, model_version)
        return cls(
            Blend.load(folder, threads=threads),
            _read(folder, Calibration),
            _read(folder, TotalCalibration),
            _read(folder, BundleMetadata),
            model_version,
        )


_FILES: dict[type, str] = {
    BundleMetadata: METADATA_NAME,
    Calibration: "calibration.json",
    TotalCalibration: "total_calibration.json",
}


def _read(folder: Path, part: type[Part]) -> Part:
    loaded = json.loads((folder / _FILES[part]).read_text(encoding="utf-8"))
    return TypeAdapter(part).validate_python(loaded)  # nested parts and numbers as keys
