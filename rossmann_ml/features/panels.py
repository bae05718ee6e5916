"""The panels in the warehouse: what models learn from, and the days to forecast.

Belongs here: making the training panel, and keeping both with a record of what they were built
from. How rows are computed is :mod:`rossmann_ml.features.panel`'s matter, what is fitted on them
:mod:`rossmann_ml.training.fit`'s, what is scored :mod:`rossmann_ml.forecasting.score`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params, Profile
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.features.inputs import OriginInputs, newest_origin, read_newest_inputs
from rossmann_ml.features.panel import feature_names, training_origins, training_panel
from rossmann_ml.warehouse.connection import (
    one_row,
    read_frame,
    transaction,
    utc_now,
)
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import Versions

TRAINING_PANEL, SCORING_PANEL = "training_panel", "scoring_panel"


@dataclass(frozen=True)
class PanelReport:
    """What a panel holds.

    Attributes:
        forecast_origin: The origin it was made for.
        origins: How many origins are in it.
        rows: Its rows.
        features: Its feature columns.
        seconds: Wall time of making and storing it.
    """

    forecast_origin: date
    origins: int
    rows: int
    features: int
    seconds: float


def panel_of(
    inputs: OriginInputs, params: Params, profile: Profile, *, progress: Progress = silent
) -> tuple[pl.DataFrame, list[date]]:
    """Make the training panel for an origin, with the origins in it.

    Raises:
        NoDataError: There is too little history for a single training origin.
    """
    size = params.training.profiles[profile]
    origins = training_origins(
        inputs.forecast_origin,
        first_day=inputs.first_sales_date,
        step_days=size.origin_step_days,
        count=size.max_origins,
        min_history_days=params.training.min_history_days,
    )
    if not origins:
        raise NoDataError(
            f"there is too little history before {inputs.forecast_origin} to train: sales begin on "
            f"{inputs.first_sales_date}, and training.min_history_days + "
            f"training.profiles.{profile}.origin_step_days = "
            f"{params.training.min_history_days + size.origin_step_days} days are needed"
        )
    panel = training_panel(
        inputs.features,
        origins,
        known_until=inputs.forecast_origin,
        horizon_days=params.forecast.horizon_days,
        params=params.features,
        rows_share=size.rows_share,
        progress=progress,
    )
    return panel, origins


def build_training_panel(session: Session, *, profile: Profile) -> PanelReport:
    """Fill ``features.training_panel`` for the newest origin."""
    started = time.perf_counter()
    with session.writing() as connection:
        inputs = read_newest_inputs(connection, session.params)
        panel, origins = panel_of(inputs, session.params, profile, progress=session.progress)
        versions = session.versions(connection)
        store_panel(
            connection, TRAINING_PANEL, panel, inputs.forecast_origin, versions, profile=profile
        )
    return PanelReport(
        inputs.forecast_origin,
        len(origins),
        len(panel),
        len(feature_names(session.params.features)),
        time.perf_counter() - started,
    )


def store_panel(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    panel: pl.DataFrame,
    origin: date,
    versions: Versions,
    *,
    profile: Profile | None = None,
) -> None:
    """Replace a panel and the record of what it was built from.

    Args:
        connection: The pipeline's database.
        name: ``training_panel`` or ``scoring_panel``, tables of the schema ``features``.
        panel: Its rows.
        origin: The origin to come, or the one to score.
        versions: Of data and code.
        profile: Of the training panel.
    """
    with transaction(connection):
        connection.register("panel_rows", panel)
        connection.execute(
            f"CREATE OR REPLACE TABLE features.{name} AS SELECT * FROM panel_rows"  # noqa: S608 - one of two names
        )
        connection.unregister("panel_rows")
        connection.execute(
            "INSERT OR REPLACE INTO features.panel_builds VALUES (?, ?, ?, ?, ?, ?, ?)",
            [name, origin, profile, versions.data, versions.code, len(panel), utc_now()],
        )


def read_scoring_panel(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read ``features.scoring_panel``.

    Raises:
        NoDataError: It is not that of the origin.
    """
    build = one_row(
        connection,
        "SELECT forecast_origin FROM features.panel_builds WHERE panel = ?",
        [SCORING_PANEL],
    )
    if build != (origin,):
        raise NoDataError(
            f"features.scoring_panel is not built for the origin {origin}: materialize it first"
        )
    return read_frame(connection, "SELECT * FROM features.scoring_panel")


def read_training_panel(connection: duckdb.DuckDBPyConnection, profile: Profile) -> pl.DataFrame:
    """Read ``features.training_panel``.

    Raises:
        NoDataError: It is not that of the profile and the newest origin.
    """
    build = one_row(
        connection,
        "SELECT profile, forecast_origin FROM features.panel_builds WHERE panel = ?",
        [TRAINING_PANEL],
    )
    wanted = (profile, newest_origin(connection))
    if build != wanted:
        raise NoDataError(
            f"features.training_panel is not built for the profile {profile} and the "
            f"origin {wanted[1]}: materialize it first"
        )
    # DuckDB keeps the order of insertion: the same panel gives the same model to the last bit
    return read_frame(connection, "SELECT * FROM features.training_panel")
