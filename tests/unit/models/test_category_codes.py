"""Codes of text features in panels and files, and values that are new to a model."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rossmann_ml.models.base import design_matrix
from rossmann_ml.models.categories import Categories

TRAINED = pl.DataFrame(
    {
        "store_type": ["d", "a", "d", "b"],
        "assortment": ["c", "c", "c", "c"],
        "state": [None, "HE", "BY", "HE"],
        "month": [1.0, 2.0, 3.0, 4.0],
    }
)


def test_values_are_in_alphabetical_order_without_the_unknown() -> None:
    assert Categories.of(TRAINED).values == {
        "store_type": ["a", "b", "d"],
        "assortment": ["c"],
        "state": ["BY", "HE"],
    }


def test_a_panel_without_a_text_feature_has_no_codes_of_it() -> None:
    assert list(Categories.of(TRAINED.drop("state")).values) == ["store_type", "assortment"]


def test_a_code_is_the_place_of_the_value_and_the_unknown_and_unseen_have_their_own() -> None:
    scored = pl.DataFrame(
        {
            "store_type": ["a", "b", "c", "d", "e", None],
            "state": ["HE", "BY", "SH", None, "XX", "HE"],
            "month": [5.0] * 6,
        }
    )
    found = Categories.of(TRAINED).encode(scored)
    assert found["store_type"].to_list() == [0, 1, 3, 2, 3, -1]
    assert found["state"].to_list() == [1, 0, 2, -1, 2, 1]
    assert found["month"].to_list() == [5.0] * 6


def test_unseen_values_are_named_once_a_store() -> None:
    scored = pl.DataFrame(
        {
            "store_id": [9, 9, 4, 4, 5],
            "store_type": ["z", "z", "a", "x", None],
            "assortment": ["c", "c", "d", "c", "c"],
            "state": ["HE", "HE", None, "BY", "SH"],
        }
    )
    assert Categories.of(TRAINED).unseen(scored).rows() == [
        (4, "assortment", "d"),
        (4, "store_type", "x"),
        (5, "state", "SH"),
        (9, "store_type", "z"),
    ]


def test_a_design_matrix_holds_the_features_in_their_order_as_32_bit_numbers() -> None:
    matrix = design_matrix(TRAINED, ["month", "state"], Categories.of(TRAINED))
    assert matrix.dtype == "float32"
    assert matrix.tolist() == [[1, -1], [2, 1], [3, 0], [4, 1]]
    assert matrix.flags.c_contiguous


def test_saved_codes_load_as_they_were(tmp_path: Path) -> None:
    codes = Categories({"store_type": ["a", "ü"], "state": []})
    codes.save(tmp_path)
    text = (tmp_path / "categories.json").read_text("utf-8")
    assert text.splitlines()[1:3] == ['  "store_type": [', '    "a",']
    assert "ü" in text
    assert Categories.load(tmp_path) == codes
