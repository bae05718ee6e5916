"""What is read from YAML files: the reader, and the base class that refuses unknown names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Values that do not change, of names that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_yaml(path: Path) -> Any:
    """Read a YAML file by the loader in C, which is ten times as fast as the one in Python.

    Raises:
        FileNotFoundError: It is not there.
        yaml.YAMLError: It is not YAML.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
