"""Replay Mondays in order: write the week's drops, run the weekly job, write the week's record."""

from __future__ import annotations

import time
from collections.abc import Callable

from rossmann_ml.base.errors import InterruptedReplayError, NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.drops import write_bulk, write_drop
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.place import PlayedWeek, ReplayPlace
from rossmann_ml.pipeline.replay.source import Source
from rossmann_ml.pipeline.replay.week import run_week
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.warehouse.connection import utc_now

# a job that a signal ended has a negative exit code, or 128 plus the signal's number
_FIRST_OF_SIGNALS = 128

RunWeek = Callable[..., RefreshRecord]


def replay(
    live: Settings,
    params: Params,
    options: ReplayOptions,
    *,
    weeks: int,
    place: ReplayPlace,
    source: Source | None = None,
    run: RunWeek = run_week,
    progress: Progress = silent,
) -> list[PlayedWeek]:
    """Run the weekly job for every simulated Monday that has no record yet, in order.

    A week whose job stops with an error (a failed check, a held publish) gets a record too, and the
    replay continues with the next week.

    Args:
        live: Settings of the live product; its source files, parameters, threads and memory are
            used.
        params: All parameters.
        options: Options of the replay.
        weeks: Number of Mondays, including finished ones.
        place: Folder of the replay.
        source: The retailer's complete files; None for those in ``live.raw_path``.
        run: Function that runs the job of a Monday, with the arguments of
            :func:`rossmann_ml.pipeline.replay.week.run_week`.
        progress: Receives a line for each week.

    Returns:
        Records of the finished weeks, in order.

    Raises:
        NoDataError: The source files end before the last week, or begin after the first Monday.
        SettingsError: The folder is the live product's, holds other files, or holds a replay with
            other options or source files.
        BusyError: Another replay is running in the folder.
        InterruptedReplayError: A week's job was interrupted; the next call runs that week again.
    """
    source = source or Source(live.raw_path)
    possible = source.weeks_from(options.first_monday)
    if not 1 <= weeks <= possible:
        raise NoDataError(
            f"{weeks} weeks from {options.first_monday}: the files in {source.folder} reach to "
            f"{source.sales_days[1]}, which is enough for 1 to {possible}"
        )
    place.refuse_live(live)
    with place.held():
        fingerprints = source.fingerprints()
        if place.is_new(options, fingerprints):
            progress(f"history before {options.first_monday} from {source.folder}")
            write_bulk(source, options, params, raw=place.raw_path, incoming=place.incoming_path)
            place.note_begun(options, fingerprints)
        done = {week.number for week in place.done_weeks()}
        if done:
            progress(f"{len(done)} weeks are done already")
        for number in sorted(set(range(weeks)) - done):
            monday = options.monday(number)
            started, started_at = time.perf_counter(), utc_now()
            if number:
                write_drop(source, options, params, number=number, incoming=place.incoming_path)
            retrain = options.profile if options.trains_in(number) else None
            refresh = run(place, live, monday, retrain=retrain)
            if not 0 <= refresh.exit_code < _FIRST_OF_SIGNALS:
                raise InterruptedReplayError(
                    f"the weekly job of {monday} was interrupted ({refresh.reason}); the same "
                    "command plays that week again and goes on"
                )
            seconds = time.perf_counter() - started
            week = PlayedWeek(number, monday, seconds, started_at, utc_now(), refresh)
            place.note_done(week)
            progress(_line(week, weeks))
    return place.done_weeks()


def _line(week: PlayedWeek, weeks: int) -> str:
    refresh = week.refresh
    outcome = refresh.job or "weekly job"
    if refresh.exit_code:
        outcome += f" stopped in {refresh.failed_step or 'the beginning'}: {refresh.reason}"
    memory = "" if refresh.peak_gigabytes is None else f", {refresh.peak_gigabytes:.2f} GB"
    count = f"{week.number + 1:>3}/{weeks}"
    return f"{week.monday}  {count}  {week.wall_seconds:6.1f} s{memory}  {outcome}"
