"""Which generation the warehouse would give now: its identity and what it covers.

Reads the pipeline's database and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import NoChampionError, NoDataError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.warehouse import versions
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.schema import newest_version

NEWEST_FIRST_ORIGINS = "SELECT DISTINCT forecast_origin FROM forecasting.forecasts ORDER BY 1 DESC"


@dataclass(frozen=True)
class Draft:
    """What would be published.

    Attributes:
        info: The row of ``generation_info``.
        oldest_origin: Forecasts of this origin and newer ones are in the file.
        archived_origins: Older origins; their forecasts are exported as Parquet.
        model_versions: Models whose files the generation needs.
    """

    info: GenerationInfo
    oldest_origin: date
    archived_origins: tuple[date, ...]
    model_versions: tuple[str, ...]


def draft_generation(
    connection: duckdb.DuckDBPyConnection, settings: Settings, params: Params, *, run_id: str
) -> Draft:
    """Say which generation the warehouse would give now.

    Its id is a fingerprint of the landed rows, the champion, the code, the inputs of the forecast
    runs included and the challengers that ran in shadow beside them: the same content is the same
    generation, whenever it is published.

    Raises:
        NoDataError: There is no data or no forecast yet.
        NoChampionError: No model has been promoted yet.
        PublishError: A forecast names a run that is not in ``forecast_runs``.
    """
    data_sets = connection.execute("SELECT name, is_synthetic FROM raw.data_set").fetchall()
    if not data_sets:
        raise NoDataError("nothing has been landed yet: run `rossmann refresh` first")
    ((data_set_name, is_synthetic),) = data_sets
    origins = [origin for (origin,) in connection.execute(NEWEST_FIRST_ORIGINS).fetchall()]
    if not origins:
        raise NoDataError("there are no forecasts yet: run `rossmann refresh` first")
    published = origins[: params.forecast.vintages_published]
    champion = champion_version(connection)
    data, code = versions.data_version(connection), versions.code_version()
    identity = {
        "data_version": data,
        "model_version": champion,
        "code_version": code,
        "runs": _inputs(connection, published[-1]),
        "shadows": _shadows(connection, published[-1]),
    }
    newest_models = connection.execute(
        "SELECT DISTINCT model_version FROM forecasting.forecasts WHERE forecast_origin = ?",
        [origins[0]],
    ).fetchall()
    info = GenerationInfo(
        generation_id=fingerprint(identity),
        published_at=datetime.now(UTC).replace(tzinfo=None),
        forecast_origin=origins[0],
        horizon_days=params.forecast.horizon_days,
        data_version=data,
        model_version=champion,
        code_version=code,
        git_commit=versions.git_commit(),
        run_id=run_id,
        data_set_name=data_set_name,
        is_synthetic=is_synthetic,
        product_today=product_today(connection, settings),
        schema_version=newest_version(),
    )
    return Draft(
        info=info,
        oldest_origin=published[-1],
        archived_origins=tuple(origins[len(published) :]),
        model_versions=tuple(sorted({champion, *(version for (version,) in newest_models)})),
    )


def champion_version(connection: duckdb.DuckDBPyConnection) -> str:
    """The model that serves: the one of the newest promotion or rollback.

    Raises:
        NoChampionError: No model has been promoted yet.
    """
    newest = connection.execute(
        """
        SELECT model_version FROM forecasting.promotions
        WHERE action IN ('promoted', 'rolled_back')
        ORDER BY promotion_id DESC LIMIT 1
        """
    ).fetchall()
    for (model_version,) in newest:
        return str(model_version)
    raise NoChampionError("no model has been promoted yet: run `rossmann refresh` first")


def _inputs(connection: duckdb.DuckDBPyConnection, oldest_origin: date) -> list[list[str]]:
    """Origin and input hash of every run whose forecasts would be in the file, sorted."""
    rows = connection.execute(
        """
        SELECT DISTINCT f.forecast_origin, f.run_id, r.input_hash
        FROM forecasting.forecasts AS f
        LEFT JOIN forecasting.forecast_runs AS r USING (run_id)
        WHERE f.forecast_origin >= ?
        ORDER BY ALL
        """,
        [oldest_origin],
    ).fetchall()
    for origin, run_id, input_hash in rows:
        if input_hash is None:
            raise PublishError(
                f"forecasting.forecasts: the forecasts of origin {origin} name the run {run_id}, "
                "which is not in forecasting.forecast_runs; score that origin again"
            )
    return sorted([str(origin), str(input_hash)] for origin, _, input_hash in rows)


def _shadows(connection: duckdb.DuckDBPyConnection, oldest_origin: date) -> list[list[str]]:
    """Origin, challenger and input hash of all shadow forecasts that would be in the file."""
    rows = connection.execute(
        """
        SELECT DISTINCT s.forecast_origin, s.model_version, coalesce(r.input_hash, s.run_id)
        FROM forecasting.shadow_forecasts AS s
        LEFT JOIN forecasting.forecast_runs AS r USING (run_id)
        WHERE s.forecast_origin >= ?
        ORDER BY ALL
        """,
        [oldest_origin],
    ).fetchall()
    return [[str(value) for value in row] for row in rows]
