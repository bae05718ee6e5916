"""Changes of the plan as a visitor makes them: a kind and its days, and how an address holds them.

What they do to a forecast is :mod:`rossmann_ml.serving.what_if`' matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from rossmann_ml.serving.what_if import PlanChange

KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "promotion": ("run a promotion", {"is_promo": True}),
        "no-promotion": ("run no promotion", {"is_promo": False}),
        "closed": ("close", {"is_open": False}),
        "open": ("open", {"is_open": True}),
        "holiday": ("public holiday, closed", {"state_holiday": "a", "is_open": False}),
        "no-holiday": ("no public holiday", {"state_holiday": "0"}),
        "school-holiday": ("school holiday", {"is_school_holiday": True}),
        "no-school-holiday": ("no school holiday", {"is_school_holiday": False}),
    }
)
"""By the word in an address: what a visitor reads, and what changes in the plan."""

PROMOTIONS = frozenset({"promotion", "no-promotion"})
_BETWEEN_CHANGES, _BETWEEN_PARTS = "~", "_"


@dataclass(frozen=True)
class Change:
    """One change of the plan, for all stores that are asked about.

    Attributes:
        kind: A key of ``KINDS``.
        first_date: First day that changes.
        last_date: Last day that changes.
    """

    kind: str
    first_date: date
    last_date: date

    def __str__(self) -> str:
        """What a visitor reads."""
        label = KINDS[self.kind][0]
        if self.first_date == self.last_date:
            return f"{label} on {self.first_date:%a %d %b}"
        return f"{label} from {self.first_date:%a %d %b} to {self.last_date:%a %d %b}"

    def as_plan_change(self) -> PlanChange:
        """The same for the library."""
        return PlanChange(self.first_date, self.last_date, **KINDS[self.kind][1])


def to_text(changes: Iterable[Change]) -> str:
    """The changes as an address holds them."""
    return _BETWEEN_CHANGES.join(
        _BETWEEN_PARTS.join((each.kind, f"{each.first_date}", f"{each.last_date}"))
        for each in changes
    )


def from_text(text: str, *, first: date, last: date) -> tuple[list[Change], list[str]]:
    """Read changes from an address.

    Args:
        text: As ``to_text`` writes it.
        first: First day that can change.
        last: Last day that can change.

    Returns:
        The changes, and what could not be read as one that lies inside these days.
    """
    changes, refused = [], []
    for part in filter(None, text.split(_BETWEEN_CHANGES)):
        try:
            kind, begin, end = part.split(_BETWEEN_PARTS)
            change = Change(kind, date.fromisoformat(begin), date.fromisoformat(end))
        except ValueError:
            refused.append(part)
            continue
        if kind in KINDS and first <= change.first_date <= change.last_date <= last:
            changes.append(change)
        else:
            refused.append(part)
    return changes, refused


def are_promotions(changes: Sequence[Change]) -> bool:
    """Whether nothing but promotions changes."""
    return all(change.kind in PROMOTIONS for change in changes)
