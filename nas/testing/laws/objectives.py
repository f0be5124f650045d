"""Laws of objectives."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator

import nas
from nas.testing.fakes import Dense, Images
from nas.testing.law import Inapplicable, law, require
from nas.testing.state import generators_untouched, state_of
from nas.testing.subject import Subject
from nas.testing.tries import for_members


@law("objective")
def says_what_it_is_and_which_way(subject: Subject) -> None:
    """It names its metric, its unit, and which way is better."""
    objective = subject.build()
    named = isinstance(objective.metric, str) and objective.metric.isidentifier()
    require(named, f"metric is {objective.metric!r}, no name of a column")
    directions = ("minimize", "maximize")
    require(objective.direction in directions, f"direction is {objective.direction!r}")
    require(isinstance(objective.unit, str), f"unit is {objective.unit!r}")


def _analytic(subject: Subject) -> nas.AnalyticObjective:
    objective = subject.build()
    if not isinstance(objective, nas.AnalyticObjective):
        raise Inapplicable("it is not analytic")
    return objective


def _spaces(subject: Subject) -> Iterator[nas.Space]:
    """Yield small spaces; those of the plugin itself, which it may be made for, come last."""
    from nas.testing.subject import subjects

    yield from (Dense(), Images())
    for other in subjects(subject.plugins, subject.registered.plugin):
        if other.kind == "space":
            yield other.build()


@law("objective")
def an_estimate_is_a_number(subject: Subject) -> None:
    """An estimate is finite, or a candidate's error that says why there is none."""
    objective = _analytic(subject)
    known = 0
    for space in _spaces(subject):

        def holds(member: nas.Architecture, _: object, space: nas.Space = space) -> None:
            nonlocal known
            try:
                value = objective.of_network(space, member)
            except nas.CandidateError:
                return
            known += 1
            require(math.isfinite(value), f"the estimate is {value}")

        for_members(space, holds, 8)
    require(known, "it has a number for no network at all")


@law("objective")
def an_estimate_depends_on_the_architecture_alone(subject: Subject) -> None:
    """The same architecture has the same estimate each time, and nothing random is drawn for it.

    Estimates are made before anything is trained, on any machine, and never again.
    """
    objective, other = _analytic(subject), _analytic(subject)
    for space in _spaces(subject):
        member = space.sample(random.Random(2))
        try:
            with generators_untouched():
                values = [o.of_network(space, member) for o in (objective, objective, other)]
        except nas.CandidateError:
            continue
        same = all(v == values[0] or math.isnan(v) for v in values)
        require(same, f"{member.to_json()} has the estimates {values}")


def _measured(subject: Subject) -> nas.MeasuredObjective:
    objective = subject.build()
    if not isinstance(objective, nas.MeasuredObjective):
        raise Inapplicable("it is not measured")
    return objective


@law("objective")
def a_measurement_has_its_protocol(subject: Subject) -> None:
    """Value and spread are finite, the spread not negative, the protocol plain JSON values.

    Numbers of different protocols are never compared, so whatever a number depends on belongs
    there.
    """
    from nas.testing.networks import plain

    found = _measured(subject).measure(plain(), (8,), 1)
    require(math.isfinite(found.value), f"the value is {found.value}")
    require(math.isfinite(found.spread) and found.spread >= 0, f"the spread is {found.spread}")
    values = found.protocol.values()
    simple = all(isinstance(value, str | int | float | bool) for value in values)
    require(simple and found.protocol, f"the protocol is {dict(found.protocol)}")
    json.dumps(dict(found.protocol), allow_nan=False)


@law("objective")
def measuring_leaves_no_trace(subject: Subject) -> None:
    """Network, random states and threads are as they were before the measurement.

    `nas.restore.untouched(network)` does it.
    """
    from nas.testing.networks import plain

    objective, network = _measured(subject), plain()
    before = state_of(network)
    objective.measure(network, (8,), 1)
    require(state_of(network) == before, "it left the network, a generator or a flag changed")
