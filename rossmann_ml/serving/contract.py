"""Load ``contract.yaml``, which defines tables, columns, keys and views in a generation.

:func:`load_contract` is the entry point; the writer and the audit of generations, the API and the
documentation use it. See :mod:`rossmann_ml.publish.audit` for the checks of rows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from rossmann_ml.base.strict import StrictModel, read_yaml
from rossmann_ml.models.quantile_levels import PUBLISHED_LEVELS, percentile_name

CONTRACT_PATH = Path(__file__).with_name("contract.yaml")

# Storage format for DuckDB clients since 1.2, which cannot open the default format of 2.0.
STORAGE_VERSION = "v1.2.0"

ColumnType = Literal["BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"]


class Column(StrictModel):
    """Column of a published table.

    Attributes:
        name: Name of the column.
        type: DuckDB type.
        meaning: Description for readers.
        unit: Unit of the values; None if they have no unit.
        nullable: Whether values may be NULL.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str | None = None
    nullable: bool = False


QUANTILE_COLUMNS = tuple(
    Column(
        name=percentile_name(level),
        type="DOUBLE",
        unit="EUR",
        nullable=True,
        meaning=f"Quantile of the level {level}: sales are below it in {level:.4g} of all cases.",
    )
    for level in PUBLISHED_LEVELS
)
"""Columns that views with quantiles have after those of their table."""


class Table(StrictModel):
    """Definition of a published table.

    Attributes:
        name: Name of the table.
        source: Table in the pipeline's database from which rows are copied. The value
            ``generation`` means that the writer of the generation creates the only row.
        grain: Meaning of one row.
        key: Columns whose combined values are unique; empty if the table has no key.
        order_by: Columns by which the rows are sorted in the file.
        meaning: Description for readers.
        columns: Columns, in the same order as in the file.
        is_vintage: Whether only rows of the newest forecast origins are copied; ``params.yaml``
            sets the number of origins.
    """

    name: str
    source: str
    grain: str
    key: tuple[str, ...]
    order_by: tuple[str, ...]
    meaning: str
    columns: tuple[Column, ...]
    is_vintage: bool = False

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the same order as in the file."""
        return [column.name for column in self.columns]


class View(StrictModel):
    """Definition of a published view of one table.

    A view has all columns and some rows of its table, or all rows and further columns with
    quantiles.

    Attributes:
        name: Name of the view.
        table: Published table whose rows the view shows.
        grain: Meaning of one row.
        key: Columns whose combined values are unique in the view.
        meaning: Description for readers.
        where: SQL condition that chooses the rows.
        has_quantiles: Whether the view adds the published quantiles; the file then also has a table
            macro for any levels, whose name is that of the view with ``_at``.
    """

    name: str
    table: str
    grain: str
    key: tuple[str, ...]
    meaning: str
    where: str = "true"
    has_quantiles: bool = False


class Contract(StrictModel):
    """Definition of all tables and views in a generation."""

    tables: tuple[Table, ...]
    views: tuple[View, ...]

    def table(self, name: str) -> Table:
        """Return the definition of the table with this name.

        Raises:
            KeyError: No table has this name.
        """
        return {table.name: table for table in self.tables}[name]

    @property
    def names(self) -> list[str]:
        """Names of all tables and views."""
        return [*(table.name for table in self.tables), *(view.name for view in self.views)]

    def columns_of(self, name: str) -> tuple[Column, ...]:
        """Return the columns of a table or view.

        Raises:
            KeyError: No table or view has this name.
        """
        views = {view.name: view for view in self.views}
        if name not in views:
            return self.table(name).columns
        columns = self.table(views[name].table).columns
        return (*columns, *QUANTILE_COLUMNS) if views[name].has_quantiles else columns

    @property
    def quantile_views(self) -> dict[str, str]:
        """Tables by name of the views with their quantiles."""
        return {view.name: view.table for view in self.views if view.has_quantiles}


@cache
def load_contract() -> Contract:
    """Return the contract in ``contract.yaml``, which is read once per process."""
    return Contract.model_validate(read_yaml(CONTRACT_PATH))
