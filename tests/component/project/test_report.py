"""The document of what was tried says what the results say, the bad ones too."""

from __future__ import annotations

import json
from pathlib import Path

import filelock
import pytest
import soak
from bad_files import CORPUS
from load import Load
from report import lines_of
from support.faults.kills import Kill, Round
from support.faults.scenarios import Outcome

GOOD = Round(
    kills=[Kill(3, "dbt: staging, core", 0.5), Kill(0, "start", 0.1)], exit_code=0, reads=40
)
BAD = Round(
    kills=[Kill(12, "publish", 0.2)],
    exit_code=0,
    reads=10,
    differences=["raw.sales: 1 rows, expected 2 rows"],
    leftovers=["writer.lock.owner"],
    reader_faults=["two generations at once"],
)


def named(name: str, result: Round | Outcome | Load) -> dict:
    return {"name": name, **result.as_json()}


def test_figures_add_up_over_rounds_and_faults() -> None:
    results = [named("round 0", GOOD), named("round 1", BAD),
               named("disk_full", Outcome("disk full", told="no | space", reads=7))]  # fmt: skip
    text = "\n".join(lines_of(results))
    for row in (
        "| kills with SIGKILL | 3 in 2 rounds |",
        "| of them survived | 2 |",
        "| other faults tried / survived | 1 / 1 |",
        "| what was lost | raw.sales: 1 rows, expected 2 rows |",
        "| locks and half-written files left | 1 |",
        "| questions of a reader meanwhile | 57 |",
        "| wrong or failed answers | 1 |",
        f"| bad files tried | {len(CORPUS)} |",
        "| start | 1 |",
        "| disk full | no \\| space | nothing | 7 | 0 |",
    ):
        assert row in text


def test_a_load_is_told_with_what_it_took() -> None:
    load = Load("API, one worker", 64, seconds=600.0, publications=29)
    load.note("mixed")
    load.took([3.0, 1.0, 2.0])
    load.use((400.4, 30), (401.6, 31))
    load.visible_after_seconds = (0.2, 0.9)
    (row,) = [line for line in lines_of([named("API", load)]) if line.startswith("| API")]
    assert (
        row
        == "| API, one worker | 64 | 10.0 | 29 | 3 | 1 | 2, 3 | 0.20, 0.90 | 400, 402 | 30, 31 |"
    )


def test_nothing_lost_is_said_in_words() -> None:
    assert "| what was lost | nothing |" in lines_of([named("round 0", GOOD)])


def test_the_report_is_written_from_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak, "DOCUMENT", tmp_path / "reliability.md")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    report = ["report", "--folder", str(first), str(second)]
    assert soak.main(report) == 0
    soak.append(first, named("round 0", GOOD))
    soak.append(second, named("round 1", BAD))
    assert soak.main(report) == 1
    kept = [json.loads(line) for line in (second / soak.RESULTS).read_text().splitlines()]
    assert soak.read_results(second) == kept
    assert "3 in 2 rounds" in (tmp_path / "reliability.md").read_text()


def test_a_second_soak_in_a_folder_is_refused(tmp_path: Path) -> None:
    with (
        filelock.FileLock(tmp_path / "soak.lock"),
        pytest.raises(SystemExit, match="another soak is at work in"),
    ):
        soak.main(["run", "--kills", "1", "--folder", str(tmp_path)])
    assert not (tmp_path / soak.RESULTS).exists()
