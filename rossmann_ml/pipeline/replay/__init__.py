"""Playing the past: what would have been known each Monday, the weekly job on it, and the books.

A replay has its own files, warehouse, models and records below one folder; the live ones are not
touched. :mod:`~rossmann_ml.pipeline.replay.source` says what is known when,
:mod:`~rossmann_ml.pipeline.replay.drops` writes it as the retailer's files,
:mod:`~rossmann_ml.pipeline.replay.week` runs the job of one Monday,
:mod:`~rossmann_ml.pipeline.replay.loop` goes from Monday to Monday,
:mod:`~rossmann_ml.pipeline.replay.place` is what is on disk,
:mod:`~rossmann_ml.pipeline.replay.books` are the figures of it all, and
:mod:`~rossmann_ml.pipeline.replay.page` puts them on a page.
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
