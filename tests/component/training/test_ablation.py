"""The ablation: variants without a group of features, stored fits, and the written pages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from support.chain import NEWEST_ORIGIN, inputs, small_params

from benchmarks.ablation import (
    Bench,
    ablate_groups,
    compare_members,
    pass_params,
    rmspe_by_origin,
)
from benchmarks.ablation_page import groups_table, members_table, write_page
from benchmarks.ablation_variants import GROUPS, group_features
from benchmarks.accuracy import page_of
from rossmann_ml.base.errors import NoDataError, SettingsError
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import feature_names
from rossmann_ml.features.panels import panel_of
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.warehouse.schema import create_tables

ORIGINS = [date(2014, 11, 21), date(2015, 5, 8)]
FEATURES = feature_names(small_params().features)


@pytest.fixture(scope="module")
def bench(sample_dir: Path) -> Bench:
    params = pass_params(small_params(), "fast", ORIGINS, newest=NEWEST_ORIGIN, rows_share=0.3)
    known = inputs(sample_dir)
    nothing = pl.DataFrame()
    as_of = OriginInputs(NEWEST_ORIGIN, known, horizon_plan=nothing, history=nothing)
    connection = duckdb.connect()
    create_tables(connection)
    panel, _ = panel_of(as_of, params, "fast")
    said: list[str] = []
    return Bench(connection, as_of, params, ORIGINS, "fast", 1, lambda: panel, said.append)


def fits(bench: Bench) -> int:
    found = bench.connection.execute(
        "SELECT count(DISTINCT (member_hash, forecast_origin)) "
        "FROM forecasting.out_of_fold_forecasts"
    ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_names_features_that_are_there(name: str):
    assert set(group_features(name, FEATURES)) <= set(FEATURES)


def test_a_group_whose_feature_was_renamed_is_refused():
    with pytest.raises(NoDataError, match="'season': no feature is called 'month'"):
        group_features("season", [name for name in FEATURES if name != "month"])


def test_origins_that_are_no_whole_steps_apart_are_refused():
    with pytest.raises(SettingsError, match="2015-05-09"):
        pass_params(
            small_params(), "fast", [date(2015, 5, 9)], newest=NEWEST_ORIGIN, rows_share=1.0
        )


def test_a_variant_is_not_given_what_is_left_out_and_has_a_name_of_its_own(bench: Bench):
    full = bench.variant(["lightgbm"], 7)
    less = bench.variant(["lightgbm"], 7, left_out=("is_promo",))
    other_seed = bench.variant(["lightgbm"], 8)
    assert set(full.features) - set(less.features) == {"is_promo"}
    hashes = {each.member_hash("lightgbm") for each in (full, less, other_seed)}
    assert len(hashes) == 3
    assert full.member_hash("lightgbm") == Recipe.member_hash(full, "lightgbm")


def test_a_pass_fits_each_variant_once_and_a_second_pass_nothing(bench: Bench):
    groups = ["promotion rhythm", "season"]
    first = ablate_groups(bench, groups, [7, 8])
    done = fits(bench)
    assert done == 3 * 2 * 2
    assert first.equals(ablate_groups(bench, groups, [7, 8]))
    assert fits(bench) == done
    assert first["group"].unique(maintain_order=True).to_list() == ["all features", *groups]
    assert first["forecast_origin"].unique().sort().to_list() == ORIGINS
    by_group = first.group_by("group").agg(pl.col("rmspe").mean())
    assert by_group["rmspe"].n_unique() == 3


def test_a_day_on_which_a_store_closed_early_does_not_count(bench: Bench) -> None:
    variant = bench.variant(["lightgbm"], 7)
    rows = bench.folds(variant).with_row_index()
    early = (pl.col("forecast_origin") == ORIGINS[-1]) & (pl.col("horizon_days") == 3)
    day = rows.filter(early)["index"][0]
    closed = rows.with_columns(
        sales=pl.when(index=day).then(pl.lit(40.0)).otherwise(pl.col("sales"))
    )
    without = rows.filter(pl.col("index") != day)
    assert rmspe_by_origin(closed, variant.key).equals(rmspe_by_origin(without, variant.key))


def test_the_page_shows_what_was_fitted_and_the_command(bench: Bench, tmp_path: Path):
    ablation = ablate_groups(bench, ["promotion rhythm"], [7, 8])
    members = compare_members(bench, [7, 8])
    page = tmp_path / "docs" / "ablation.md"
    made = {"made by": "`python -m benchmarks.ablation --seeds 2`"}
    write_page(page, ablation=ablation, members=members, facts=made)
    text = page.read_text(encoding="utf-8")
    for said in (
        "made by: `python -m benchmarks.ablation --seeds 2`",
        "flatter it: on later weeks",
        "| promotion rhythm |",
        "blend, fitted weights | 2 |",
        "blend, equal weights | 1 |",
        "| linear | - |",
    ):
        assert said in text
    write_page(page, ablation=ablation, members=members, facts=made)
    assert page.read_text(encoding="utf-8") == text


def test_the_tables_have_the_means_by_season_and_the_error_of_the_mean() -> None:
    origins = [date(2014, 6, 20), date(2014, 9, 12), date(2014, 12, 5)]
    ablation = pl.DataFrame(
        {
            "group": ["all features"] * 3 + ["season"] * 3,
            "seed": [7] * 6,
            "forecast_origin": origins * 2,
            "rmspe": [0.10, 0.10, 0.13, 0.11, 0.12, 0.16],
        }
    )
    assert "| season | +0.0200 | 0.0058 | 3 of 3 | +0.0150 | +0.0300 |" in groups_table(ablation)
    members = ablation.filter(pl.col("group") == "season").select(
        "forecast_origin", "rmspe", model=pl.lit("linear"), seeds=pl.lit(1)
    )
    assert "| linear | - | 0.1300 | 0.1150 | 0.1600 |" in members_table(members)


def test_with_one_seed_the_page_names_no_spread_by_chance(bench: Bench, tmp_path: Path):
    ablation = ablate_groups(bench, ["promotion rhythm"], [7])
    page = tmp_path / "ablation.md"
    write_page(page, ablation=ablation, members=None, facts={})
    text = page.read_text(encoding="utf-8")
    assert "One seed cannot say what is chance." in text
    assert "Families, blend" not in text


def test_the_champions_backtest_and_coverage_are_on_the_page():
    scores = pl.DataFrame(
        {
            "model": ["blend", "blend", "blend", "linear", "linear", "blend"],
            "forecast_origin": [
                *(None, date(2014, 5, 9), date(2015, 5, 8), None, date(2015, 5, 8), None)
            ],
            "segment_kind": [*["overall"] * 5, "total_chain_week"],
            "segment": ["all"] * 6,
            "store_days": [100] * 6,
            "rmspe": [0.1, 0.3, 0.11, 0.2, 0.21, 0.05],
            "rmspe_median": [0.1, 0.3, 0.11, 0.2, 0.21, 0.05],
            "wape": [0.07] * 6,
            "bias": [-0.02] * 6,
            "coverage_80": [0.81, None, None, None, None, 0.77],
            "coverage_95": [0.96, None, None, None, None, 0.93],
            "interval_origins": [1, 0, 1, 0, 0, 1],
            "coverage_80_lower": [0.78, *[None] * 5],
            "coverage_80_upper": [0.84, *[None] * 5],
            "interval_score_80": [0.351, None, None, None, None, 0.2],
            **{
                name: pl.Series([None] * 6, dtype=pl.Float64)
                for name in ("coverage_95_lower", "coverage_95_upper", "interval_score_95")
            },
        }
    )
    parts = pl.DataFrame(
        {
            "model": ["blend", "linear"], "forecast_origin": pl.Series([None] * 2, dtype=pl.Date),
            "season": ["ordinary"] * 2, "part": ["chain_day"] * 2, "log_error": [0.042, 0.038],
        }
    )  # fmt: skip
    text = page_of("blend-1", scores, parts, {"made by": "`a command`"})
    for said in (
        "- made by: `a command`",
        "figures on them flatter",
        "| blend | 1 | 0.1100 |",
        "`blend-1`",
        "| 2014-05-09 | 0.3000 | - |",
        "| 2015-05-08 | 0.1100 | 0.2100 |",
        "| median | 0.1000 | 0.2000 |",
        "| overall | all | 1 | 100 | 0.1000 | 7.0% | -2.0% | 81.0% | 78.0% to 84.0% "
        "| 96.0% | - | 0.351 | - |",
        "| total chain week | all | 1 | 100 | 0.0500 | 7.0% | -2.0% | 77.0% | - "
        "| 93.0% | - | 0.200 | - |",
        "| chain, by day | 0.042 | 0.038 | - |",
    ):
        assert said in text
