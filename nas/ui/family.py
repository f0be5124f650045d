"""Where a trial's architecture comes from, and what became of it: a tree of trials."""

from __future__ import annotations

from typing import Any

from nas.architecture import Architecture
from nas.trial import Trial
from nas.ui.reading import Family, Pages

GENERATIONS = 5
"""Steps back that are shown."""
MOST = 40
"""Ancestors, and children, that are shown."""


def tree_of(archive: Pages, trial: Trial) -> dict[str, Any]:
    """Return parents within parents, and the first children, as a template shows them."""
    family = archive.family(trial.id, generations=GENERATIONS, most=MOST)
    seen: set[int] = {trial.id}
    return {
        "parents": _above(family, trial, seen),
        "children": [
            _relative(family.trials[child], trial)
            for child in family.children
            if child in family.trials
        ],
        "born": family.born,
        "more": family.more,
    }


def _above(family: Family, child: Trial, seen: set[int]) -> list[dict[str, Any]]:
    """Return the parents of a trial; one that has been shown already is not followed again."""
    found = []
    for parent in family.parents.get(child.id, ()):
        if parent not in family.trials:
            continue
        node = _relative(family.trials[parent], child)
        if parent in seen:
            node["again"] = True
        else:
            seen.add(parent)
            node["parents"] = _above(family, family.trials[parent], seen)
        found.append(node)
    return found


def _relative(trial: Trial, other: Trial) -> dict[str, Any]:
    return {
        "trial": trial,
        "changed": _changed(trial.architecture, other.architecture),
        "parents": [],
        "again": False,
    }


def _changed(one: Architecture, other: Architecture) -> list[str]:
    """Return the decisions in which two architectures differ."""
    names = dict.fromkeys([*one, *other])
    return [name for name in names if one.get(name) != other.get(name)]
