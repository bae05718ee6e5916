"""Convert text features (store type, assortment, state) to the number codes of a fitted model.

The codes are saved with the model. If each forecast numbered the values again, a change of one
store could change the codes of all stores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from rossmann_ml.features.panel import STORE_FEATURES

_FILE = "categories.json"
MISSING_CODE = -1
"""Code that replaces a null value of a text feature."""


@dataclass(frozen=True)
class Categories:
    """Values that each text feature had in the training data.

    Attributes:
        values: For each feature, its values in alphabetical order. A value's code is its position
            in that list, from 0. All other values get the length of the list.
    """

    values: Mapping[str, list[str]]

    @classmethod
    def of(cls, panel: pl.DataFrame) -> Self:
        """Collect the values that text features have in a training panel."""
        names = [name for name in STORE_FEATURES if name in panel.columns]
        return cls({name: panel[name].drop_nulls().unique().sort().to_list() for name in names})

    def encode(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Replace the values of a panel's text features by their codes; null becomes -1."""
        return panel.with_columns(
            pl.when(pl.col(name).is_null())
            .then(MISSING_CODE)
            .otherwise(_positions(pl.col(name), known))
            .alias(name)
            for name, known in self.values.items()
            if name in panel.columns
        )

    def unseen(self, panel: pl.DataFrame) -> pl.DataFrame:
        """List the values of text features that the training data did not have.

        Args:
            panel: Rows with ``store_id`` and the text features.

        Returns:
            ``store_id, feature, value``, one row per store and value, sorted.
        """
        found = [
            panel.filter(pl.col(name).is_not_null() & ~pl.col(name).is_in(known))
            .select("store_id", feature=pl.lit(name), value=pl.col(name))
            .unique()
            for name, known in self.values.items()
        ]
        return pl.concat(found).sort("store_id", "feature")

    def save(self, folder: Path) -> None:
        """Write the values into ``categories.json`` in a folder."""
        text = json.dumps(dict(self.values), indent=2, ensure_ascii=False)
        (folder / _FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the values from ``categories.json`` in a folder."""
        return cls(json.loads((folder / _FILE).read_text(encoding="utf-8")))


def _positions(column: pl.Expr, known: list[str]) -> pl.Expr:
    if not known:
        return pl.lit(0, pl.Int32)
    return column.replace_strict(
        known, range(len(known)), default=len(known), return_dtype=pl.Int32
    )
