"""What ``dvc.yaml`` declares: commands of the product, and all keys that a result depends on."""

from __future__ import annotations

from typing import Any

import yaml

from rossmann_ml.base.settings import PROJECT_DIR

STAGES = yaml.safe_load((PROJECT_DIR / "dvc.yaml").read_text())["stages"]
# no stage publishes, tunes, watches, compares with a champion or forecasts in shadow
READ_BY_NO_STAGE = {
    *("gate", "monitoring", "publish", "tuning"),
    *("forecast.shadow_challenger", "forecast.vintages_published"),
    *("training.profiles.full", "training.retrain_every_weeks"),
}


def leaves(section: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in section.items():
        key = f"{prefix}{name}"
        found += leaves(value, f"{key}.") if isinstance(value, dict) else [key]
    return found


def test_every_key_of_the_parameters_repeats_a_stage_or_is_known_to_repeat_none() -> None:
    params = yaml.safe_load((PROJECT_DIR / "params.yaml").read_text())
    profile = params["dvc"]["profile"]
    declared = {
        key.replace("${dvc.profile}", profile)
        for stage in STAGES.values()
        for key in stage.get("params", ())
    }
    keys = leaves(params)
    undecided = [
        key
        for key in keys
        if not any(f"{key}.".startswith(f"{each}.") for each in declared | READ_BY_NO_STAGE)
    ]
    assert undecided == []
    unknown = [each for each in declared if not any(f"{k}.".startswith(f"{each}.") for k in keys)]
    assert unknown == []


def test_the_lock_has_every_stage_and_each_is_a_command_of_the_product() -> None:
    lock = yaml.safe_load((PROJECT_DIR / "dvc.lock").read_text())
    assert list(lock["stages"]) == list(STAGES)
    assert {stage["cmd"].split()[0] for stage in STAGES.values()} == {".venv/bin/rossmann"}
