"""The past origins of ``benchmarks.evaluation``: weekly, without gaps, and enough of them."""

from __future__ import annotations

import pytest

from benchmarks.evaluation import evaluation_params
from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR


def changed(horizon_days: int, origins_per_fit: int = 6) -> Params:
    values = load_params(PROJECT_DIR / "params.yaml").model_dump()
    values["forecast"]["horizon_days"] = horizon_days
    values["backtest"]["origins_per_fit"] = origins_per_fit
    return Params.model_validate(values)


@pytest.mark.parametrize("horizon_days", [14, 42, 48, 91])
@pytest.mark.parametrize("origins", [26, 52])
def test_enough_weekly_origins_have_earlier_ones_to_calibrate_on(
    horizon_days: int, origins: int
) -> None:
    params = evaluation_params(changed(horizon_days), "fast", origins)
    days_back = [
        fit - 7 * week
        for fit in params.backtest_back_days("fast")
        for week in range(params.backtest.origins_per_fit)
        if fit - 7 * week >= horizon_days
    ]
    weekly = sorted(days_back)
    assert weekly == list(range(weekly[0], weekly[-1] + 1, 7))
    assert horizon_days <= weekly[0] < horizon_days + 14  # fits are at whole training steps
    calibrated = [back for back in weekly if max(weekly) - back >= horizon_days]
    assert len(calibrated) >= origins


def test_weeks_that_are_no_whole_steps_of_training_origins_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"origins_per_fit 5: .* origin_step_days \(14\)"):
        evaluation_params(changed(42, 5), "fast", 52)
