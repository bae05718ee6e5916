"""A vintage whose totals jump is held back until a person accepts it."""

from __future__ import annotations

from datetime import date

import pytest
from support.small_warehouse import ORIGINS, add_week, change

from rossmann_ml.base.errors import HeldError, NoDataError, PublishError, SettingsError
from rossmann_ml.base.params import Params
from rossmann_ml.base.settings import Settings
from rossmann_ml.cli.publish import publish as publish_command
from rossmann_ml.publish.jumps import AcceptedJump
from rossmann_ml.publish.publishing import (
    PublishedGeneration,
    publish,
    rollback_generation,
)
from rossmann_ml.serving.generations import current_path
from rossmann_ml.serving.status import read_status
from rossmann_ml.warehouse import connection as warehouse
from rossmann_ml.warehouse.session import Session

Published = tuple[Settings, PublishedGeneration]
DOUBLED = "sales_forecast * 2, upper_80 = upper_80 * 2, upper_95 = upper_95 * 2"


@pytest.fixture
def params(project_params: Params) -> Params:
    """Return the project's limits, for a chain whose segments have two stores."""
    continuity = project_params.publish.continuity.model_copy(update={"min_segment_stores": 2})
    own = project_params.publish.model_copy(update={"continuity": continuity})
    return project_params.model_copy(update={"publish": own})


def plant(settings: Settings, condition: str, value: str = DOUBLED) -> date:
    """Land a week, forecast from its end, and change some of these forecasts in SQL."""
    origin = add_week(settings)
    change(
        settings,
        f"UPDATE forecasting.forecasts SET sales_forecast = {value} "
        f"WHERE forecast_origin = DATE '{origin}' AND {condition}",
    )
    return origin


