"""Which laws there are, and all of them on one component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal

from nas.errors import ConformanceError
from nas.testing.law import EVERY, Inapplicable, Law, declared
from nas.testing.subject import Subject

Verdict = Literal["kept", "broken", "inapplicable"]

_MODULES = {
    EVERY: ("every",),
    "space": ("spaces", "space_networks"),
    "proxy": ("proxies",),
    "predictor": ("predictors",),
    "evaluator": ("evaluators",),
    "strategy": ("strategies", "pausing"),
    "scheduler": ("schedulers",),
    "curve_prior": ("curve_priors",),
    "curve_predictor": ("curve_predictors",),
    "objective": ("objectives",),
    "dataset": ("datasets",),
    "table": ("tables",),
    "exporter": ("exporters",),
}
"""Where the laws of each kind are; a module is imported when they are asked for."""


@dataclass(frozen=True)
class Outcome:
    """How one law went for one component.

    Args:
        law: what was checked.
        verdict: how it went.
        text: what was broken, why the law has no meaning, or a remark.
    """

    law: Law
    verdict: Verdict
    text: str = ""


@cache
def laws_of(kind: str) -> tuple[Law, ...]:
    """Return the laws of a kind; those of every kind come first."""
    for key in (EVERY, kind):
        for module in _MODULES[key]:
            import_module(f"nas.testing.laws.{module}")
    return (*declared(EVERY), *declared(kind))


def check_all(component: Subject) -> Iterator[Outcome]:
    """Check all laws of a component's kind, one after the other."""
    for law in laws_of(component.kind):
        try:
            yield Outcome(law, "kept", law(component))
        except Inapplicable as reason:
            yield Outcome(law, "inapplicable", str(reason))
        except ConformanceError as error:
            yield Outcome(law, "broken", str(error))
