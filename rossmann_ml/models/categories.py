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


@dataclass(frozen=True)
class Categories:
    """Values that each text feature had in the training data.

    Attributes:
        values: Values by feature, in alphabetical order. The code of a value is its position; all
            other values have the code ``len(values)``, and null has -1.
    """

    values: Mapping[str, list[str]]

    @classmethod
    def of(cls, panel: pl.DataFrame) -> Self:
        """Collect the values of each text feature in a training panel, so that each gets a code."""
        names = [name for name in STORE_FEATURES if name in panel.columns]
        return cls({name: panel[name].drop_nulls().unique().sort().to_list() for name in names})

    def encode(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Replace the values of a panel's text features by their codes, as models need numbers.

        A value that the training data did not have gets the code after the last one; null gets -1.
        """
        return panel.with_columns(
            pl.col(name).replace_strict(
                {None: -1} | {value: code for code, value in enumerate(known)},
                default=len(known),
                return_dtype=pl.Int32,
            )
            for name, known in self.values.items()
            if name in panel.columns
        )

    def unseen(self, panel: pl.DataFrame) -> pl.DataFrame:
        """List the values of text features that the training data did not have.

        The model has learned no effect of them, so a data check warns about the stores.

        Args:
            panel: Rows with ``store_id`` and the text features.

        Returns:
            ``store_id, feature, value``, without repeated rows, sorted by store and feature. Null
            is not listed.
        """
        found = [
            panel.filter(pl.col(name).is_not_null() & ~pl.col(name).is_in(known))
            .select("store_id", feature=pl.lit(name), value=pl.col(name))
            .unique()
            for name, known in self.values.items()
        ]
        return pl.concat(found).sort("store_id", "feature")

    def save(self, folder: Path) -> None:
        """Write the values into ``categories.json`` in a folder, next to the fitted model.

        Forecasts by the loaded model then use the same codes as its training.
        """
        text = json.dumps(dict(self.values), indent=2, ensure_ascii=False)
        (folder / _FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read each categorical feature's known values from ``categories.json`` of a bundle."""
        return cls(json.loads((folder / _FILE).read_text(encoding="utf-8")))
