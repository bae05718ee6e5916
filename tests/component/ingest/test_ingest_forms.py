"""The same rows are read from other forms of a file, and from files larger than a block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.retailer import (
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    Retailer,
    sales_lines,
    text,
)

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.formats import SALES, STORE_STATES, STORES
from rossmann_ml.ingest.reading import open_rows, read_lines

PLAIN = text(SALES_HEADER, sales_lines())


def quoted_like_kaggle(content: str) -> str:
    """Add quotes to the header's names and to the two holiday columns."""
    header, *lines = content.splitlines()
    rows = [line.rsplit(",", 2) for line in lines]
    names = ",".join(f'"{name}"' for name in header.split(","))
    return text(names, (f'{start},"{state}","{school}"' for start, state, school in rows))


def all_quoted(content: str) -> str:
    rows = (line.split(",") for line in content.splitlines())
    return "".join(",".join(f'"{field}"' for field in row) + "\n" for row in rows)


def columns_reversed(content: str) -> str:
    return "".join(",".join(reversed(line.split(","))) + "\n" for line in content.splitlines())


@pytest.mark.parametrize(
    "change",
    [
        quoted_like_kaggle,
        all_quoted,
        columns_reversed,
        lambda content: "\ufeff" + content,
        lambda content: "\ufeff" + quoted_like_kaggle(content).replace("\n", "\r\n"),
        lambda content: content.replace("\n", "\r\n"),
        lambda content: content.rstrip("\n"),
        lambda content: content.rstrip("\n").replace("\n", "\r\n"),
        lambda content: content.replace("\n", "\n\n"),
        lambda content: content + "\n \n",
        lambda content: content.replace(",", " , "),
    ],
    ids=[
        "quoted like Kaggle's",
        "all quoted",
        "other order of columns",
        "byte order mark",
        "byte order mark, quotes and CRLF",
        "CRLF",
        "no final line end",
        "CRLF and no final line end",
        "blank lines between",
        "blank lines at the end",
        "blanks around fields",
    ],
)
def test_the_same_rows_in_another_form_are_the_same_rows(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    retailer = Retailer(tmp_path)
    retailer.write_bulk()
    retailer.write("train.csv", change(PLAIN))
    assert retailer.land_raw().rows_quarantined == 0
    retailer.write("train.csv", PLAIN)
    sales = retailer.land_raw().files[1]
    assert (sales.rows_unchanged, sales.rows_landed, sales.was_landed_before) == (36, 0, False)


@pytest.mark.parametrize("block_bytes", [1, 60, 500, 10_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_rows_and_line_numbers_do_not_depend_on_the_size_of_blocks(
    tmp_path: Path, block_bytes: int, line_end: str
) -> None:
    lines = sales_lines()
    lines[7] = ""
    lines[20] = "broken"
    path = tmp_path / "train.csv"
    path.write_bytes(text(SALES_HEADER, lines).replace("\n", line_end).encode())

    _, blocks = open_rows(path, SALES, block_bytes=block_bytes)
    numbered: dict[int, str] = {}
    malformed: dict[int, str] = {}
    for block in blocks:
        numbered.update(block.fields.select("line_number", "row_text").iter_rows())
        malformed.update(block.malformed.select("line_number", "row_text").iter_rows())
    assert malformed == {22: "broken"}
    assert numbered == {
        number: line for number, line in enumerate(lines, start=2) if line not in ("", "broken")
    }
    assert read_lines(path, [9, 22, 23]) == {9: "", 22: "broken", 23: lines[21]}


@pytest.mark.parametrize("block_bytes", [1, 200, 10_000])
def test_a_cut_end_is_detected_for_every_size_of_blocks(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "train.csv"
    path.write_text(PLAIN[:-10])
    _, blocks = open_rows(path, SALES, block_bytes=block_bytes)
    with pytest.raises(BadFileError, match="line 37: the file is cut off"):
        list(blocks)


def test_commas_and_quotes_within_quotes_belong_to_the_field(tmp_path: Path) -> None:
    path = tmp_path / "store.csv"
    odd = '4,"the ""big"" one",a,,,,0,,,"Feb,May"'
    path.write_text(text(STORE_HEADER, [*STORE_LINES, odd]))
    _, blocks = open_rows(path, STORES)
    fields = next(blocks).fields
    assert fields["PromoInterval"].to_list() == [
        None,
        "Jan,Apr,Jul,Oct",
        "Mar,Jun,Sept,Dec",
        "Feb,May",
    ]
    assert fields["StoreType"].to_list()[-1] == 'the "big" one'


def test_quoted_commas_are_read_in_any_order_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "store_states.csv"
    path.write_text('State,Store\n"HB,NI",2\nHE,1\n')
    _, blocks = open_rows(path, STORE_STATES)
    fields = next(blocks).fields
    assert dict(fields.select("Store", "State").iter_rows()) == {"1": "HE", "2": "HB,NI"}
