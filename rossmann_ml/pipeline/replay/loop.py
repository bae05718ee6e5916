"""From Monday to Monday: files, the weekly job, and a note that the week is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from rossmann_ml.base.errors import InterruptedReplayError, NoDataError
from rossmann_ml.base.params import Params, Profile
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.pipeline.replay.drops import write_bulk, write_drop
from rossmann_ml.pipeline.replay.options import ReplayOptions
from rossmann_ml.pipeline.replay.place import PlayedWeek, ReplayPlace
from rossmann_ml.pipeline.replay.source import Source
from rossmann_ml.pipeline.replay.week import run_week
from rossmann_ml.pipeline.weekly_job import RefreshRecord
from rossmann_ml.warehouse.connection import utc_now

_INTERRUPTED = 130

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
    """Play the past from the first Monday on; weeks that are done already are not played again.

    A week whose job stops (a check fails, a publish is held back) is noted as such, and the replay
    goes on: readers keep what was published last, as they would have.

    Args:
        live: The live product's settings: its bulk files are the past, its parameters and the
            machine's means are used; its warehouse is left alone.
        params: All parameters.
        options: What the replay is.
        weeks: How many Mondays, those done before included.
        place: The replay's folder.
        source: The whole files, if not those of ``live.raw_path``.
        run: Runs the job of a Monday, as :func:`rossmann_ml.pipeline.replay.week.run_week`.
        progress: Told each week.

    Returns:
        The weeks that are done, in order.

    Raises:
        NoDataError: The files do not reach so far, or begin too late.
        SettingsError: The folder is the live product's, or holds something else.
        BusyError: Another replay is at work in the folder.
        InterruptedReplayError: A week's job was interrupted; the next call plays that week again.
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
        for number in range(weeks):
            if number not in done:
                week = _play(live, params, options, number, place, source, run)
                place.note_done(week)
                progress(_told(week, weeks))
    return place.done_weeks()


def _play(  # noqa: PLR0917 - the arguments of the one caller above
    live: Settings,
    params: Params,
    options: ReplayOptions,
    number: int,
    place: ReplayPlace,
    source: Source,
    run: RunWeek,
) -> PlayedWeek:
    monday: date = options.monday(number)
    started, started_at = time.perf_counter(), utc_now()
    if number:
        write_drop(source, options, params, number=number, incoming=place.incoming_path)
    retrain: Profile | None = options.profile if options.trains_in(number) else None
    refresh = run(place, live, monday, retrain=retrain)
    if refresh.exit_code < 0 or refresh.exit_code == _INTERRUPTED:
        raise InterruptedReplayError(
            f"the weekly job of {monday} was interrupted ({refresh.reason}); the same command "
            "plays that week again and goes on"
        )
    return PlayedWeek(
        number=number,
        monday=monday,
        wall_seconds=time.perf_counter() - started,
        started_at=started_at,
        finished_at=utc_now(),
        refresh=refresh,
    )


def _told(week: PlayedWeek, weeks: int) -> str:
    refresh = week.refresh
    what = refresh.job or "weekly job"
    if refresh.exit_code:
        what += f" stopped in {refresh.failed_step or 'the beginning'}: {refresh.reason}"
    memory = "" if refresh.peak_gigabytes is None else f", {refresh.peak_gigabytes:.2f} GB"
    return (
        f"{week.monday}  {week.number + 1:>3}/{weeks}  {week.wall_seconds:6.1f} s{memory}  {what}"
    )
