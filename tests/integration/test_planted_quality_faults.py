"""Every expectation fails on the fault that is planted for it, and no other does."""

from __future__ import annotations

import pytest
from support.checked_suites import failed_checks
from support.quality_faults import FAULTS

from rossmann_ml.quality import SUITES, load_suite

pytestmark = pytest.mark.integration

EXPECTATIONS = [
    (suite, expectation.name) for suite in SUITES for expectation in load_suite(suite).expectations
]


@pytest.mark.parametrize(("suite", "expectation"), EXPECTATIONS)
def test_a_fault_planted_for_an_expectation_fails_it_and_nothing_else(tables, suite, expectation):
    assert expectation in FAULTS[suite], f"no fault is planted for {suite}: {expectation}"
    fault, and_also = FAULTS[suite][expectation]

    tables.execute(fault)

    assert failed_checks(tables, suite) == {expectation} | and_also
