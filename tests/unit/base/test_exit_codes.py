"""Exit codes of errors: one for each thing that a calling program can do."""

from __future__ import annotations

import pytest

from rossmann_ml.base import errors

CODES = {
    errors.FaultError: 1,
    errors.RefusedError: 2,
    errors.HeldError: 3,
    errors.BusyError: 4,
    errors.InterruptedReplayError: 130,
}


def all_errors(base: type[errors.RossmannError]) -> list[type[errors.RossmannError]]:
    return [each for kind in base.__subclasses__() for each in (kind, *all_errors(kind))]


@pytest.mark.parametrize("kind", all_errors(errors.RossmannError), ids=lambda kind: kind.__name__)
def test_an_error_ends_with_the_code_of_what_its_caller_can_do(
    kind: type[errors.RossmannError],
) -> None:
    assert [code for base, code in CODES.items() if issubclass(kind, base)] == [kind.exit_code]
