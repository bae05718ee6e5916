"""A warehouse of the sample takes the sample's weekly files and refuses another chain's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rossmann_ml.base.errors import BadFileError, RefusedError
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.ingest import land_incoming, land_raw
from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.warehouse.session import Session

FRIDAY = date(2015, 5, 29)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sample of 30 stores, and its next week in ``next``."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(
        folder / "raw", stores=30, seed=11, first_date=date(2015, 4, 1), last_date=date(2015, 5, 22)
    )
    write_sample(
        folder / "next", stores=30, seed=11, first_date=date(2015, 5, 23), last_date=FRIDAY
    )
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Settings:
    settings = load_settings(
        home=PROJECT_DIR,
        raw_dir=made / "raw",
        incoming_dir=tmp_path / "incoming",
        warehouse_dir=tmp_path / "warehouse",
        state_dir=tmp_path / "state",
    )
    settings.incoming_path.mkdir()
    land_raw(Session(settings))
    return settings


def week(made: Path, place: Settings, sales: pl.Expr) -> None:
    rows = pl.read_csv(made / "next" / "train.csv", infer_schema=False)
    changed = rows.with_columns(Sales=sales.cast(pl.String))
    changed.write_csv(place.incoming_path / f"sales_{FRIDAY}.csv")


SALES = pl.col("Sales").cast(pl.Float64)


@pytest.mark.parametrize(
    ("what", "sales", "in_another_unit"),
    [
        ("as they are", SALES, 0),
        (
            "six stores in thousands",
            pl.when(pl.col("Store").cast(int) <= 6).then(SALES / 1000).otherwise(SALES),
            30,
        ),
        (
            "a day at a third",
            pl.when(pl.col("Date") == str(FRIDAY)).then(SALES // 3).otherwise(SALES),
            0,
        ),
    ],
)
def test_the_samples_weeks_land_with_faults_planted_in_them(
    made: Path, place: Settings, what: str, sales: pl.Expr, in_another_unit: int
) -> None:
    week(made, place, sales)
    (landing,) = land_incoming(Session(place)).files
    assert landing.rows_landed == 210 - in_another_unit, what
    assert landing.rows_quarantined == in_another_unit, what


@pytest.mark.parametrize(
    ("sales", "factor"),
    [(SALES * 100, "100 times"), ((SALES / 1000).round(2), "1/1,000 of")],
    ids=["all in cents", "all in thousands, rounded"],
)
def test_the_samples_week_in_another_unit_is_known_as_the_samples_and_refused_for_its_unit(
    made: Path, place: Settings, sales: pl.Expr, factor: str
) -> None:
    week(made, place, sales)
    with pytest.raises(BadFileError, match=f"Sales about {factor} the usual in stores 1, 2, 3"):
        land_incoming(Session(place))


@pytest.mark.parametrize("factor", [1.25, 0.84, 7.4])
def test_another_chains_week_is_refused_with_the_way_out(
    made: Path, place: Settings, factor: float
) -> None:
    week(made, place, (SALES * factor).round(2))
    with pytest.raises(RefusedError, match=r"sample-30-11, and [\d]+ of [\d]+ compared") as refused:
        land_incoming(Session(place))
    assert "ROSSMANN_WAREHOUSE_DIR=<folder>" in str(refused.value)


def test_the_week_of_another_seed_is_refused(made: Path, place: Settings, tmp_path: Path) -> None:
    write_sample(
        tmp_path / "other", stores=30, seed=12, first_date=date(2015, 5, 23), last_date=FRIDAY
    )
    (tmp_path / "other" / "train.csv").rename(place.incoming_path / f"sales_{FRIDAY}.csv")
    with pytest.raises(RefusedError, match="are not its figures"):
        land_incoming(Session(place))
