"""The same property for many random examples: by hypothesis where it is installed, else seeded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import nas
from nas.errors import ConformanceError
from nas.seeds import Rng, below
from nas.testing.law import Inapplicable, said


def for_all(holds: Callable[[Rng], None], examples: int = 20) -> None:
    """Check a property with many generators; raise what it raises for the smallest example.

    With hypothesis, the smallest is the one whose draws are as small as they can be: first values,
    few of everything. Without it, generators have the seeds 0, 1, ... and the first failure counts.

    Args:
        holds: all randomness comes from its argument.
        examples: how many.
    """
    try:
        import hypothesis
    except ImportError:
        for seed in range(examples):
            holds(random.Random(seed))
    else:
        _by_hypothesis(hypothesis, holds, examples)


def _by_hypothesis(hypothesis: Any, holds: Callable[[Rng], None], examples: int) -> None:
    from hypothesis import strategies

    failures: list[Exception] = []

    @hypothesis.settings(  # type: ignore[untyped-decorator, unused-ignore]
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )
    @hypothesis.given(strategies.data())  # type: ignore[untyped-decorator, unused-ignore]
    def every_example(data: Any) -> None:
        try:
            holds(_Drawn(data, strategies.floats(0, 1, exclude_max=True, width=32)))
        except Exception as error:
            failures.append(error)
            raise

    try:
        every_example()
    except Exception:
        if not failures:
            raise
        raise failures[-1] from None  # the last one is the smallest, also if it comes and goes


class _Drawn:
    """A generator whose draws hypothesis makes smaller."""

    def __init__(self, data: Any, floats: Any) -> None:
        self._data, self._floats = data, floats

    def random(self) -> float:
        return float(self._data.draw(self._floats))


def for_members(
    space: nas.Space, holds: Callable[[nas.Architecture, Rng], None], examples: int = 20
) -> None:
    """Check a property of architectures; what is raised names the smallest that breaks it."""

    def of_one(rng: Rng) -> None:
        member = nas.Space.sample(space, rng)  # a space that draws wrongly breaks one law, not all
        try:
            holds(member, rng)
        except Inapplicable:
            raise
        except Exception as error:  # a component can raise anything
            example = f"smallest example: {member.to_json()}"
            raise ConformanceError(f"{said(error)}\n  {example}") from error

    for_all(of_one, examples)


def one_of(values: Sequence[Any], rng: Rng) -> Any:
    """Return one of the values; the smallest example has the first."""
    return values[below(len(values), rng)]
