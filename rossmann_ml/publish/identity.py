"""Determine which generation the warehouse would publish now: its id and the origins it covers.

Entry point: :func:`draft_generation`, which reads the pipeline's database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import NoDataError, PublishError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.generations import GenerationInfo
from rossmann_ml.warehouse import versions
from rossmann_ml.warehouse.clock import product_today
from rossmann_ml.warehouse.connection import utc_now
from rossmann_ml.warehouse.schema import newest_version
from rossmann_ml.warehouse.tables import forecasting, raw
from rossmann_ml.warehouse.tables.models import require_champion


@dataclass(frozen=True)
class Draft:
    """Plan of a generation to publish.

    Attributes:
        info: Row to write into the generation's table ``generation_info``.
        oldest_origin: Oldest origin whose forecasts are in the file.
        archived_origins: Origins before `oldest_origin`; their forecasts are exported as Parquet.
        model_versions: Models whose files readers need: the champion, and the models that made the
            newest forecasts.
    """

    info: GenerationInfo
    oldest_origin: date
    archived_origins: tuple[date, ...]
    model_versions: tuple[str, ...]


def draft_generation(
    connection: duckdb.DuckDBPyConnection, settings: Settings, params: Params, *, run_id: str
) -> Draft:
    """Build the draft of the generation that the warehouse would publish now.

    The generation's id is a fingerprint of the landed rows, the champion, the code, and the data,
    model and code that made each served and each shadow forecast in the generation. So the same
    content has the same id whenever it is published.

    Args:
        connection: Connection to the pipeline's database.
        settings: Settings, which determine the business date.
        params: Parameters with the horizon and the number of published origins.
        run_id: Id of the publishing run, for ``generation_info``; the generation's id does not
            depend on it.

    Raises:
        NoDataError: There is no data, no forecast or no champion yet.
        PublishError: A forecast names a run that is not in ``forecast_runs``.
    """
    data_set = raw.data_set(connection)
    if data_set is None:
        raise NoDataError("nothing has been landed yet: run `rossmann refresh` first")
    origins = forecasting.origins(connection)
    if not origins:
        raise NoDataError("there are no forecasts yet: run `rossmann refresh` first")
    published = origins[: params.forecast.vintages_published]
    champion = require_champion(connection)
    data, code = versions.data_version(connection), versions.code_version()
    runs = forecasting.inputs_of_runs(connection, first_origin=published[-1])
    for origin, lost_run, input_hash in runs:
        if input_hash is None:
            raise PublishError(
                f"forecasting.forecasts: the forecasts of origin {origin} name the run {lost_run}, "
                "which is not in forecasting.forecast_runs; score that origin again"
            )
    identity = {
        "data_version": data,
        "model_version": champion,
        "code_version": code,
        "runs": sorted([str(origin), str(input_hash)] for origin, _, input_hash in runs),
        "shadows": [
            [str(value) for value in row]
            for row in forecasting.inputs_of_shadows(connection, first_origin=published[-1])
        ],
    }
    newest_models = forecasting.models_of(connection, origins[0])
    info = GenerationInfo(
        generation_id=fingerprint(identity),
        published_at=utc_now(),
        forecast_origin=origins[0],
        horizon_days=params.forecast.horizon_days,
        data_version=data,
        model_version=champion,
        code_version=code,
        git_commit=versions.git_commit(),
        run_id=run_id,
        data_set_name=data_set[0],
        is_synthetic=data_set[1],
        product_today=product_today(connection, settings),
        schema_version=newest_version(),
    )
    return Draft(
        info=info,
        oldest_origin=published[-1],
        archived_origins=tuple(origins[len(published) :]),
        model_versions=tuple(sorted({champion, *newest_models})),
    )
