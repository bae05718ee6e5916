"""Describe the plan changes that a visitor makes, and convert them to text and back.

The page's address contains the text, so that a copied address opens the same scenario.

See :mod:`rossmann_ml.serving.what_if` for the forecast of a changed plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rossmann_ml.serving.what_if import PlanChange

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "promotion": ("run a promotion", {"is_promo": True}),
    "no-promotion": ("run no promotion", {"is_promo": False}),
    "closed": ("close", {"is_open": False}),
    "open": ("open", {"is_open": True}),
    "holiday": ("public holiday, closed", {"state_holiday": "a", "is_open": False}),
    "no-holiday": ("no public holiday", {"state_holiday": "0"}),
    "school-holiday": ("school holiday", {"is_school_holiday": True}),
    "no-school-holiday": ("no school holiday", {"is_school_holiday": False}),
}
"""Kinds of changes by their name in the page's address. Each has a text for visitors, and the
arguments of ``PlanChange`` with the new values of the plan."""

PROMOTIONS = frozenset({"promotion", "no-promotion"})
_BETWEEN_CHANGES, _BETWEEN_PARTS = "~", "_"


@dataclass(frozen=True)
class Change:
    """One change of the plan, for all chosen stores.

    Attributes:
        kind: Kind of change, a key of ``KINDS``.
        first_date: First changed day.
        last_date: Last changed day.
    """

    kind: str
    first_date: date
    last_date: date

    def __str__(self) -> str:
        """Describe the change in words for visitors, for example ``close on Mon 10 Aug``."""
        label = KINDS[self.kind][0]
        if self.first_date == self.last_date:
            return f"{label} on {self.first_date:%a %d %b}"
        return f"{label} from {self.first_date:%a %d %b} to {self.last_date:%a %d %b}"

    def as_plan_change(self) -> PlanChange:
        """Convert this change to the ``PlanChange`` that ``rossmann_ml`` forecasts with."""
        return PlanChange(self.first_date, self.last_date, **KINDS[self.kind][1])


def to_text(changes: Iterable[Change]) -> str:
    """Convert changes to the text in the page's address, which ``from_text`` parses.

    An example is ``closed_2015-08-10_2015-08-14``; several changes are joined with ``~``.
    """
    return _BETWEEN_CHANGES.join(
        _BETWEEN_PARTS.join((each.kind, f"{each.first_date}", f"{each.last_date}"))
        for each in changes
    )


def from_text(text: str, *, first: date, last: date) -> tuple[list[Change], list[str]]:
    """Parse the changes from the text in the page's address.

    Args:
        text: Text that ``to_text`` returned, which a visitor may have edited.
        first: First day that can change.
        last: Last day that can change.

    Returns:
        The valid changes, and the invalid parts of the text: those that cannot be parsed, or whose
        days are not all between ``first`` and ``last``.
    """
    changes, invalid = [], []
    for part in filter(None, text.split(_BETWEEN_CHANGES)):
        try:
            kind, begin, end = part.split(_BETWEEN_PARTS)
            change = Change(kind, date.fromisoformat(begin), date.fromisoformat(end))
        except ValueError:
            invalid.append(part)
            continue
        if kind in KINDS and first <= change.first_date <= change.last_date <= last:
            changes.append(change)
        else:
            invalid.append(part)
    return changes, invalid


def are_promotions(changes: Sequence[Change]) -> bool:
    """Return whether all changes are about promotions, so that the effect is due to them alone."""
    return all(change.kind in PROMOTIONS for change in changes)
