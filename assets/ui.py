"""``python -m assets.ui``: Dagster's UI and its daemon, over the runs of the state folder.

``rossmann up`` starts this, so that the library need not know Dagster.
"""

from __future__ import annotations

from rossmann_ml import process

process.prepare()  # before Dagster is imported

import argparse  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from assets.home import prepare_dagster_home  # noqa: E402
from rossmann_ml.settings import load_settings  # noqa: E402


def main() -> None:
    """Become ``dagster dev``, with the folder that ``rossmann refresh`` writes to."""
    parser = argparse.ArgumentParser(prog="python -m assets.ui", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="3000")
    asked = parser.parse_args()
    settings = load_settings()
    prepare_dagster_home(settings)
    command = [
        *(sys.executable, "-P", "-m", "dagster", "dev", "--host", asked.host),
        *("--port", asked.port, "--workspace", str(settings.home / "workspace.yaml")),
    ]
    # this process becomes Dagster, so that signals and the exit code are Dagster's
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
