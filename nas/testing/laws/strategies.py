"""Laws of search strategies."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

import numpy as np

import nas
from nas.seeds import Rng
from nas.seeds import rng as stream
from nas.testing.fakes import DECIDED
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject

TRIALS = 14
BUDGET = 6
Judge = Callable[[int, nas.Architecture], nas.Trial]


def start(strategy: nas.Strategy, space: nas.Space, objectives: int = 1, seed: int = 0) -> None:
    """Begin a study; one that the strategy refuses has no meaning for it."""
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    try:
        strategy.start(nas.Problem(space, goals, seed, budget=BUDGET))
    except nas.ConfigError as error:
        raise Inapplicable(f"it refuses this study: {error}") from error


def turbulent(
    strategy: nas.Strategy, space: nas.Space, objectives: int = 1, seed: int = 0
) -> list[nas.Proposal]:
    """Ask twice a trial, tell late, and tell every kind of trial.

    A strategy that pauses trials is told what it asks for: paused ones, with their curves.
    """
    start(strategy, space, objectives, seed)
    proposals, waiting = [], []
    for number in range(TRIALS):
        draws = stream(seed, "proposal", number)
        proposals += [strategy.ask(draws), strategy.ask(draws)]
        chosen = proposals[-1 - number % 2]
        strategy.begun(number, chosen)
        waiting.append(chosen.architecture)
        if number >= 3:
            strategy.tell(mixed(number - 3, waiting.pop(0), space, objectives, seed))
    return proposals


def mixed(
    number: int, proposed: nas.Architecture, space: nas.Space, objectives: int, seed: int
) -> nas.Trial:
    """Return a trial of any kind: complete, failed, infeasible, or one never proposed."""
    draws = stream(seed, "trial", number)
    known = space.sample(draws) if number % 4 == 3 else proposed
    if number % 5 == 0:
        return nas.Trial(number, known, nas.Status.INFEASIBLE, violation=draws.random() + 0.01)
    if number % 7 == 1:
        return nas.Trial(number, known, nas.Status.FAILED, failure=nas.Failure("error", "boom"))
    losses = tuple(draws.random() - 0.5 for _ in range(objectives))
    violation = 0.3 if number % 6 == 2 else 0.0
    return nas.Trial(number, known, nas.Status.COMPLETE, losses, violation)


def _unpaused(subject: Subject) -> nas.Strategy:
    strategy: nas.Strategy = subject.build()
    if strategy.pauses:
        raise Inapplicable("it pauses trials, and this law tells no paused ones")
    return strategy


@cache
def _studies(subject: Subject) -> tuple[tuple[nas.Space, int], ...]:
    """Return the spaces and numbers of objectives that it accepts."""
    found = []
    for space, objectives in [*((s, 1) for s in DECIDED.values()), (DECIDED["flat"], 2)]:
        with suppress(Inapplicable):
            start(subject.build(), space, objectives)
            found.append((space, objectives))
    return tuple(found)


def _any_study(subject: Subject) -> tuple[nas.Space, int]:
    for space, objectives in _studies(subject):
        if space is DECIDED["flat"]:
            return space, objectives
    for study in _studies(subject):
        return study
    raise Inapplicable("it refuses every study that this suite has")


@law("strategy")
def proposes_members(subject: Subject) -> None:
    """Whatever it is told, it proposes members of the space, from trials that have begun.

    Failed, infeasible and stopped trials are told too, late, and now and then one that was
    never proposed.
    """
    _unpaused(subject)
    _any_study(subject)
    for space, objectives in _studies(subject):
        where = f"in a space of {len(list(space.decisions))} decisions, {objectives} objectives"
        for i, proposal in enumerate(turbulent(subject.build(), space, objectives)):
            one = f"proposal {i} {where}"
            member = proposal.architecture in space
            require(member, f"{one} is no member: {proposal.architecture!r}")
            begun = all(0 <= parent < i // 2 for parent in proposal.parents)
            require(begun, f"{one} has the parents {proposal.parents}, of {i // 2} trials so far")


@law("strategy")
def the_same_calls_give_the_same_proposals(subject: Subject) -> None:
    """Proposals follow from what it was told and from ask's generator alone.

    A study resumes by telling its trials again. No clock, no global generator, no order of
    sets.
    """
    _unpaused(subject)
    study = _any_study(subject)
    first, again = (turbulent(subject.build(), *study) for _ in range(2))
    require(first == again, f"the same calls gave {_differing(first, again)}")


def _differing(first: list[nas.Proposal], again: list[nas.Proposal]) -> str:
    for i, (one, other) in enumerate(zip(first, again, strict=True)):
        if one != other:
            return f"{one} first and {other} then, as proposal {i}"
    return "the same"


@law("strategy")
def start_forgets(subject: Subject) -> None:
    """After start nothing of an earlier study is left.

    Set every attribute in `start`.
    """
    strategy = _unpaused(subject)
    study = _any_study(subject)
    other = turbulent(strategy, *study, seed=4)
    fresh, again = (turbulent(subject.build(), *study) for _ in range(2))
    if again != fresh:
        raise Inapplicable("other proposals each time: what is left cannot be told")
    found = turbulent(strategy, *study)
    require(other and found == fresh, f"used before, it gave {_differing(fresh, found)}")


@law("strategy")
def leaves_random_state(subject: Subject) -> None:
    """The global random generators are left as they were."""
    strategy = _unpaused(subject)
    study = _any_study(subject)
    with generators_untouched():
        turbulent(strategy, *study)


@law("strategy")
def takes_either_generator(subject: Subject) -> None:
    """Ask draws from a numpy generator as well as from one of the module random.

    Draw by `rng.random()` alone, as `nas.seeds.below` does.
    """
    space, objectives = _any_study(subject)
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

    def failed(number: int, architecture: nas.Architecture) -> nas.Trial:
        failure = nas.Failure("error", "on purpose")
        return nas.Trial(number, architecture, nas.Status.FAILED, failure=failure)

    _goes_on(subject, failed)


@law("strategy")
def survives_ties(subject: Subject) -> None:
    """Where every trial has the same losses, it goes on proposing members.

    Guard divisions by a range of losses.
    """
    _, objectives = _any_study(subject)

    def equal(number: int, architecture: nas.Architecture) -> nas.Trial:
        return nas.Trial(number, architecture, nas.Status.COMPLETE, (1.0,) * objectives)

    _goes_on(subject, equal)


@law("strategy")
def learns_from_earlier_studies(subject: Subject) -> None:
    """It takes trials of negative numbers before the first ask; parents are ones it was told.

    `warm_start` tells them first; they may be parents, the engine leaves them out.
    """
    _unpaused(subject)
    space, objectives = _any_study(subject)
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


def _goes_on(subject: Subject, judged: Judge) -> None:
    strategy = _unpaused(subject)
    space, objectives = _any_study(subject)
    start(strategy, space, objectives)
    for number in range(TRIALS):
        proposal = strategy.ask(stream(0, "proposal", number))
        require(proposal.architecture in space, f"proposal {number} is no member")
        strategy.begun(number, proposal)
        strategy.tell(judged(number, proposal.architecture))
