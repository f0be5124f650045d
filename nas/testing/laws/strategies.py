"""Laws of search strategies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import numpy as np

import nas
from nas.hyper.space import WithHyper
from nas.seeds import Rng
from nas.testing import paper
from nas.testing.fakes import DECIDED
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.paper import BUDGET, Judge, PaperStudy
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject

TRIALS = 14
PREFERRED = "flat"
HYPER = "hyper-parameters"
SPACES = {
    **DECIDED,
    HYPER: WithHyper.of(DECIDED[PREFERRED], {"lr": {"low": 1e-4, "high": 1.0, "log": True}}),
}
PAUSING = (PREFERRED, "conditional", HYPER)
"""Spaces for strategies that pause trials; some change hyper-parameters, and need them."""


def start(strategy: nas.Strategy, space: nas.Space, objectives: int = 1, seed: int = 0) -> None:
    """Begin a study; one that the strategy refuses has no meaning for it."""
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    try:
        strategy.start(nas.Problem(space, goals, seed, budget=BUDGET))
    except nas.ConfigError as error:
        raise Inapplicable(f"it refuses this study: {error}") from error


def study(
    strategy: nas.Strategy,
    space: nas.Space,
    objectives: int = 1,
    seed: int = 0,
    judge: Judge = paper.mixed,
) -> PaperStudy:
    """Start a strategy and let it search on paper."""
    start(strategy, space, objectives, seed)
    return PaperStudy(strategy, space, objectives, seed, judge).run(TRIALS)


@cache
def studies(subject: Subject) -> tuple[tuple[nas.Space, int], ...]:
    """Return the spaces and numbers of objectives that it accepts; it refuses not all.

    Raises:
        Inapplicable: it does.
    """
    names = PAUSING if subject.build().pauses else tuple(DECIDED)
    found = []
    for name, objectives in [*((name, 1) for name in names), (PREFERRED, 2), (HYPER, 2)]:
        if objectives == 1 or name in names:
            with suppress(Inapplicable):
                start(subject.build(), SPACES[name], objectives)
                found.append((SPACES[name], objectives))
    if not found:
        raise Inapplicable("it refuses every study that this suite has")
    return tuple(found)


def any_study(subject: Subject) -> tuple[nas.Space, int]:
    """Return one study that it accepts."""
    accepted = studies(subject)
    preferred = (one for one in accepted if one[0] is SPACES[PREFERRED])
    return next(preferred, accepted[0])


@cache
def studied(subject: Subject, space: nas.Space, objectives: int) -> PaperStudy:
    """Return the first study of a new one; several laws look at it."""
    return study(subject.build(), space, objectives)


@law("strategy")
def proposes_members(subject: Subject) -> None:
    """Whatever it is told, it proposes members of the space, from trials that have begun.

    Failed, infeasible and stopped trials are told too, late, and now and then one whose
    architecture is not what was proposed.
    """
    for space, objectives in studies(subject):
        where = f"in a space of {len(list(space.decisions))} decisions, {objectives} objectives"
        found = studied(subject, space, objectives).proposals
        for i, (begun, proposal) in enumerate(found):
            one = f"proposal {i} {where}"
            member = proposal.architecture in space
            require(member, f"{one} is no member: {proposal.architecture!r}")
            known = all(0 <= parent < begun for parent in proposal.parents)
            require(known, f"{one} has the parents {proposal.parents}, of {begun} trials so far")


@law("strategy")
def the_same_calls_give_the_same_proposals(subject: Subject) -> None:
    """Proposals follow from what it was told and from ask's generator alone.

    A study resumes by telling its trials again. No clock, no global generator, no order of
    sets.
    """
    one = any_study(subject)
    first, again = studied(subject, *one).said, study(subject.build(), *one).said
    require(first == again, f"the same calls gave {_differing(first, again)}")


def _differing(first: list[paper.Said], again: list[paper.Said]) -> str:
    for i, ((_, one), (_, other)) in enumerate(zip(first, again, strict=False)):
        if one != other:
            return f"{one} first and {other} then, as answer {i}"
    return f"{len(first)} answers first and {len(again)} then"


@law("strategy")
def start_forgets(subject: Subject) -> None:
    """After start nothing of an earlier study is left.

    Set every attribute in `start`.
    """
    strategy, one = subject.build(), any_study(subject)
    study(strategy, *one, seed=4)
    fresh, found = studied(subject, *one).said, study(strategy, *one).said
    if found != fresh != study(subject.build(), *one).said:
        raise Inapplicable("other proposals each time: what is left cannot be told")
    require(found == fresh, f"used before, it gave {_differing(fresh, found)}")


@law("strategy")
def leaves_random_state(subject: Subject) -> None:
    """The global random generators are left as they were."""
    strategy, one = subject.build(), any_study(subject)
    with generators_untouched():
        study(strategy, *one)


@law("strategy")
def takes_either_generator(subject: Subject) -> None:
    """Ask draws from a numpy generator as well as from one of the module random.

    Draw by `rng.random()` alone, as `nas.seeds.below` does.
    """
    space, objectives = any_study(subject)
    for rng in (random.Random(0), np.random.default_rng(0)):
        strategy = subject.build()
        start(strategy, space, objectives)
        for _ in range(5):
            require(strategy.ask(rng).architecture in space, "a proposal is no member")


@law("strategy")
def must_be_started(subject: Subject) -> None:
    """Asked before start, it raises StudyError and says what to call."""
    try:
        subject.build().ask(random.Random(0))
    except nas.StudyError as error:
        require("start" in str(error), f"the error does not name start: {error}")
    except Exception as error:  # noqa: BLE001 - a component can raise anything
        broken(f"it raised {type(error).__name__}: {error}")
    else:
        broken("it proposed something without a space")


@law("strategy")
def survives_failures(subject: Subject) -> None:
    """Where every trial fails, it goes on proposing members.

    A search may begin with a dozen failures; there is no best trial then.
    """
    _goes_on(subject, paper.failing)


@law("strategy")
def survives_ties(subject: Subject) -> None:
    """Where every trial has the same losses, it goes on proposing members.

    Guard divisions by a range of losses.
    """
    _goes_on(subject, paper.tied)


def _goes_on(subject: Subject, judge: Judge) -> None:
    space, objectives = any_study(subject)
    found = study(subject.build(), space, objectives, judge=judge).proposals
    for i, (_, proposal) in enumerate(found):
        require(proposal.architecture in space, f"proposal {i} is no member")


@law("strategy")
def learns_from_earlier_studies(subject: Subject) -> None:
    """It takes trials of negative numbers before the first ask; parents are ones it was told.

    `warm_start` tells them first; they may be parents, the engine leaves them out.
    """
    space, objectives = any_study(subject)
    strategy = subject.build()
    start(strategy, space, objectives)
    draws = random.Random(0)
    for number in range(-12, 0):
        losses = tuple(draws.random() for _ in range(objectives))
        strategy.tell(nas.Trial(number, space.sample(draws), nas.Status.COMPLETE, losses))
    for proposal in _asked(strategy, draws):
        require(proposal.architecture in space, "a proposal is no member")
        unknown = [parent for parent in proposal.parents if not -12 <= parent < 0]
        require(not unknown, f"a proposal has the parents {unknown}, of which it was told nothing")


def _asked(strategy: nas.Strategy, draws: Rng) -> Iterator[nas.Proposal]:
    for _ in range(12):
        yield strategy.ask(draws)
