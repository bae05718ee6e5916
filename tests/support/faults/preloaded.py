"""Import the libraries that jobs are forked with; none of them may start a thread here."""

from __future__ import annotations

from rossmann_ml.base import process

process.prepare()

import dagster  # noqa: E402, F401
import evidently  # noqa: E402, F401
import great_expectations  # noqa: E402, F401

import app.published  # noqa: E402, F401
import assets.definitions  # noqa: E402
import assets.refresh  # noqa: E402, F401
from rossmann_ml.quality import great_expectations_session  # noqa: E402, F401
