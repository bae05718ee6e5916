"""Replay past weeks: run the weekly job on the data known each Monday, then report on all weeks.

Entry points: :func:`replay` runs the weeks, :func:`make_books` builds their result tables, called
books. A replay has its own files, warehouse and models below one folder. ``source`` selects the
known rows, ``drops`` writes them as files, ``week`` runs the job, ``loop`` moves from Monday to
Monday, ``books`` and ``page`` report.
"""

from rossmann_ml.pipeline.replay.books import Books, make_books
from rossmann_ml.pipeline.replay.loop import replay
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.place import PlayedWeek, ReplayPlace
from rossmann_ml.pipeline.replay.source import Source

__all__ = [
    "Books",
    "PlayedWeek",
    "ReplayOptions",
    "ReplayPlace",
    "Source",
    "make_books",
    "replay",
]
