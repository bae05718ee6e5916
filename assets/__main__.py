"""Run the weekly job: ``python -m assets``, as ``rossmann refresh`` starts it.

:mod:`assets.refresh` has the arguments and the work. It imports Dagster, which takes seconds, so it
is imported where a signal already ends the process without a traceback.
"""

from __future__ import annotations

import sys

from rossmann_ml.base.signals import ended_by_signals
from rossmann_ml.base.terminal.streams import prepare_streams

if __name__ == "__main__":
    prepare_streams()
    with ended_by_signals():
        from assets.refresh import main

        sys.exit(main())
