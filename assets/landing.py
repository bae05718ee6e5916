"""Land the retailer's files in the tables of schema ``raw``.

The assets have the same keys as dbt's sources, so that Dagster links dbt's models to them.
"""

from collections.abc import Iterator

import dagster as dg

from assets.metadata import OWNERS, described_tables, named_values, reported, table_metadata
from assets.resources import Writer, run_of
from rossmann_ml.ingest.status import data_status
from rossmann_ml.pipeline.steps import LAND
from rossmann_ml.warehouse.connection import count_rows

_TABLES = described_tables("raw")
RAW = {name: dg.AssetKey(["raw", name]) for name in _TABLES}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            RAW[name],
            description=description,
            group_name="ingest",
            owners=OWNERS,
            kinds={"duckdb", "csv"},
            tags={"layer": "raw"},
            metadata=table_metadata(f"raw.{name}"),
        )
        for name, description in _TABLES.items()
    ]
)
def landing(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Land the bulk files of the raw folder, then the files of the incoming folder.

    A file that was landed before is skipped, unless some of its rows are in quarantine because of
    an unknown store and a list of stores was landed since.

    Yields:
        Metadata of each table in schema ``raw``, such as its number of rows and the files landed.
    """
    session = writer.session(context)
    reports = LAND(session, run_of(context))
    for report in reports:
        for warning in report.all_warnings():
            context.log.warning(warning)
    landed = {str(kind.kind): kind for kind in data_status(session).landed}
    with session.reading() as connection:
        rows = count_rows(connection, [f"raw.{name}" for name in _TABLES])
    files = [file for report in reports for file in report.files]
    sales = landed["sales"]
    summary = (
        f"{sales.rows:,} sales to {sales.last_date}, "
        f"{sum(file.rows_landed for file in files):,} new rows"
    )
    for name, key in RAW.items():
        kind = landed.get(name)
        own = [file for file in files if file.kind == name]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=reported(
                summary,
                **{"dagster/row_count": rows[f"raw.{name}"]},
                first_date=kind.first_date if kind else None,
                last_date=kind.last_date if kind else None,
                rows_quarantined=sum(kind.quarantined.values()) if kind else None,
                rows_landed=sum(file.rows_landed for file in own) if own else None,
                files=named_values({file.file_name: file.describe() for file in own})
                if own
                else None,
                seconds=sum(file.seconds for file in own) if own else None,
            ),
        )
