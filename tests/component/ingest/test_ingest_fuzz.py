"""A file of any bytes lands, or it is refused with a reason and changes nothing."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.retailer import (
    PLAN_HEADER,
    SALES_HEADER,
    STORE_HEADER,
    STORE_LINES,
    Retailer,
    lost_rows,
    plan_lines,
    sales_lines,
    text,
)

from rossmann_ml.base.errors import BadFileError

VALID = {
    "sales_2015-06-12.csv": text(SALES_HEADER, sales_lines()[:9]).encode(),
    "plan_2015-06-19.csv": text(PLAN_HEADER, plan_lines()[:9]).encode(),
    "store.csv": text(STORE_HEADER, STORE_LINES).encode(),
    "store_states.csv": b'Store,State\n1,HE\n2,"HB,NI"\n3,BY\n',
}
PIECES = (
    b",", b'"', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b" ", b"-", b"0", b"9" * 40,
    b"1e999", b"NaN", b"inf", b"2015-02-30", b"9999-99-99", b"+262143-01-01", b";", b"\t",
    "\u0661\u2028\x85\x0b".encode(), "\U0001f600".encode(), b"Sales", b"Store,Store",
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw a valid file with some pieces inserted, removed or doubled."""
    data = valid
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        taken = draw(st.integers(0, 12))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(data[at : at + 90]))
        data = data[:at] + piece + data[at + taken :]
    return data


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    retailer = Retailer(tmp_path_factory.mktemp("fuzz"))
    retailer.write_bulk()
    retailer.land_raw()
    retailer.allow_bad_rows(0.3)
    return retailer


@pytest.mark.parametrize("name", VALID)
@settings(
    max_examples=int(os.environ.get("ROSSMANN_FUZZ_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(draw=st.data())
def test_any_bytes_land_or_are_refused_without_a_trace(
    landed: Retailer, name: str, draw: st.DataObject
) -> None:
    data = draw.draw(damaged(VALID[name]) | st.binary(max_size=300))
    path = landed.write(name, data)
    before = landed.contents()
    message = ""
    try:
        (landing,) = landed.land_incoming(path).files
    except BadFileError as refusal:
        message = str(refusal)
    if message:
        assert name in message
        assert landed.contents() == before
    else:
        stored = landing.rows_landed + landing.rows_unchanged + landing.rows_quarantined
        assert stored == landing.rows_read
        assert not lost_rows(before, landed.contents())
