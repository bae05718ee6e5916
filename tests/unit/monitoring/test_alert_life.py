"""An alert's life against a plain reference: rows, reminders, and messages per channel.

Definition: the docstring of ``watch`` and docs/alerts.md. While its condition lasts an alert is one
row. It is sent once, and again whenever its cooldown is over. An alert that returns within the
cooldown is the same row, and nothing is sent. A rule without data changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_warehouse import let_sessions_open
from support.monitoring_rows import STAMP, TODAY, alert_rules, memory_warehouse

from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import load_settings
from rossmann_ml.monitoring.alerts import watch as alerts
from rossmann_ml.monitoring.alerts.delivery import Delivery
from rossmann_ml.monitoring.alerts.findings import AlertFinding
from rossmann_ml.monitoring.alerts.watch import AlertReport, watch
from rossmann_ml.serving.status import FailedRun, OpenAlert, read_status, write_status
from rossmann_ml.warehouse.session import Session

COOLDOWN = 3  # days, of the rule whose alerts are tested here
CHANNELS = ("webhook", "e-mail")
URGENCY = {"info": 0, "warning": 1, "critical": 2}


class World:
    """A warehouse in memory, a clock that advances a second per evaluation, and channels."""

    def __init__(self, folder: Path, params: Params) -> None:
        self.connection = memory_warehouse()
        rules = alert_rules(drift={"cooldown_days": COOLDOWN})
        monitoring = params.monitoring.model_copy(update={"alerts": rules})
        self.params = params.model_copy(update={"monitoring": monitoring})
        self.settings = load_settings(
            warehouse_dir=folder, state_dir=folder, dashboard_url="http://board/"
        )
        self.found: dict[str, list[AlertFinding] | None] = {}
        self.broken: set[str] = set()
        self.messages: list[tuple[str, list[str]]] = []
        self.now = STAMP

    def utc_now(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def deliver(self, channel: str, due: list[OpenAlert], _sending: object) -> Delivery:
        self.messages.append((channel, [each.subject for each in due]))
        failure = "ConnectionError" if channel in self.broken else None
        return Delivery(channel, tuple(each.alert_id for each in due), failure)

    def look(
        self,
        today: date = TODAY,
        run_id: str = "run",
        progress: Progress = silent,
        **options: object,
    ) -> AlertReport:
        """Evaluate the rules as of a day."""
        at = self.settings.model_copy(update={"as_of": today})
        session = Session(at, self.params, progress=progress)
        return watch(session, run_id=run_id, **options)  # type: ignore[arg-type]

    def rows(self) -> list[dict]:
        found = self.connection.sql(
            "SELECT * FROM monitoring.alerts ORDER BY raised_at, rule, subject"
        )
        return found.pl().to_dicts()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, project_params: Params) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("alerts"), project_params)
    with pytest.MonkeyPatch.context() as patched:
        let_sessions_open(patched, world.connection)
        patched.setattr(alerts, "judge", lambda _: dict(world.found))
        patched.setattr(alerts, "utc_now", world.utc_now)
        patched.setattr(alerts, "deliver", world.deliver)
        patched.setenv("ROSSMANN_ALERT_WEBHOOK", "http://nowhere")
        patched.setenv("ROSSMANN_ALERT_SMTP_HOST", "nowhere")
        patched.setenv("ROSSMANN_ALERT_MAIL_TO", "ops@shop.example")
        yield world


@pytest.fixture
def world(shared: World) -> World:
    clean(shared)
    return shared


def clean(world: World) -> None:
    world.connection.execute("DELETE FROM monitoring.alerts")
    world.connection.execute("DELETE FROM monitoring.alert_deliveries")
    (world.settings.published_path / "status.json").unlink(missing_ok=True)
    world.found, world.broken, world.messages = {}, set(), []


def finding(
    subject: str = "features", severity: str | None = None, value: float = 2
) -> AlertFinding:
    return AlertFinding("drift", subject, f"{subject} moved", value, 1, severity)  # type: ignore[arg-type]


@dataclass
class Known:
    """State of one alert in the reference."""

    subject: str
    severity: str
    quiet_until: date
    number: int
    seen: int = 1
    is_open: bool = True
    lacking: set[str] = field(default_factory=lambda: set(CHANNELS))


class Reference:
    """Reference of the life of alerts, in loops."""

    def __init__(self) -> None:
        self.known: list[Known] = []

    def step(self, today: date, found: dict[str, str] | None, broken: set[str]):
        """Return the numbers of raised and resolved alerts, and the messages per channel."""
        before = [each for each in self.known if each.is_open]
        raised = 0
        number = len({each.number for each in self.known})
        for subject, severity in (found or {}).items():
            of_subject = [each for each in self.known if each.subject == subject]
            last = of_subject[-1] if of_subject else None
            if last and (last.is_open or today <= last.quiet_until):
                last.seen, last.severity, last.is_open = last.seen + 1, severity, True
                if today > last.quiet_until:
                    last.quiet_until = today + timedelta(days=COOLDOWN)
                    last.lacking = set(CHANNELS)
            else:
                until = today + timedelta(days=COOLDOWN)
                self.known.append(Known(subject, severity, until, number))
                raised += 1
        over = [each for each in before if found is not None and each.subject not in found]
        for each in over:
            each.is_open = False
        messages = []
        for channel in CHANNELS:
            due = [
                each
                for each in self.open
                if channel in each.lacking and each.severity in {"warning", "critical"}
            ]
            if due:
                messages.append((channel, [each.subject for each in due]))
            for each in due if channel not in broken else []:
                each.lacking.remove(channel)
        return raised, len(over), messages

    @property
    def open(self) -> list[Known]:
        """Return open alerts, most urgent first, then oldest first."""
        return sorted(
            (each for each in self.known if each.is_open),
            key=lambda each: (-URGENCY[each.severity], each.number, each.subject),
        )


STEP = st.tuples(
    st.integers(0, COOLDOWN + 1),  # days since the last evaluation
    st.none()  # no data for the rule
    | st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(list(URGENCY))),
    st.sets(st.sampled_from(CHANNELS), max_size=1),
)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(steps=st.lists(STEP, min_size=3, max_size=6))
def test_alerts_are_stored_and_sent_as_in_the_plain_reference(shared: World, steps):
    clean(shared)
    reference, today = Reference(), TODAY
    for days, found, broken in steps:
        today += timedelta(days=days)
        findings = found and [finding(subject, severity) for subject, severity in found.items()]
        shared.found = {"drift": None if found is None else findings or []}
        shared.broken, shared.messages = broken, []
        report = shared.look(today)
        assert (report.raised, report.resolved, shared.messages) == reference.step(
            today, found, broken
        )
        assert report.unjudged == (("drift",) if found is None else ())
        assert [(each.subject, each.severity) for each in report.open] == [
            (each.subject, each.severity) for each in reference.open
        ]
        rows = {(row["subject"], row["raised_at"]): row for row in shared.rows()}
        kept = sorted(reference.known, key=lambda each: (each.subject, each.number))
        assert [
            (
                *(row["severity"], row["times_seen"], row["resolved_at"] is None),
                *(row["cooldown_until_date"], row["is_notified"]),
            )
            for _, row in sorted(rows.items())
        ] == [
            (each.severity, each.seen, each.is_open, each.quiet_until, not each.lacking)
            for each in kept
        ]


def test_a_reminder_comes_on_the_day_after_the_cooldowns_last(world: World):
    world.found = {"drift": [finding()]}
    world.look(TODAY)
    world.look(TODAY + timedelta(days=COOLDOWN))
    assert len(world.messages) == len(CHANNELS)
    world.look(TODAY + timedelta(days=COOLDOWN + 1))
    assert len(world.messages) == 2 * len(CHANNELS)
    (row,) = world.rows()
    assert row["times_seen"] == 3
    assert row["cooldown_until_date"] == TODAY + timedelta(days=2 * COOLDOWN + 1)


@pytest.mark.parametrize(("after", "rows"), [(COOLDOWN, 1), (COOLDOWN + 1, 2)])
def test_an_alert_that_returns_on_the_cooldowns_last_day_is_the_same_row(
    world: World, after: int, rows: int
):
    world.found = {"drift": [finding()]}
    world.look(TODAY)
    world.found = {"drift": []}
    assert world.look(TODAY).resolved == 1
    world.found = {"drift": [finding()]}
    report = world.look(TODAY + timedelta(days=after))
    assert (report.raised, len(world.rows())) == (rows - 1, rows)
    assert len({row["alert_id"] for row in world.rows()}) == rows


def test_a_row_has_the_rules_parameters_and_the_findings_figures(world: World):
    world.found = {"drift": [finding(value=2), replace(finding("sales"), value=None)]}
    world.look(TODAY, run_id="first")
    raised = world.rows()[0]["raised_at"]
    world.found = {"drift": [finding(value=3, severity="critical")]}
    world.look(TODAY, run_id="second")
    features, sales = world.rows()
    assert {
        name: features[name]
        for name in ("run_id", "severity", "owner", "message", "link", "value", "threshold")
    } == {
        "run_id": "first",
        "severity": "critical",
        "owner": "somebody",
        "message": "features moved",
        "link": "http://board/monitoring",
        "value": 3.0,
        "threshold": 1.0,
    }
    assert (features["raised_on"], features["raised_at"]) == (TODAY, raised)
    assert features["last_seen_at"] == sales["resolved_at"] > raised
    assert (sales["severity"], sales["value"], sales["threshold"]) == ("warning", None, 1.0)


def test_a_warning_that_turns_critical_within_its_cooldown_is_not_sent_again(world: World):
    for severity in (None, "critical"):
        world.found = {"drift": [finding(severity=severity)]}
        report = world.look()
    assert [each.severity for each in report.open] == ["critical"]
    assert len(world.messages) == len(CHANNELS)


def test_an_unsent_alert_is_sent_when_it_turns_into_a_warning(world: World):
    world.found = {"drift": [finding(severity="info")]}
    assert world.look().deliveries == ()
    world.found = {"drift": [finding(severity="warning")]}
    assert [str(each) for each in world.look().deliveries] == [
        *("webhook: delivered", "e-mail: delivered"),
    ]


def test_progress_has_a_line_for_each_message(world: World):
    told: list[str] = []
    world.found = {"drift": [finding(), finding("sales")]}
    world.look(progress=told.append)
    assert told == ["sending 2 alerts by webhook", "sending 2 alerts by e-mail"]


def test_a_failed_run_is_critical_and_resolved_when_a_run_publishes(world: World):
    failed = FailedRun(run_id="r", reason="no disk", step="landing")
    (alert,) = world.look(failure=failed).open
    write_status(world.settings, last_failed_run=failed)
    assert (alert.rule, alert.subject, alert.severity) == ("failed_run", "landing", "critical")
    assert alert.message == "run r stopped at landing: no disk"
    assert world.look().open == (
        alert,
    )  # an evaluation without a run reads the failure from the status
    assert read_status(world.settings.published_path).alerts == (alert,)
    over = world.look(is_publishing=True)
    assert (over.open, over.resolved) == ((), 1)
    assert len(world.look(failure=failed, is_publishing=True).open) == 1
    write_status(world.settings, last_failed_run=failed.model_copy(update={"is_resolved": True}))
    assert world.look().open == ()


def report(severities: str, deliveries: tuple[Delivery, ...] = ()) -> AlertReport:
    names = {"i": "info", "w": "warning", "c": "critical"}
    raised = [
        OpenAlert(
            alert_id=str(number), raised_at=STAMP, rule="drift", subject="s", owner="o",
            severity=names[letter], message="m", link="l",
        )
        for number, letter in enumerate(severities)
    ]  # fmt: skip
    return AlertReport(tuple(raised), 2, 1, (), deliveries, None)


@pytest.mark.parametrize(
    ("severities", "failures", "line"),
    [
        ("", [], "0 open, 2 new, 1 resolved"),
        ("iwcw", [], "4 open (1 critical, 2 warning, 1 info), 2 new, 1 resolved"),
        ("w", [None], "1 open (1 warning), 2 new, 1 resolved; 1 message sent"),
        ("", [None, None], "0 open, 2 new, 1 resolved; 2 messages sent"),
        ("", ["x", None], "0 open, 2 new, 1 resolved; 1 message sent, 1 not: webhook: x"),
        (
            "",
            ["y", "x", "x"],
            "0 open, 2 new, 1 resolved; 0 messages sent, 3 not: webhook: x; webhook: y",
        ),
    ],
)
def test_the_summary_counts_alerts_by_severity_and_messages_by_outcome(
    severities: str, failures: list[str | None], line: str
):
    deliveries = tuple(Delivery("webhook", ("a",), failure) for failure in failures)
    assert report(severities, deliveries).summary() == line
