"""How many points a list of decisions has, exactly, without enumerating them.

The number is a sum, over all states of all decisions, of a product of factors that are 1 where a
decision agrees with its parents and 0 elsewhere. Decisions are summed out one by one, the cheapest
first (variable elimination), so the cost grows with how entangled the conditions are, not with how
many decisions there are.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

Condition = Mapping[int, frozenset[int]]
"""Number of a parent, and the positions of its values that activate."""

INACTIVE = -1


@dataclass(frozen=True)
class _Factor:
    """Counts by the states of some decisions; what is not in the table is 0."""

    scope: tuple[int, ...]
    table: Mapping[tuple[int, ...], int]


def count_points(arities: Sequence[int], conditions: Sequence[Condition]) -> int:
    """Return the number of points.

    Args:
        arities: how many values each decision has.
        conditions: when each is active: all of its parents, which come earlier, have one of the
            given values.
    """
    states = [_states(i, arity, conditions) for i, arity in enumerate(arities)]
    touching: dict[int, list[_Factor]] = {i: [] for i in range(len(arities))}
    for i, condition in enumerate(conditions):
        factor = _agreement(i, condition, states)
        for j in factor.scope:
            touching[j].append(factor)
    total = 1
    while touching:
        decision = min(touching, key=lambda i: (_cost(touching[i], states), i))
        rest = _sum_out(decision, touching.pop(decision))
        for j in rest.scope:
            touching[j] = [f for f in touching[j] if decision not in f.scope] + [rest]
        if not rest.scope:
            total *= rest.table[()]
    return total


def _states(i: int, arity: int, conditions: Sequence[Condition]) -> dict[int, int]:
    """Return one position for all values that no condition tells apart, with their number."""
    asked = [condition[i] for condition in conditions if i in condition]
    groups: dict[tuple[bool, ...], list[int]] = defaultdict(list)
    for position in range(arity):
        groups[tuple(position in allowed for allowed in asked)].append(position)
    states = {members[0]: len(members) for members in groups.values()}
    return states | ({INACTIVE: 1} if conditions[i] else {})


def _agreement(i: int, condition: Condition, states: Sequence[Mapping[int, int]]) -> _Factor:
    table = {}
    for given in itertools.product(*(states[parent] for parent in condition)):
        active = all(s in allowed for s, allowed in zip(given, condition.values(), strict=True))
        for state, count in states[i].items():
            if active != (state == INACTIVE):
                table[(state, *given)] = count
    return _Factor((i, *condition), table)


def _cost(factors: Sequence[_Factor], states: Sequence[Mapping[int, int]]) -> int:
    scope = set(itertools.chain.from_iterable(factor.scope for factor in factors))
    return prod(len(states[j]) for j in scope)


def _sum_out(decision: int, factors: Sequence[_Factor]) -> _Factor:
    joined = factors[0]
    for factor in factors[1:]:
        joined = _product(joined, factor)
    at = joined.scope.index(decision)
    sums: Counter[tuple[int, ...]] = Counter()
    for states, count in joined.table.items():
        sums[states[:at] + states[at + 1 :]] += count
    return _Factor(joined.scope[:at] + joined.scope[at + 1 :], sums)


def _product(a: _Factor, b: _Factor) -> _Factor:
    shared = [(i, a.scope.index(j)) for i, j in enumerate(b.scope) if j in a.scope]
    new = [i for i, j in enumerate(b.scope) if j not in a.scope]
    matching = defaultdict(list)
    for states, count in b.table.items():
        matching[tuple(states[i] for i, _ in shared)].append((tuple(states[i] for i in new), count))
    table = {
        (*states, *rest): count * other
        for states, count in a.table.items()
        for rest, other in matching[tuple(states[j] for _, j in shared)]
    }
    return _Factor(a.scope + tuple(b.scope[i] for i in new), table)
