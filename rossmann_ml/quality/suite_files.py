"""Read and validate the suite files ``suites/<name>.json``, each with its query ``<name>.sql``.

Entry points: :func:`load_suite`, :class:`Suite`, :class:`Expectation`. Running suites is in
:mod:`rossmann_ml.quality.runner`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.strict import StrictModel, invalid_values

SUITES_DIR = Path(__file__).resolve().parent / "suites"

# The order is that of the data: raw files, newest sales, plan, features, forecasts.
SUITES = ("raw_sales", "raw_stores", "newest_sales", "plan", "features", "forecasts")

Severity = Literal["error", "warning"]


class Expectation(StrictModel):
    """Expectation of a suite: a condition that the checked rows must meet.

    Attributes:
        type: Great Expectations' type, such as ``expect_column_values_to_be_between``.
        kwargs: Arguments of that type.
        severity: A failed ``error`` stops the job; a failed ``warning`` is only shown.
        notes: Reason for the expectation, shown when it fails.
    """

    type: str = Field(pattern="^expect_")
    kwargs: dict[str, Any]
    severity: Severity
    notes: str = Field(min_length=10)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the checked columns; empty for an expectation about the whole table."""
        if "column_list" in self.kwargs:
            return tuple(self.kwargs["column_list"])
        names = (self.kwargs.get(key) for key in ("column", "column_A", "column_B"))
        return tuple(name for name in names if name is not None)

    @property
    def name(self) -> str:
        """Name that is unique in the suite, such as ``sales_values_to_not_be_null``."""
        kind = self.type.removeprefix("expect_").removeprefix("column_").removeprefix("pair_")
        ending = "_warning" if self.severity == "warning" else ""
        return f"{'_and_'.join(self.columns)}_{kind}{ending}"


class Suite(StrictModel):
    """Expectations for one table, as read from a suite file.

    Attributes:
        name: Name of the suite file without the extension.
        table: Schema and name of the checked table.
        notes: Description of the checked rows.
        expectations: Expectations in the order in which results are shown.
    """

    name: str
    table: str
    notes: str
    expectations: tuple[Expectation, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [expectation.name for expectation in self.expectations]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                "two expectations of the same type, columns and severity: "
                f"{', '.join(repeated)}; results could not be told apart"
            )
        return self

    @property
    def query(self) -> str:
        """SQL query that reads the rows to check."""
        return (SUITES_DIR / f"{self.name}.sql").read_text(encoding="utf-8")


@lru_cache(maxsize=len(SUITES))
def load_suite(name: str) -> Suite:
    """Read and validate the suite file of one suite.

    Args:
        name: Name of the suite, one of :data:`SUITES`.

    Raises:
        SettingsError: There is no such suite, or its file has an invalid entry; the message names
            the file, the entry, the value found and the value expected.
    """
    if name not in SUITES:
        raise SettingsError(f"there is no suite {name!r}; there are {', '.join(SUITES)}")
    path = SUITES_DIR / f"{name}.json"
    try:
        return Suite.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise SettingsError(f"{path}: {invalid_values(error)}") from error
