"""Starting the weekly job as a process, and the record that it leaves of itself.

The job is Dagster's, which the library does not know: it is started by name, and it says what
happened in a small file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class RefreshRecord:
    """What one run of the weekly job was like.

    Attributes:
        exit_code: 0, or that of the refusal which ended it.
        job: The name of the job that ran last; None when none began.
        run_id: Its run; None when none began.
        failed_step: The title of the step that stopped it.
        reason: Why it stopped.
        step_seconds: Wall time of each step that succeeded, by title, in order.
        cpu_seconds: Time on processors, of the process and of those it started.
        peak_gigabytes: Peak memory of the process or of the largest it started.
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
        """Write the record, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".tmp")
        half.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        half.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def weekly_job_command(arguments: Sequence[str]) -> list[str]:
    """The command line of the weekly job.

    Args:
        arguments: As ``python -m assets.refresh`` takes them.
    """
    return [sys.executable, "-P", "-m", "assets.refresh", *arguments]
