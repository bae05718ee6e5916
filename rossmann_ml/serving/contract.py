"""What a published generation holds, as readers may rely on it: ``contract.yaml``, typed.

The writer, the audit and the document read the contract here; how a table comes about is dbt's
and the scoring job's affair, and where its rows are checked is :mod:`rossmann_ml.publish.audit`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from rossmann_ml.base.strict import StrictModel, read_yaml

CONTRACT_PATH = Path(__file__).with_name("contract.yaml")

# The storage format that DuckDB clients since 1.2 open; 2.0's own is refused by them.
STORAGE_VERSION = "v1.2.0"

ColumnType = Literal["BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"]


class Column(StrictModel):
    """One column: its DuckDB type, its unit where it has one, and whether it may be NULL."""

    name: str
    type: ColumnType
    meaning: str
    unit: str | None = None
    nullable: bool = False


class Table(StrictModel):
    """One table.

    Attributes:
        source: Table of the pipeline's database; ``generation`` is made by the writer.
        key: Columns whose values are unique together; empty where nothing is promised.
        order_by: The order of the rows in the file.
        is_vintage: Only the rows of the published origins are copied.
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
        """Names of the columns, in the file's order."""
        return [column.name for column in self.columns]


class View(StrictModel):
    """A view with all columns of one table and some of its rows."""

    name: str
    table: str
    grain: str
    key: tuple[str, ...]
    meaning: str
    where: str


class Contract(StrictModel):
    """All tables and views of a generation."""

    tables: tuple[Table, ...]
    views: tuple[View, ...]

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            KeyError: There is none.
        """
        return {table.name: table for table in self.tables}[name]

    @property
    def names(self) -> list[str]:
        """Names of everything a reader may select from."""
        return [*(table.name for table in self.tables), *(view.name for view in self.views)]

    def columns_of(self, name: str) -> tuple[Column, ...]:
        """Columns of a table or a view."""
        by_view = {view.name: view.table for view in self.views}
        return self.table(by_view.get(name, name)).columns


@cache
def load_contract() -> Contract:
    """The contract this version of the code writes and audits."""
    return Contract.model_validate(read_yaml(CONTRACT_PATH))
