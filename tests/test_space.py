"""The laws of spaces, over generated decision trees, against naive enumeration."""

from __future__ import annotations

import itertools
import math
import pickle
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import Architecture, Categorical, Grid, Integer, Space
from nas.decisions import Decision

relaxed = settings(deadline=None)  # the machine may be busy

VALUES = ("a", "b", "ä", True, False, 2, 7, -1, 0.5, 1e-9, "")


@dataclass(frozen=True)
class Toy(Space):
    """Any decisions; never built."""

    decisions: Sequence[Decision] = ()  # type: ignore[assignment]
    input_shape: tuple[int, ...] = (1,)
    classes: int = 2

    def build(self, architecture: Architecture) -> Any:
        raise NotImplementedError


@st.composite
def spaces(draw: st.DrawFn) -> Toy:
    decisions: list[Decision] = []
    for i in range(draw(st.integers(1, 5))):
        parents = draw(
            st.lists(st.sampled_from(decisions), max_size=2, unique_by=lambda d: d.name)
            if decisions
            else st.just([])
        )
        when = {
            p.name: draw(st.lists(st.sampled_from(p.values), min_size=1, unique=True))
            for p in parents
        }
        kind = draw(st.sampled_from(["integer", "grid", "categorical"]))
        if kind == "grid":
            points, log = draw(st.integers(2, 5)), draw(st.booleans())
            decisions.append(Grid(f"d{i}", 0.5, 2.5, points, log, when=when))
        elif kind == "integer":
            low, step = draw(st.integers(-3, 3)), draw(st.integers(1, 3))
            high = low + draw(st.integers(0, 6))
            decisions.append(Integer(f"d{i}", low, high, step, when=when))
        else:
            choices = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True))
            decisions.append(Categorical(f"d{i}", choices, when=when))
    return Toy(tuple(decisions))


