"""Start the weekly job as a process, for ``rossmann refresh`` and replays; read its record.

A process and a JSON file are used because rossmann_ml does not import Dagster:
:func:`weekly_job_command` names the module to run, :class:`RefreshRecord` has the file's fields.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from rossmann_ml.base.files import write_text_atomically


@dataclass(frozen=True)
class RefreshRecord:
    """Outcome of one run of the weekly job.

    Attributes:
        exit_code: Exit code of the command: 0, or that of the error that ended it.
        job: Name of the last Dagster job that started (a backfill runs two); None when none
            started.
        run_id: Dagster's id of that job's run; None when none started.
        failed_step: Title of the step that failed; None when none failed.
        reason: Message of the error that ended the run; None without an error.
        step_seconds: Wall time in seconds of each successful step, by title, in order.
        cpu_seconds: CPU time in seconds of the process and its children; None if it was killed.
        peak_gigabytes: Peak memory of the process or of its largest child, whichever is more; None
            if it was killed.
    """

    exit_code: int
    job: str | None = None
    run_id: str | None = None
    failed_step: str | None = None
    reason: str | None = None
    step_seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float | None = None
    peak_gigabytes: float | None = None

    def write(self, path: Path) -> None:
        """Write the record to a JSON file, atomically."""
        write_text_atomically(path, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record that :meth:`write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def weekly_job_command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of the weekly job.

    Args:
        arguments: Arguments of ``python -m assets``, such as ``["--retrain", "fast"]``.
    """
    return [sys.executable, "-P", "-m", "assets", *arguments]
