"""Find lists of stores whose attributes move for many stores at once, so that a person must accept.

Entry point: :func:`attribute_reason`. One store that gets a competitor or another type is ordinary;
distances in kilometres, or types with other codes, are a change of the export.
"""

from __future__ import annotations

import duckdb
import polars as pl

from rossmann_ml.base.params.plausibility import StoreAttributeParams
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.formats import FileColumn
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import raw

# so few stores are a correction, no matter how small the chain is
_MOST_CORRECTED_STORES = 2
_JUDGED = ("store_type", "assortment", "competition_distance", "promo2", "state")


def attribute_reason(
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    rows: pl.DataFrame,
    limits: StoreAttributeParams,
) -> str | None:
    """Return why a file of store attributes must wait for a person, with figures.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: File of the kind ``stores`` or ``store_states``; other kinds give None.
        rows: Rows of the file that can be stored, one per store.
        limits: Largest share of stores whose attribute may change.

    Returns:
        The changed columns, with numbers of stores and an example; None if the file may land.
    """
    if raw_file.kind not in ("stores", "store_states"):
        return None
    table = raw_file.format.table
    stored = read_frame(connection, raw.newest_rows(table))
    both = stored.join(rows, on="store", suffix="_offered").sort("store")
    reasons = [
        found
        for column in raw_file.format.columns
        if column.target in _JUDGED and (found := _moved(both, column, limits))
    ]
    return "; ".join(reasons) or None


def _moved(both: pl.DataFrame, column: FileColumn, limits: StoreAttributeParams) -> str | None:
    """Describe how many stores get another value of a column; None if they are few."""
    old, new = pl.col(column.target), pl.col(f"{column.target}_offered")
    differs = old.ne_missing(new)
    if column.content == "number":
        # distances that are measured again differ by some metres
        factor = (new / old).log(2).abs()
        differs &= old.is_null() | new.is_null() | (factor > 1)
    changed = both.filter(differs)
    if changed.height <= max(_MOST_CORRECTED_STORES, limits.max_changed_share * both.height):
        return None
    store, before, after = changed.select("store", old.alias("old"), new.alias("new")).row(0)
    text = (
        f"{column.name} changes for {changed.height:,} of {both.height:,} stores, more than "
        f"plausibility.store_attributes.max_changed_share ({limits.max_changed_share:.0%}) allows: "
        f"store {store} from {_shown(before)} to {_shown(after)}"
    )
    if column.content != "number":
        return text
    median = changed.select((new / old).median()).item()
    return text if median is None else f"{text}, in the median {median:.3g} times"


def _shown(value: float | str | None) -> str:
    return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else repr(value)
