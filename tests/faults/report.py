"""``docs/reliability.md``, written from the results of the soak and of the corpus of bad files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bad_files import CORPUS, End

_HEAD = """# Reliability

Written by `make reliability` from the results of `make soak` and `make load`; not edited by hand.
How to come back from a fault is in [recovery.md](recovery.md), who may do what in
[security.md](security.md).
"""


def write_report(results: list[dict], document: Path) -> None:
    """Write the document."""
    document.write_text("\n".join(lines_of(results)) + "\n", encoding="utf-8")


def lines_of(results: list[dict]) -> list[str]:
    """The document, line by line."""
    rounds = [each for each in results if each["kind"] == "kills"]
    # a fault that was tried again is reported as it ended last
    faults = list({each["fault"]: each for each in results if each["kind"] == "fault"}.values())
    loads = [each for each in results if each["kind"] == "load"]
    return [*_HEAD.splitlines(), *_summary(rounds, faults), *_kills(rounds), *_faults(faults),
            *_loads(loads), *_bad_files()]  # fmt: skip


def _summary(rounds: list[dict], faults: list[dict]) -> list[str]:
    kills = sum(len(each["kills"]) for each in rounds)
    survived = sum(len(each["kills"]) for each in rounds if each["is_survived"])
    reads = sum(each["reads"] for each in (*rounds, *faults))
    wrong = sum(len(each["reader_faults"]) for each in (*rounds, *faults))
    lost = [*(line for each in rounds for line in each["differences"]),
            *(line for each in faults for line in each["lost"])]  # fmt: skip
    left = sum(len(each["leftovers"]) for each in rounds)
    rows = [
        ("kills with SIGKILL", f"{kills:,} in {len(rounds):,} round{'s' * (len(rounds) != 1)}"),
        ("of them survived", f"{survived:,}"),
        ("other faults tried / survived",
         f"{len(faults)} / {sum(each['is_survived'] for each in faults)}"),
        ("what was lost", "; ".join(lost[:3]) or "nothing"),
        ("locks and half-written files left", f"{left}"),
        ("questions of a reader meanwhile", f"{reads:,}"),
        ("wrong or failed answers", f"{wrong}"),
        ("bad files tried", f"{len(CORPUS)}"),
    ]  # fmt: skip
    return ["", "| measured | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _kills(rounds: list[dict]) -> list[str]:
    by_step = Counter(kill["title"] for each in rounds for kill in each["kills"])
    order = {kill["title"]: kill["step"] for each in rounds for kill in each["kills"]}
    return [
        "",
        "## Kill anywhere",
        "",
        "The weekly job of a small chain, with a week of sales that waits, is killed several "
        "times, as a step commits or at a moment drawn at random, then run to its end. Warehouse "
        "and generation must be what an undisturbed run leaves, but for run ids and times; a "
        "reader asks all the while and must be given one whole generation every time.",
        "",
        "| step | kills |",
        "|---|---:|",
        *(f"| {title} | {by_step[title]} |" for title in sorted(by_step, key=order.__getitem__)),
    ]


def _faults(faults: list[dict]) -> list[str]:
    if not faults:
        return ["", "## Other faults", "", "None has been tried yet."]
    return [
        "",
        "## Other faults",
        "",
        "| fault | what was said or done | lost | questions | wrong answers |",
        "|---|---|---|---:|---:|",
        *(
            f"| {each['fault']} | {_cell(each['told'])} "
            f"| {_cell('; '.join(each['lost'])) or 'nothing'} | {each['reads']:,} "
            f"| {len(each['reader_faults'])} |"
            for each in faults
        ),
    ]


def _loads(loads: list[dict]) -> list[str]:
    if not loads:
        return ["", "## Load", "", "None has been tried yet."]
    return [
        "",
        "## Load",
        "",
        "Made by `make load` on a copy of a warehouse, in which a new generation is published "
        "every few seconds; client, server and publishing share the machine's cores. Every answer "
        "is held against the generation that it names.",
        "",
        "| server | asked by | minutes | publications | answers | wrong or failed "
        "| median, 99% (ms) | visible after (s) | memory warm, end (MB) | open files warm, end |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {each['server']} | {each['asked_by']} | {each['seconds'] / 60:.1f} "
            f"| {each['publications']} | {each['answers']:,} | {each['failed']} "
            f"| {each['milliseconds'][0]:,.0f}, {each['milliseconds'][1]:,.0f} "
            f"| {_seconds(each['visible_after_seconds'])} "
            f"| {each['megabytes'][0]:,.0f}, {each['megabytes'][1]:,.0f} "
            f"| {each['open_files'][0]}, {each['open_files'][1]} |"
            for each in loads
        ),
    ]


def _seconds(median_and_longest: list[float] | None) -> str:
    if median_and_longest is None:
        return "-"
    median, longest = median_and_longest
    return f"{median:.2f}, {longest:.2f}"


def _bad_files() -> list[str]:
    ends = Counter(bad.end for bad in CORPUS)
    return [
        "",
        "## Bad files",
        "",
        f"`tests/component/ingest/test_bad_files.py` offers {len(CORPUS)} files: "
        f"{ends[End.REFUSED]} are refused whole with a message, of {ends[End.SET_ASIDE]} the bad "
        f"rows are set aside with column and reason, {ends[End.HARMLESS]} are harmless. Nothing "
        "that was landed before changes.",
        "",
        "| file | what is wrong | what becomes of it | the message holds |",
        "|---|---|---|---|",
        *(
            f"| `{bad.name}` | {bad.what} | {bad.end} | {_cell(', '.join(bad.says))} |"
            for bad in CORPUS
        ),
    ]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:240]
