"""The evaluator of a study, as each of its architectures wants it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from nas.abstract.evaluator import Evaluator
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.executors.jobs import Ref
from nas.plugins import Plugins

KEPT = 16
"""Evaluators with other parameters that are kept."""


def build_evaluator(plugins: Plugins, name: str, parameters: Mapping[str, Any]) -> Evaluator:
    """Build an evaluator and what it works with, on a worker or to see whether it can be."""
    built: Evaluator = plugins.build("evaluator", name, **parameters)
    used = [
        build_evaluator(plugins, use.name, use.parameters)
        if use.kind == "evaluator"
        else plugins.build(use.kind, use.name, **use.parameters)
        for use in built.uses
    ]
    built.work_with(used)
    return built


class Evaluators:
    """Builds evaluators with the hyper-parameters that architectures set.

    Args:
        plugins: what builds.
        ref: the evaluator, without them.
        space: of the architectures.

    Attributes:
        plain: the evaluator without hyper-parameters.
    """

    def __init__(self, plugins: Plugins, ref: Ref, space: Space) -> None:
        self._plugins, self._ref, self._space = plugins, ref, space
        self.plain = build_evaluator(plugins, ref.name, ref.parameters)
        self._kept: OrderedDict[Architecture, Evaluator] = OrderedDict()

    def of(self, architecture: Architecture) -> Evaluator:
        """Return the evaluator with the parameters that an architecture sets."""
        from nas.hyper.space import WithHyper

        if not isinstance(self._space, WithHyper):
            return self.plain
        values = self._space.settings(architecture)
        if values not in self._kept:
            from nas.hyper.ranges import assigned

            parameters = assigned(self._ref.parameters, values)
            self._kept[values] = build_evaluator(self._plugins, self._ref.name, parameters)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(values)
        return self._kept[values]