def enumerate_naively(space: Toy) -> list[dict[str, Any]]:
    """Every assignment of every decision, cut down to what is active, without repeats."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for values in itertools.product(*(d.values for d in space.decisions)):
        active: dict[str, Any] = {}
        for decision, value in zip(space.decisions, values, strict=True):
            if all(p in active and active[p] in list(vs) for p, vs in decision.when.items()):
                active[decision.name] = value
        found.setdefault(tuple(active.items()), active)
    return list(found.values())


rngs = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.sampled_from([random.Random(seed), np.random.default_rng(seed)])
)


@relaxed
@given(spaces())
def test_size_and_enumeration_agree_with_a_naive_one(space: Toy) -> None:
    expected = enumerate_naively(space)
    members = list(space.architectures())
    assert [dict(a) for a in members] == expected
    assert space.size == len(expected) == len(set(members))
    assert [list(a) for a in members] == [list(e) for e in expected]


@relaxed
@given(spaces(), rngs)
def test_what_is_drawn_changed_or_crossed_is_a_member(space: Toy, rng: Any) -> None:
    members = set(space.architectures())
    a, b = space.sample(rng), space.sample(rng)
    child, mutant = space.crossover(a, b, rng), space.mutate(a, rng)
    assert {a, b, child, mutant} <= members
    assert all(x in space for x in (a, b, child, mutant))
    for name, value in child.items():
        assert value in {x[name] for x in (a, b) if name in x} or not (name in a or name in b)
    assert space.crossover(a, a, rng) == a


@relaxed
@given(spaces(), rngs)
def test_a_mutant_differs_in_one_decision_and_what_it_switches(space: Toy, rng: Any) -> None:
    parent = space.sample(rng)
    mutant = space.mutate(parent, rng)
    by_name = {d.name: d for d in space.decisions}
    if all(len(by_name[name].values) == 1 for name in parent):
        assert mutant == parent
    else:
        assert sum(mutant[name] != parent[name] for name in parent if name in mutant) == 1


@relaxed
@given(spaces(), st.randoms(use_true_random=False))
def test_neighbours_are_all_members_one_step_away(space: Toy, rng: random.Random) -> None:
    a = space.sample(rng)

    def adjacent(decision: Decision, x: Any, y: Any) -> bool:
        if isinstance(decision, Categorical):
            return x != y
        if isinstance(decision, Integer):
            return abs(x - y) == decision.step
        return abs(decision.values.index(x) - decision.values.index(y)) == 1

    def one_step(b: Architecture) -> bool:
        both = [d for d in space.decisions if d.name in a and d.name in b]
        moved = [d for d in both if a[d.name] != b[d.name]]
        fresh = [d for d in space.decisions if d.name in b and d.name not in a]
        return (
            len(moved) == 1
            and adjacent(moved[0], a[moved[0].name], b[moved[0].name])
            and all(b[d.name] == d.values[0] for d in fresh)
        )

    neighbours = space.neighbours(a)
    assert set(neighbours) == {b for b in space.architectures() if one_step(b)}
    assert len(neighbours) == len(set(neighbours))


@relaxed
@given(spaces(), st.randoms(use_true_random=False), st.integers(0, 99))
def test_encodings_round_trip(space: Toy, rng: random.Random, junk: int) -> None:
    a = space.sample(rng)
    encoding = space.encode(a)
    assert encoding.dtype == np.int64
    assert encoding.shape == (len(space.decisions),)
    for decision, index in zip(space.decisions, encoding.tolist(), strict=True):
        assert (
            (a[decision.name] == decision.values[index]) if index >= 0 else decision.name not in a
        )
    assert space.decode(encoding) == space.decode(encoding.tolist()) == a
    assert space.decode(np.where(encoding < 0, junk, encoding)) == a

    row = space.one_hot(a)
    assert row.dtype == np.float32
    blocks = np.split(row, np.cumsum([len(d.values) for d in space.decisions])[:-1])
    assert [int(b.argmax()) if b.any() else -1 for b in blocks] == encoding.tolist()
    assert row.sum() == len(a)


@relaxed
@given(spaces(), st.randoms(use_true_random=False))
def test_text_and_pickles_round_trip(space: Toy, rng: random.Random) -> None:
    a = space.sample(rng)
    assert space.parse(space.format(a)) == a
    assert Architecture.from_json(a.to_json()) == a
    assert pickle.loads(pickle.dumps(a)) == a  # noqa: S301  our own bytes
    shuffled = Architecture(dict(reversed(list(a.items()))))
    assert shuffled == a
    assert hash(shuffled) == hash(a)
    assert shuffled in space
    assert space.canonical_id(shuffled) == space.canonical_id(a)
    assert len({space.canonical_id(b) for b in space.architectures()}) == space.size


@settings(deadline=None, max_examples=25)
@given(spaces(), st.integers(0, 2**31))
def test_nevergrad_sees_the_same_space(space: Toy, seed: int) -> None:
    parametrization = space.parametrization()
    parameter = parametrization.parameter
    parameter.random_state.seed(seed)
    for _ in range(5):
        a = parametrization.decode(parameter.sample().value)
        assert a in space
        child = parameter.spawn_child(new_value=parametrization.encode(a))
        assert parametrization.decode(child.value) == a


def test_nevergrad_optimizes_conditional_decisions() -> None:
    import nevergrad as ng

    space = Toy(
        (
            Categorical("kind", ("flat", "deep")),
            *(Integer(f"x{i}", 0, 4, when={"kind": ["deep"]}) for i in range(4)),
        )
    )
    parametrization = space.parametrization()
    parametrization.parameter.random_state.seed(3)
    optimizer = ng.optimizers.registry["DiscreteOnePlusOne"](parametrization.parameter, budget=900)
    best = math.inf
    for _ in range(900):
        candidate = optimizer.ask()
        a = parametrization.decode(candidate.value)
        loss = float(20 - sum(int(a.get(f"x{i}", 0)) for i in range(4)))
        optimizer.tell(candidate, loss)
        best = min(best, loss)
    assert best == 4


def test_huge_spaces_are_counted_exactly_and_never_enumerated() -> None:
    flat = Toy(tuple(Categorical(f"c{i}", "abcde") for i in range(30)))
    assert flat.size == 5**30
    first = list(itertools.islice(flat.architectures(), 7))
    assert [a["c29"] for a in first] == list("abcdeab")
    layers = range(1, 25)
    deep = Toy(
        (
            Integer("depth", 1, 24),
            *(Categorical(f"w{i}", range(9), when={"depth": range(i, 25)}) for i in layers),
            *(Integer(f"k{i}", 1, 7, 2, when={f"w{i}": [0]}) for i in layers),
        )
    )
    assert deep.size == sum((8 + 4) ** d for d in layers) > 10**20
    rng = random.Random(0)
    a = deep.sample(rng)
    assert deep.decode(deep.encode(deep.mutate(a, rng))) in deep


def test_each_active_decision_is_drawn_uniformly() -> None:
    space = Toy((Categorical("on", (False, True)), Integer("n", 1, 3, when={"on": [True]})))
    rng = random.Random(1)
    drawn = Counter(space.sample(rng) for _ in range(6000))
    expected = {a: 1 / 2 if not a["on"] else 1 / 6 for a in space.architectures()}
    assert {a: drawn[a] / 6000 for a in expected} == pytest.approx(expected, abs=0.03)
    mutants = Counter(
        space.mutate(space.architecture({"on": False}), rng)["n"] for _ in range(3000)
    )
    assert {n: c / 3000 for n, c in mutants.items()} == pytest.approx(
        {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}, abs=0.04
    )


def test_conditions_on_many_earlier_decisions_are_counted() -> None:
    """A chain, where each decision needs the last two: counted by a recurrence."""
    decisions = [Categorical("d0", "abc"), Categorical("d1", "abc")]
    for i in range(2, 60):
        when = {f"d{i - 2}": ["a", "b"], f"d{i - 1}": ["b", "c"]}
        decisions.append(Categorical(f"d{i}", "abc", when=when))
    # Points by the last two decisions: their values, or None where inactive.
    counts = Counter(itertools.product("abc", repeat=2))
    for _ in range(2, 60):
        following: Counter[Any] = Counter()
        for (first, second), n in counts.items():
            active = first in ("a", "b") and second in ("b", "c")
            for value in "abc" if active else (None,):
                following[second, value] += n
        counts = following
    assert Toy(tuple(decisions)).size == sum(counts.values())
