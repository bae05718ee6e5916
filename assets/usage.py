"""Usage: what was asked of the API, on its way into the warehouse."""

from collections.abc import Iterator

import dagster as dg

from assets.metadata import OWNERS, named_values, reported
from assets.resources import Writer, run_of
from rossmann_ml.pipeline.steps import READ_REQUESTS

_TABLES = {
    "api_requests": "What was asked of the API. One row per request.",
    "unrecorded_requests": (
        "Requests that the API answered and did not record. One row per count that it left."
    ),
}


@dg.multi_asset(
    name="api_requests",
    specs=[
        dg.AssetSpec(
            ["monitoring", name],
            description=description,
            group_name="monitoring",
            owners=OWNERS,
            kinds={"python", "duckdb"},
            tags={"layer": "monitoring"},
            metadata={"dagster/table_name": f"monitoring.{name}"},
        )
        for name, description in _TABLES.items()
    ],
)
def api_requests(
    context: dg.AssetExecutionContext, writer: Writer
) -> Iterator[dg.MaterializeResult]:
    """Read what the API recorded since the last run; each line once."""
    report = READ_REQUESTS(writer.session(context), run_of(context))
    if report.rejected_lines:
        context.log.warning(
            f"{report.rejected_lines:,} lines of request files are not records; "
            "monitoring.rejected_request_lines has them with the reason"
        )
    for name, reason in report.refused_files.items():
        context.log.warning(f"request file {name} {reason}")
    for name in _TABLES:
        yield dg.MaterializeResult(
            asset_key=["monitoring", name],
            metadata=reported(
                f"{report.requests:,} requests of {report.files} files",
                files=report.files,
                requests=report.requests,
                unrecorded_requests=report.unrecorded_requests,
                rejected_lines=report.rejected_lines,
                deleted_files=", ".join(report.deleted_files) or None,
                refused_files=named_values(report.refused_files) if report.refused_files else None,
                seconds=report.seconds,
            ),
        )
