"""Describe in words the values that an expectation expects and the values that it found.

Entry points: :func:`expected_text`, :func:`observed_text`. The warehouse rows, the terminal and
the Data Docs pages show these texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rossmann_ml.quality.suite_files import Expectation

_EXAMPLES = 3
_LONGEST = 1000


def expected_text(expectation: Expectation) -> str:
    """Describe what an expectation expects, such as ``0 to 0.5 in at least 95% of rows``."""
    kwargs = expectation.kwargs
    text = _WORDS[expectation.type](kwargs)
    mostly = kwargs.get("mostly")
    return text if mostly is None else f"{text} in at least {mostly:.0%} of rows"


def observed_text(result: Mapping[str, Any], exception_message: str | None) -> str:
    """Describe what a check found, or the reason why it could not run.

    An expectation about rows gives the number of failing rows, with at most three examples. An
    expectation about the whole table gives the value found, such as a column's largest value.

    Args:
        result: Great Expectations' result of one expectation.
        exception_message: Reason why the check could not run; None if it ran.

    Returns:
        Text of at most 400 characters.
    """
    if exception_message is not None:
        return f"could not be checked: {exception_message}"[:_LONGEST]
    if "unexpected_count" in result:
        unexpected, rows = result["unexpected_count"], result["element_count"]
        if rows == unexpected == 1:  # one row of findings in words
            return _value(result["partial_unexpected_list"][0])[:_LONGEST]
        text = f"{unexpected:,} of {rows:,} rows unexpected"
        examples = dict.fromkeys(map(_value, result.get("partial_unexpected_list") or []))
        shown = [example for example in examples if example != "None"][:_EXAMPLES]
        return f"{text}, such as {', '.join(shown)}"[:_LONGEST] if shown else text
    return _value(result.get("observed_value"))[:_LONGEST]


def _value(value: Any) -> str:
    """Format a value as text.

    A whole number has all its digits, with commas from 10,000 on; any other number has six
    significant digits. The values of a list are joined by ``and``. Any other value, such as None,
    is converted by `str`.
    """
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, list | tuple):
        return " and ".join(_value(item) for item in value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if not number.is_integer():
        return f"{number:.6g}"
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.0f}"  # 2015 may be a year


def _between(kwargs: Mapping[str, Any]) -> str:
    """Describe the range from `min_value` to `max_value`, such as ``0 to 1``; both are required.

    The range is ``above 0 to 1`` if `strict_min` excludes the lower bound, and ``0`` if the bounds
    are equal.
    """
    low, high = kwargs["min_value"], kwargs["max_value"]
    if low == high:
        return _value(low)
    above = "above " if kwargs.get("strict_min") else ""
    return f"{above}{_value(low)} to {_value(high)}"


def _in_set(kwargs: Mapping[str, Any]) -> str:
    """Describe the allowed values in `value_set`, such as ``one of 'a', 'b'``."""
    values = kwargs["value_set"]
    return str(values[0]) if len(values) == 1 else f"one of {', '.join(map(repr, values))}"


# Every expectation type that a suite uses has an entry here.
_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "expect_column_values_to_not_be_null": lambda _: "a value",
    "expect_column_values_to_be_null": lambda _: "no value",
    "expect_column_values_to_be_unique": lambda _: "unique values",
    "expect_compound_columns_to_be_unique": lambda _: "unique combinations",
    "expect_column_values_to_be_between": _between,
    "expect_column_max_to_be_between": _between,
    "expect_column_unique_value_count_to_be_between": lambda kwargs: (
        f"{_between(kwargs)} different values"
    ),
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_pair_values_to_be_equal": lambda kwargs: (
        f"{kwargs['column_A']} = {kwargs['column_B']}"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": lambda kwargs: (
        f"{kwargs['column_A']} {'>=' if kwargs.get('or_equal') else '>'} {kwargs['column_B']}"
    ),
}
