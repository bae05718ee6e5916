"""Conditions under which the gate promotes a challenger.

The rules are those of the docstring of ``rossmann_ml.training.gate.promote``: beat seasonal naive;
a refit of the champion's recipe stays within ``gate.refit_tolerance`` of its RMSPE; a changed
recipe is better on the days that both forecast, and in no segment worse by more than
``gate.segment_tolerance``. Figures are medians over origins, the share of seasonal naive is the
median of one divided by the other, origin by origin.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from shutil import rmtree

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.evaluation_world import (
    FAMILIES,
    LAST_DAY,
    made_folds,
    store_folds,
    versions_of,
)
from support.gate_warehouse import Gate, open_gate

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.evaluation.comparison import Comparison, compare
from rossmann_ml.features.inputs import read_inputs
from rossmann_ml.models.bundle_files import FORMAT_VERSION
from rossmann_ml.models.recipe import RecipeKey

RMSPE = st.floats(0.05, 2.0)
ORIGINS = [LAST_DAY - timedelta(days=days) for days in (28, 14)]
CHAMPION = RecipeKey("of the champion", {FAMILIES[0]: "its member"}, shrinkage=0.2)
CHALLENGER = RecipeKey("of the challenger", {FAMILIES[0]: "another"}, shrinkage=0.2)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        open_gate(monkeypatch, tmp_path_factory.mktemp("gate")) as gate,
    ):
        gate.add_core()
        yield gate


@pytest.fixture
def gate(opened: Gate) -> Gate:
    """A warehouse without models and decisions."""
    return opened.emptied()


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def with_gate(params: Params, **tolerances: float) -> Params:
    return params.model_copy(update={"gate": params.gate.model_copy(update=tolerances)})


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(RMSPE, RMSPE), min_size=1, max_size=5))
def test_a_first_model_must_beat_seasonal_naive_at_the_median_origin(
    gate: Gate, figures: list[tuple[float, float]]
) -> None:
    gate.emptied()
    rmspe, naive = ([pair[number] for pair in figures] for number in (0, 1))
    gate.add_model("first", rmspe, naive)
    decision = gate.promote("first")
    share = statistics.median(one / other for one, other in figures)
    assert decision.is_promoted == (share < 1)
    assert decision.figures == pytest.approx(
        {
            "rmspe": statistics.median(rmspe),
            "rmspe_seasonal_naive": statistics.median(naive),
            "share_of_seasonal_naive": share,
        },
        rel=1e-12,
    )
    assert (decision.model_version, decision.previous) == ("first", None)
    assert decision.reason.endswith(
        f"RMSPE {statistics.median(rmspe):.4f} compared with seasonal naive's "
        f"{statistics.median(naive):.4f}, at the median origin {share:.0%} of it"
    )
    start = "first champion: " if share < 1 else "does not beat seasonal naive: "
    assert decision.reason.startswith(start)


@pytest.mark.parametrize(("rmspe", "is_promoted"), [(1.0, False), (below(1.0), True)])
def test_a_model_exactly_as_good_as_seasonal_naive_does_not_beat_it(
    gate: Gate, rmspe: float, is_promoted: bool
) -> None:
    gate.add_model("first", [rmspe, 0.1, 5.0], [1.0, 1.0, 1.0])
    assert gate.promote("first").is_promoted == is_promoted


_CURRENT = f'{{"format_version": {FORMAT_VERSION}'


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("{}", "the champion is of another version of the product"),
        (
            f'{{"format_version": {FORMAT_VERSION}, "horizon_days": 6}}',
            "the champion was trained for a shorter",
        ),
        (f'{{"format_version": {FORMAT_VERSION}, "horizon_days": 91}}', None),
        ("rubbish", None),
    ],
)
def test_a_champion_that_can_no_longer_forecast_is_replaced_by_any_model_better_than_naive(
    gate: Gate, metadata: str, reason: str | None
) -> None:
    gate.add_model("champion", [0.1])
    gate.promote("champion")
    gate.add_model("refit", [0.9])
    folder = gate.settings.models_path / "champion"
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text(metadata, encoding="utf-8")
    decision = gate.promote("refit")
    rmtree(folder)
    assert decision.is_promoted == (reason is not None)
    assert decision.reason.startswith(reason or "refit of the champion's recipe")


def test_a_refit_behind_seasonal_naive_is_refused_however_near_the_champion(gate: Gate) -> None:
    gate.add_model("champion", [0.9])
    gate.add_model("refit", [0.9], [0.9])
    gate.promote("champion")
    decision = gate.promote("refit")
    assert not decision.is_promoted
    assert "does not beat seasonal naive" in decision.reason


@pytest.mark.parametrize(("rmspe", "is_promoted"), [(0.4, True), (0.625, True), (0.6250001, False)])
def test_a_refit_may_be_worse_than_the_champion_by_exactly_the_tolerance(
    gate: Gate, rmspe: float, is_promoted: bool
) -> None:
    gate.params = with_gate(gate.params, refit_tolerance=0.25)
    gate.add_model("champion", [0.3, 0.5, 0.9])
    gate.add_model("refit", [0.1, rmspe, 0.9])
    gate.promote("champion")
    decision = gate.promote("refit")
    assert decision.is_promoted == is_promoted
    assert decision.previous == "champion"
    assert decision.figures == {
        "rmspe": rmspe,
        "rmspe_seasonal_naive": 1.0,
        "share_of_seasonal_naive": rmspe,
        "champion": "champion",
        "champion_rmspe": 0.5,
        "rmspe_compared": rmspe,
        "champion_rmspe_compared": 0.5,
        "limit": 0.625,
    }
    assert decision.reason == (
        f"refit of the champion's recipe: RMSPE {rmspe:.4f} is "
        f"{'within' if is_promoted else 'beyond'} the limit 0.6250"
    )


def test_a_refit_is_compared_on_the_origins_of_both_backtests_and_newer_ones(gate: Gate) -> None:
    gate.add_model("fast", [0.2, 0.4], first_origin=2)
    gate.add_model("full", [0.3, 0.2, 0.4, 0.9, 0.9, 0.9, 0.9])  # one newer, four older
    gate.promote("fast")
    assert gate.promote("full").is_promoted
    assert gate.figures()["rmspe"] == 0.9
    assert gate.figures()["rmspe_compared"] == 0.3
    gate.add_model("hard weeks", [0.5, 0.5], created_at="2015-06-23")
    # of full the newest origin and the next are in both, of its older ones none
    assert gate.promote("hard weeks").figures["limit"] == pytest.approx(
        0.25 * (1 + gate.params.gate.refit_tolerance)
    )


def test_a_refit_without_a_common_origin_is_compared_on_its_own(gate: Gate) -> None:
    gate.add_model("champion", [0.2], first_origin=1)
    gate.add_model("older", [0.2], first_origin=5)
    gate.promote("champion")
    assert gate.promote("older").is_promoted
    assert gate.figures()["rmspe_compared"] == 0.2


def exactly_off(share: pl.Expr | float) -> pl.Expr:
    """Return a log forecast that is off by a share of sales."""
    return (pl.col("sales") * (1 + share)).log()


class Changed:
    """Champion and challenger of different recipes, with forecasts of the same past days."""

    def __init__(
        self,
        gate: Gate,
        champion: tuple[float, float] = (0.5, 1.0),
        challenger: tuple[float, float] = (0.9, 1.0),
    ) -> None:
        """Record both with their RMSPE and that of seasonal naive."""
        self.gate = gate
        self.inputs = read_inputs(gate.connection, gate.params, forecast_origin=LAST_DAY)
        # with next to no spread an origin's first blend is the forecast as it is
        self.days = made_folds(1, origins=ORIGINS, families=()).with_columns(spread=pl.lit(1e-9))
        for version, (rmspe, naive), recipe in (
            ("champion", champion, CHAMPION),
            ("changed", challenger, CHALLENGER),
        ):
            gate.add_model(version, [rmspe], [naive], recipe=recipe)
        assert gate.promote("champion").is_promoted

    def keep(
        self,
        champion: pl.Expr | float,
        challenger: pl.Expr | float,
        origins: list[date] = ORIGINS[:1],
    ) -> None:
        days = self.days.filter(pl.col("forecast_origin").is_in(origins))
        versions = versions_of(self.inputs.features, origins, self.gate.params)
        for key, share in ((CHAMPION, champion), (CHALLENGER, challenger)):
            log_forecast = exactly_off(share).alias(FAMILIES[0])
            store_folds(self.gate.connection, days.with_columns(log_forecast), key, versions)

    def found(self) -> Comparison:
        compared = compare(
            self.gate.connection,
            self.gate.settings,
            self.gate.params,
            self.inputs,
            key=CHALLENGER,
            other=CHAMPION,
        )
        assert compared is not None
        return compared


@pytest.fixture
def changed(gate: Gate) -> Changed:
    return Changed(gate)


def test_a_better_recipe_is_promoted_though_its_own_backtest_looks_worse(changed: Changed) -> None:
    changed.keep(0.3, 0.2)
    decision = changed.gate.promote("changed")
    assert decision.is_promoted
    days = len(changed.days.filter(pl.col("forecast_origin") == ORIGINS[0]))
    assert decision.reason == (
        "changed recipe: RMSPE 0.2000 is better than the champion's 0.3000 on the same "
        f"{days} store-days of 1 origins, the log error of the chain by day 0.1823 (champion "
        "0.2624) and of stores within a day 0.0000 (champion 0.0000)"
    )
    figures = changed.gate.figures()
    assert figures.pop("worst_segment_worse_by") == pytest.approx(-1 / 3)
    assert str(figures.pop("worst_segment")).split()[0] in {
        "horizon_week", "store_type", "state", "promo", "weekday", "holiday",
    }  # fmt: skip
    assert figures == pytest.approx(
        {
            "rmspe": 0.9,
            "rmspe_seasonal_naive": 1.0,
            "share_of_seasonal_naive": 0.9,
            "champion": "champion",
            "champion_rmspe": 0.5,
            "common_store_days": float(days),
            "rmspe_common": 0.2,
            "champion_rmspe_common": 0.3,
            "log_error_chain_by_day": math.log(1.2),
            "champion_log_error_chain_by_day": math.log(1.3),
            "log_error_stores_within_a_day": 0.0,
            "champion_log_error_stores_within_a_day": 0.0,
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("challenger", [0.3, 0.31], ids=["equal", "worse"])
def test_a_recipe_that_is_not_better_is_refused(changed: Changed, challenger: float) -> None:
    changed.keep(0.3, challenger)
    decision = changed.gate.promote("changed")
    assert not decision.is_promoted
    assert f"RMSPE {challenger:.4f} is not better than the champion's 0.3000" in decision.reason
    assert "segment" not in decision.reason


def test_a_better_recipe_may_be_worse_in_a_segment_by_exactly_the_tolerance(
    changed: Changed,
) -> None:
    is_monday = pl.col("target_date").dt.weekday() == 1
    changed.keep(0.3, pl.when(is_monday).then(0.36).otherwise(0.1))
    worst = changed.found().segments.sort("worse_by").row(-1, named=True)
    assert (worst["segment_kind"], worst["segment"]) == ("weekday", "1")
    assert worst["worse_by"] == pytest.approx(0.2)
    gate = changed.gate
    gate.params = with_gate(gate.params, segment_tolerance=below(worst["worse_by"]))
    refused = gate.promote("changed")
    assert not refused.is_promoted
    assert refused.reason.endswith(
        "but in the segment weekday 1 it is 0.3600 against 0.3000, beyond the 20% that "
        "gate.segment_tolerance allows"
    )
    assert gate.figures()["worst_segment"] == "weekday 1"
    assert gate.figures()["worst_segment_worse_by"] == worst["worse_by"]
    gate.params = with_gate(gate.params, segment_tolerance=worst["worse_by"])
    assert gate.promote("changed").is_promoted


def test_the_days_are_counted_in_words_and_figures_over_all_origins(changed: Changed) -> None:
    changed.keep(0.3, 0.2, origins=ORIGINS)
    decision = changed.gate.promote("changed")
    assert f"the same {len(changed.days)} store-days of 2 origins," in decision.reason


def test_a_challenger_without_past_forecasts_is_refused_by_name(changed: Changed) -> None:
    with pytest.raises(NoDataError, match="no backtest of this recipe"):
        changed.gate.promote("changed")


# the hash of the champion's recipe sorts before and after every hexadecimal one
@pytest.mark.parametrize("recipe_hash", ["-", "z"])
@pytest.mark.parametrize(("share", "is_better"), [(below(0.5), True), (0.5, False), (0.6, False)])
def test_a_champion_that_the_code_no_longer_makes_must_be_beaten_in_skill(
    gate: Gate, share: float, is_better: bool, recipe_hash: str
) -> None:
    changed = Changed(gate, champion=(0.25, 0.5), challenger=(4 * share, 4.0))
    changed.keep(0.3, 0.2)
    gate.connection.execute(
        "DELETE FROM forecasting.out_of_fold_forecasts WHERE member_hash = 'its member'"
    )
    gate.connection.execute(
        "UPDATE forecasting.model_versions SET recipe_hash = ? WHERE model_version = 'champion'",
        [recipe_hash],
    )
    decision = gate.promote("changed")
    assert decision.is_promoted == is_better
    assert decision.reason == (
        "changed recipe, and the code no longer makes the champion's: "
        f"RMSPE {4 * share:.4f} compared with seasonal naive's 4.0000, at the median origin "
        f"{share:.0%} of it, {'better' if is_better else 'not better'} than the champion's 50% on "
        "its own days"
    )
    assert gate.figures()["champion_rmspe"] == 0.25
    assert list(gate.figures()) == sorted(decision.figures)  # the same text every time
