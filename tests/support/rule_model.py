"""A member of a blend with a rule in place of trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


@dataclass
class RuleModel:
    """A model (``rossmann_ml.models.base.Model``) that departs by a constant everywhere."""

    departure: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    splits: dict[str, int] | None = None
    categories: Any = None

    def predict_departures(self, panel: pl.DataFrame) -> np.ndarray:
        return np.full(len(panel), self.departure)

    def importance(self) -> pl.DataFrame:
        names = list(self.shares)
        splits = [None if self.splits is None else self.splits[name] for name in names]
        return pl.DataFrame(
            {
                "feature": names,
                "gain": [1000 * share for share in self.shares.values()],
                "gain_share": list(self.shares.values()),
                "splits": pl.Series(splits, dtype=pl.Int64),
            }
        )

    def save(self, folder: Path) -> None:
        (folder / "rule.txt").write_text(f"{self.departure}\n", encoding="utf-8")
