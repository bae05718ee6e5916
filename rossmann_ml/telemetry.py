"""Switching off what libraries send home; see :mod:`rossmann_ml.process`."""

from rossmann_ml.process import prepare as switch_off

__all__ = ["switch_off"]
