"""A component that another one works with, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NAME = "name"


@dataclass(frozen=True)
class Use:
    """A component that another one works with, such as an evaluator, strategy or scheduler.

    Args:
        kind: such as ``proxy``.
        name: of the component.
        parameters: of the component, plain JSON values.
    """

    kind: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, kind: str, value: object) -> Use:
        """Read it as a config spells it: a name, or a table with ``name`` and parameters.

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, str) and value:
            return cls(kind, value)
        if isinstance(value, Mapping) and value.get(_NAME) and isinstance(value[_NAME], str):
            return cls(kind, value[_NAME], {k: v for k, v in value.items() if k != _NAME})
        raise ValueError(
            f'a {kind} is a name, such as "NAME", or a table, such as {{name = "NAME"}}, '
            f"not {value!r}"
        )
