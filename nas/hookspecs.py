"""Every hook a plugin can implement, on one page.

Registration hooks return components and have no side effects: they are called once, when plugins
are loaded, and must be quick, so heavy imports stand inside what a component builds. Event hooks
return nothing; they are called in the driver, after what they tell of is in the archive, and must
not change what they are given. One that raises is logged, and the others are still told.

A hook that is to go is marked, and still works until the version that it names::

    @hookspec(warn_on_impl=deprecated("nas_scores", instead="nas_proxies", until="2.0"))
    def nas_scores() -> Iterable[Component]: ...

An argument that is to go has ``warn_on_impl_args={"name": DeprecationWarning("why")}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

from nas.components import Component

if TYPE_CHECKING:
    import typer

    from nas.study import Study
    from nas.trial import Trial

PROJECT = "nas"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as an implementation of the hook of that name."""

VERSION = "1.0"
"""Of what is on this page. The first number changes when a hook or an argument goes or means
something else, the second when one is added or deprecated; docs/stability.md has the promise."""


class HookDeprecation(DeprecationWarning):
    """A hook that will go; ``instead`` is the one that replaces it."""

    instead: str = ""


def deprecated(hook: str, *, instead: str, until: str) -> HookDeprecation:
    """Return what a plugin's author is told who implements ``hook``.

    Its implementations are called as those of ``instead`` are, which has the same arguments, unless
    the plugin implements that one as well.

    Args:
        hook: its name.
        instead: the hook that replaces it.
        until: the version of this specification that has it no more.
    """
    warning = HookDeprecation(
        f"the hook {hook} is deprecated and goes with hooks {until}; implement {instead} instead"
    )
    warning.instead = instead
    return warning


@hookspec
def nas_search_spaces() -> Iterable[Component]:  # type: ignore[empty-body]
    """Search spaces; ``build`` returns a ``nas.Space``.

    A builder that takes ``input_shape`` or ``classes`` is given those of the data set unless the
    config sets them.
    """


@hookspec
def nas_proxies() -> Iterable[Component]:  # type: ignore[empty-body]
    """Zero-cost proxies; ``build`` returns a ``nas.Proxy``."""


@hookspec
def nas_predictors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Predictors; ``build`` returns a ``nas.Predictor``."""


@hookspec
def nas_evaluators() -> Iterable[Component]:  # type: ignore[empty-body]
    """Evaluators; ``build`` returns a ``nas.Evaluator``. Built again on every worker."""


@hookspec
def nas_strategies() -> Iterable[Component]:  # type: ignore[empty-body]
    """Strategies; ``build`` returns a ``nas.Strategy``."""


@hookspec
def nas_schedulers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Schedulers, which stop or promote running trials; ``build`` returns a ``nas.Scheduler``."""


@hookspec
def nas_curve_priors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Priors over learning curves; ``build`` returns a ``nas.CurvePrior``."""


@hookspec
def nas_curve_predictors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Predictors of how learning curves go on; ``build`` returns a ``nas.CurvePredictor``."""


@hookspec
def nas_objectives() -> Iterable[Component]:  # type: ignore[empty-body]
    """Objectives; ``build`` returns a reported, analytic or measured ``nas.Objective``."""


@hookspec
def nas_datasets() -> Iterable[Component]:  # type: ignore[empty-body]
    """Data sets; ``build`` returns a ``nas.Dataset``."""


@hookspec
def nas_tables() -> Iterable[Component]:  # type: ignore[empty-body]
    """Tables of results; ``build`` returns what ``[[tables]]`` of a benchmark's config says of one.

    That is a mapping with ``space``, ``evaluator``, ``objectives`` and so on, without ``name``:
    plain values, as TOML has them.
    """


@hookspec
def nas_exporters() -> Iterable[Component]:  # type: ignore[empty-body]
    """Exporters of found networks to run without nas; ``build`` returns a ``nas.Exporter``."""


@hookspec
def nas_study_started(study: Study) -> None:
    """A study begins or goes on; once for each session, before the first proposal.

    Args:
        study: its name, archive, config and goals.
    """


@hookspec
def nas_trial_finished(study: Study, trial: Trial) -> None:
    """A trial has been written to the archive; once for each trial, in the order of finishing.

    Args:
        study: the study it belongs to.
        trial: as archived: complete, failed, stopped, infeasible or cancelled.
    """


@hookspec
def nas_front_changed(study: Study, front: Sequence[int]) -> None:
    """The Pareto front has changed; at most once for each trial, after ``nas_trial_finished``.

    Args:
        study: the study it belongs to.
        front: numbers of the trials that no other trial dominates.
    """


@hookspec
def nas_study_finished(study: Study, reason: str) -> None:
    """A session has ended; once, even when it was interrupted.

    Args:
        study: the study that ended.
        reason: why, in words.
    """


@hookspec
def nas_commands(cli: typer.Typer) -> None:
    """Add commands to ``nas``; called once, when the command line starts.

    Args:
        cli: the application; ``@cli.command()`` adds to it. A built-in name cannot be replaced.
    """
