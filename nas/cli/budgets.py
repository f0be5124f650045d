"""Budgets as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.cli.plugins import load_plugins
from nas.errors import NASError
from nas.text import budget_unit as unit
from nas.text import count, percent, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study
    from nas.trial import Trial

__all__ = ["budget_text", "full_budget", "percent", "stage_text", "unit"]

Stages = Sequence[Mapping[str, Any]]
"""What each step is, of an evaluator that runs in stages; else nothing."""


def budget_text(trial: Trial, full: int | None, stages: Stages) -> str:
    """Return what a trial has spent, such as ``3 of 12 epochs``; empty if it knows no budgets."""
    if trial.budget is None:
        return ""
    if full is None or full == trial.budget:
        return count(trial.budget, unit(stages))
    return f"{trial.budget:,} of {count(full, unit(stages))}"


def stage_text(stages: Stages, step: int) -> str:
    """Return what a step is where it is no epoch, such as ``resolution 16``; else nothing."""
    if not 0 < step <= len(stages):
        return ""
    return ", ".join(f"{plain(name)} {plain(value)}" for name, value in stages[step - 1].items())


def full_budget(archive: Archive, study: Study, plugin: Sequence[str] | None) -> int | None:
    """Return the budget of a complete trial; None if it cannot be known.

    Before any trial is complete, the evaluator that the study uses is asked.

    Args:
        archive: has the study.
        study: which one.
        plugin: files that the evaluator may come from.
    """
    known = archive.budget(study)
    if known is not None:
        return known
    from nas.executors.evaluators import build_evaluator

    used = [part for part in archive.components(study) if part.role == "evaluator"]
    try:
        loaded = load_plugins(plugin)
        return build_evaluator(loaded, used[0].name, used[0].parameters).budget if used else None
    except NASError:  # what is known of the trials is worth showing all the same
        return None
