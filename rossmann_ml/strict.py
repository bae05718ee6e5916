"""The base of what is read from files: unknown names are refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Values that do not change, of names that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
