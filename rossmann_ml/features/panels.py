"""Store and read the training panel and the scoring panel in the warehouse.

:func:`build_training_panel` fills the table ``features.training_panel``. Each panel has a row in
``features.panel_builds`` with the versions of data and code from which it was built. See
:mod:`rossmann_ml.features.panel` for computing the rows, and :mod:`rossmann_ml.forecasting.score`
for filling the table ``features.scoring_panel``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.features.inputs import OriginInputs, newest_origin, read_newest_inputs
from rossmann_ml.features.panel import feature_names, training_origins, training_panel
from rossmann_ml.warehouse.connection import one_row, read_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import data_version

TRAINING_PANEL, SCORING_PANEL = "training_panel", "scoring_panel"

# Horizon of which params.yaml says which share of the rows a training panel keeps.
_ROWS_SHARE_DAYS = 42


@dataclass(frozen=True)
class PanelReport:
    """Result of building a panel: its origin, size and time.

    Attributes:
        forecast_origin: Origin of the forecast for which the panel was built; a training panel has
            only rows from earlier origins.
        origins: Number of different origins in the panel's rows.
        rows: Number of rows.
        features: Number of feature columns.
        seconds: Wall time in seconds to build and store the panel.
    """

    forecast_origin: date
    origins: int
    rows: int
    features: int
    seconds: float


def panel_of(
    inputs: OriginInputs, params: Params, profile: Profile, *, progress: Progress = silent
) -> tuple[pl.DataFrame, list[date]]:
    """Build the training panel for a model that will forecast from an origin.

    Args:
        inputs: Stores, sales and plan for that origin.
        params: Parameters of ``params.yaml``.
        profile: Training profile, which sets the number of origins and rows.
        progress: Function that receives a message after each training origin.

    Returns:
        Panel and its training origins, oldest first.

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
        # a longer horizon keeps fewer of its days, so that a training takes no longer
        rows_share=size.rows_share * min(1.0, _ROWS_SHARE_DAYS / params.forecast.horizon_days),
        progress=progress,
    )
    return panel, origins


def build_training_panel(session: Session, *, profile: Profile) -> PanelReport:
    """Build the training panel for the newest origin, and store it in the warehouse.

    Args:
        session: Session of the job.
        profile: Training profile, which sets the number of origins and rows.
    """
    started = time.perf_counter()
    with session.writing() as connection:
        inputs = read_newest_inputs(connection, session.params)
        panel, _ = panel_of(inputs, session.params, profile, progress=session.progress)
        origin = inputs.forecast_origin
        return store_panel(session, TRAINING_PANEL, panel, origin, started, profile=profile)


def store_panel(
    session: Session,
    name: str,
    panel: pl.DataFrame,
    origin: date,
    started: float,
    *,
    profile: Profile | None = None,
) -> PanelReport:
    """Replace a panel's table and its row in ``features.panel_builds``.

    Args:
        session: Session that has the pipeline database open for writing.
        name: Table in the schema ``features``: ``training_panel`` or ``scoring_panel``.
        panel: Rows of the panel.
        origin: Origin of the forecast for which the panel was built.
        started: Value of ``time.perf_counter()`` when building the panel began, for the report's
            ``seconds``.
        profile: Training profile of a training panel; None for the scoring panel.
    """
    with session.writing() as connection, transaction(connection):
        versions = session.versions(connection)
        connection.register("panel_rows", panel)
        connection.execute(
            f"CREATE OR REPLACE TABLE features.{name} AS SELECT * FROM panel_rows"  # noqa: S608 - one of two names
        )
        connection.unregister("panel_rows")
        connection.execute(
            "INSERT OR REPLACE INTO features.panel_builds VALUES (?, ?, ?, ?, ?, ?, ?)",
            [name, origin, profile, versions.data, versions.code, len(panel), utc_now()],
        )
    return PanelReport(
        origin,
        panel["forecast_origin"].n_unique(),
        len(panel),
        len(feature_names(session.params.features)),
        time.perf_counter() - started,
    )


def read_scoring_panel(connection: duckdb.DuckDBPyConnection, origin: date) -> pl.DataFrame:
    """Read the stored scoring panel, after a check of its origin and data.

    Raises:
        NoDataError: The panel is missing, was built for another origin, or from other data.
    """
    _check_build(connection, SCORING_PANEL, origin)
    return read_frame(connection, "SELECT * FROM features.scoring_panel")


def read_training_panel(connection: duckdb.DuckDBPyConnection, profile: Profile) -> pl.DataFrame:
    """Read the stored training panel, after a check of its profile, origin and data.

    Raises:
        NoDataError: The panel is missing, was built for another profile or origin, or from other
            data.
    """
    _check_build(connection, TRAINING_PANEL, newest_origin(connection), profile)
    # DuckDB keeps the order of insertion, so the same panel gives a bit-identical model
    return read_frame(connection, "SELECT * FROM features.training_panel")


def _check_build(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    origin: date,
    profile: Profile | None = None,
) -> None:
    """Check that a stored panel is one that would be built now.

    Otherwise what is made of it would be recorded under data from which it is not.
    """
    build = one_row(
        connection,
        "SELECT forecast_origin, profile, data_version FROM features.panel_builds WHERE panel = ?",
        [name],
    )
    wanted = f"the origin {origin}"
    if profile is not None:
        wanted = f"the profile {profile} and {wanted}"
    if build is None or build[:2] != (origin, profile):
        raise NoDataError(f"features.{name} is not built for {wanted}: materialize it first")
    # not of the same code: DVC repeats a stage only if what the stage itself depends on has changed
    if build[2] != data_version(connection):
        raise NoDataError(
            f"features.{name} was built for {wanted} before the data changed: materialize it again "
            "first"
        )