def test_an_ordinary_week_is_published_with_its_largest_change(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    add_week(settings)
    second = publish(Session(settings, params), run_id="weekly-2")
    assert second.is_current
    assert second.continuity is not None
    assert second.continuity.previous_generation_id == first.generation_id
    assert second.continuity.days == 35
    assert second.continuity.jumps == ()
    assert abs(second.continuity.largest.change) < 0.01


def test_the_first_publication_has_no_comparison(small_warehouse: Settings, params: Params) -> None:
    assert publish(Session(small_warehouse, params), run_id="r").continuity is None


def test_a_jump_of_the_chain_is_held_and_readers_keep_the_current_generation(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    origin = plant(settings, "true")
    with pytest.raises(HeldError) as caught:
        publish(Session(settings, params), run_id="weekly-2")
    assert current_path(settings.published_path) == first.path
    held = read_status(settings.published_path).held_publish
    assert held is not None
    assert (held.forecast_origin, held.run_id) == (origin, "weekly-2")
    for told in (str(caught.value), held.reason):
        assert "chain, week of 2015-08-10" in told
        assert "(+100.0%, expected at most" in told
        assert f"generation {first.generation_id}" in told
    assert "--accept-jump" in str(caught.value)


def test_the_message_names_the_stores_that_moved_most_with_figures(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    plant(settings, "store_id IN (4, 2)")
    with pytest.raises(HeldError) as caught:
        publish(Session(settings, params), run_id="weekly-2")
    named = str(caught.value).split("Stores that moved most: ")[1]
    first, second, third = named.split("; ")[:3]
    assert first.startswith("store 4 ")
    assert second.startswith("store 2 ")
    assert "(+100.0%)" in first
    assert "(+0.0%)" in third


def test_a_states_closed_stores_are_found_although_the_chain_changes_little(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    continuity = project_params.publish.continuity.model_copy(
        update={"min_segment_stores": 2, "max_chain_week_change": 0.9}
    )
    own = project_params.publish.model_copy(update={"continuity": continuity})
    params = project_params.model_copy(update={"publish": own})
    # stores 2 and 4 are in Bavaria
    plant(
        settings,
        "store_id IN (2, 4)",
        "0, lower_80 = 0, upper_80 = 0, lower_95 = 0, upper_95 = 0, is_open = false, "
        "sales_median = 0",
    )
    with pytest.raises(HeldError, match=r"state BY [\d,]+ to 0 EUR \(-100.0%"):
        publish(Session(settings, params), run_id="weekly-2")


def test_stores_without_a_new_forecast_count_as_lost_sales(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    origin = add_week(settings)
    change(
        settings,
        f"DELETE FROM forecasting.forecasts WHERE forecast_origin = DATE '{origin}' "
        "AND store_id IN (2, 4);"
        "UPDATE forecasting.forecast_runs SET stores = 4, store_days = 168 "
        f"WHERE forecast_origin = DATE '{origin}'",
    )
    with pytest.raises(HeldError, match="state BY"):
        publish(Session(settings, params), run_id="weekly-2")


def test_stores_that_open_or_reopen_are_no_jump(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    origin = add_week(settings)
    change(
        settings,
        "INSERT INTO forecasting.forecasts SELECT * REPLACE (99 AS store_id) "
        f"FROM forecasting.forecasts WHERE forecast_origin = DATE '{origin}' AND store_id = 1;"
        "UPDATE forecasting.forecast_runs SET stores = 7, store_days = 294 "
        f"WHERE forecast_origin = DATE '{origin}'",
    )
    published = publish(Session(settings, params), run_id="weekly-2")
    assert published.continuity is not None
    assert published.continuity.jumps == ()


def test_another_forecast_of_the_same_origin_is_compared_too(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    change(
        settings,
        f"UPDATE forecasting.forecasts SET sales_forecast = {DOUBLED}, run_id = 'again' "
        f"WHERE forecast_origin = DATE '{ORIGINS[-1]}';"
        "INSERT INTO forecasting.forecast_runs BY NAME SELECT * REPLACE ('again' AS run_id, "
        "'other' AS input_hash) FROM forecasting.forecast_runs WHERE run_id = "
        f"'weekly-{ORIGINS[-1]}'",
    )
    with pytest.raises(HeldError, match="over the same 42 days"):
        publish(Session(settings, params), run_id="weekly-2")


def test_small_segments_and_short_weeks_are_not_compared_alone(
    published_generation: Published, project_params: Params
) -> None:
    settings, _ = published_generation
    plant(settings, "store_id = 2 AND target_date <= DATE '2015-08-09'")
    published = publish(Session(settings, project_params), run_id="weekly-2")
    assert published.continuity is not None
    names = [move.name for move in published.continuity.totals]
    assert "chain, week of 2015-08-03" not in names  # two common days
    assert all(name.startswith("chain") for name in names)


def test_vintages_without_a_common_day_are_not_compared(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    for _ in range(6):
        add_week(settings)
    plant(settings, "true")
    assert publish(Session(settings, params), run_id="r").continuity is None


def test_a_current_file_that_cannot_be_read_holds_nothing_back(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    first.path.chmod(0o644)
    first.path.write_bytes(b"not a database")
    plant(settings, "true")
    assert publish(Session(settings, params), run_id="r").is_current


def test_an_accepted_jump_is_published_and_recorded(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    plant(settings, "true")
    with pytest.raises(HeldError):
        publish(Session(settings, params), run_id="weekly-2")
    accepted = AcceptedJump("erika", "prices doubled")
    second = publish(Session(settings, params), run_id="by-hand", accepted_jump=accepted)
    assert current_path(settings.published_path) == second.path
    status = read_status(settings.published_path)
    assert status.held_publish is None
    assert status.last_failed_run is not None
    assert status.last_failed_run.is_resolved
    assert status.last_publish is not None
    assert status.last_publish.accepted_jump == "prices doubled"
    with warehouse.connect(settings, read_only=True) as connection:
        ((generation_id, before, actor, reason, findings),) = connection.execute(
            "SELECT * EXCLUDE accepted_at FROM monitoring.accepted_jumps"
        ).fetchall()
    assert (generation_id, before) == (second.generation_id, first.generation_id)
    assert (actor, reason) == ("erika", "prices doubled")
    assert "+100.0%" in findings
    # the next run of the same content needs no approval
    assert not publish(Session(settings, params), run_id="weekly-3").is_new


def test_an_acceptance_stays_on_record_if_the_publication_ends_after_its_file_is_written(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    plant(settings, "true")
    lost = (settings.models_path, settings.published_path / "models")
    for folder in lost:
        folder.rename(folder.with_name("elsewhere"))
    accepted = AcceptedJump("erika", "prices doubled")
    with pytest.raises(NoDataError):
        publish(Session(settings, params), run_id="by-hand", accepted_jump=accepted)
    assert current_path(settings.published_path) == first.path
    for folder in lost:
        folder.with_name("elsewhere").rename(folder)
    second = publish(Session(settings, params), run_id="weekly-3")
    assert (second.is_new, second.is_current) == (False, True)  # nobody is asked again
    status = read_status(settings.published_path)
    assert status.last_publish is not None
    assert status.last_publish.accepted_jump == "prices doubled"


def test_an_acceptance_that_is_not_needed_is_not_recorded(
    published_generation: Published, params: Params
) -> None:
    settings, _ = published_generation
    add_week(settings)
    publish(
        Session(settings, params), run_id="r", accepted_jump=AcceptedJump("erika", "just in case")
    )
    with warehouse.connect(settings, read_only=True) as connection:
        assert not connection.execute("FROM monitoring.accepted_jumps").fetchall()
    status = read_status(settings.published_path)
    assert status.last_publish is not None
    assert status.last_publish.accepted_jump is None


def test_an_accepted_jump_must_still_pass_the_audit(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    plant(settings, "true", "sales_forecast * 2")  # forecasts beyond their bounds
    with pytest.raises(PublishError, match="bounds out of order"):
        publish(
            Session(settings, params), run_id="r", accepted_jump=AcceptedJump("erika", "why not")
        )
    assert current_path(settings.published_path) == first.path


def test_a_hold_ends_when_corrected_data_gives_the_current_generation(
    published_generation: Published, params: Params
) -> None:
    settings, first = published_generation
    origin = plant(settings, "true")
    with pytest.raises(HeldError):
        publish(Session(settings, params), run_id="weekly-2")
    change(
        settings,
        "UPDATE forecasting.forecasts SET sales_forecast = sales_forecast / 2, "
        f"upper_80 = upper_80 / 2, upper_95 = upper_95 / 2 WHERE forecast_origin = DATE '{origin}'",
    )
    assert publish(Session(settings, params), run_id="weekly-3").is_current
    assert read_status(settings.published_path).held_publish is None
    rollback_generation(settings, first.generation_id)
    assert read_status(settings.published_path).held_publish is None


@pytest.mark.parametrize(("accept_jump", "reason"), [(True, " "), (False, "prices doubled")])
def test_the_command_takes_acceptance_and_reason_together_or_not_at_all(
    accept_jump: bool, reason: str
) -> None:
    with pytest.raises(SettingsError, match="go together"):
        publish_command(build=False, accept_jump=accept_jump, reason=reason)
