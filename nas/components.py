"""What plugins register: a name, a way to build the thing, and where it comes from."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.errors import ComponentError
from nas.suggest import did_you_mean, listed

HYPER = "hyper"
"""Parameter of every space: what the evaluator's parameters may be, see ``nas.hyper``."""

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Component:
    """One named thing a plugin offers.

    Args:
        name: lower-case words joined by ``_`` or ``-``, unique within its plugin and kind;
            configs refer to it.
        build: called with the config's parameters; returns the object. Its signature is what a
            config is checked against.
        summary: one line for ``nas plugins``.
        reference: the paper or page that defines it.
        example: parameters to see it at work with, quickly; what ``nas plugins check`` builds it
            with. Where they name files, a function that is given an empty folder, writes them
            there and returns the parameters.
    """

    name: str
    build: Callable[..., Any]
    summary: str
    reference: str = ""
    example: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] = field(
        default_factory=dict, compare=False
    )

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ComponentError(
                f"component name {self.name!r}: use lower-case words joined by '_' or '-'"
            )
        try:
            inspect.signature(self.build)
        except (TypeError, ValueError):
            raise ComponentError(
                f"component {self.name!r}: build must be a function or class whose parameters "
                f"can be read, not {self.build!r}"
            ) from None


@dataclass(frozen=True)
class Registered:
    """A component and who brought it."""

    component: Component
    plugin: str
    distribution: str
    version: str

    @property
    def full_name(self) -> str:
        """The name that is never ambiguous: ``plugin:name``."""
        return f"{self.plugin}:{self.component.name}"


class Registry:
    """Components of one kind, by ``name`` or ``plugin:name``."""

    def __init__(self, kind: str, items: Iterable[Registered], broken: str = "") -> None:
        self.kind = kind
        self._broken = broken
        self._items: dict[str, dict[str, Registered]] = {}
        for item in items:
            owners = self._items.setdefault(item.component.name, {})
            if item.plugin in owners:
                raise ComponentError(
                    f"plugin {item.plugin!r} registers {kind} {item.component.name!r} twice"
                )
            owners[item.plugin] = item

    def __iter__(self) -> Iterator[Registered]:
        for name in sorted(self._items):
            yield from (self._items[name][owner] for owner in sorted(self._items[name]))

    def names(self) -> list[str]:
        """Return the short names, in order."""
        return sorted(self._items)

    def find(self, ref: str) -> Registered:
        """Return the component that ``ref`` names, or raise with what would have worked."""
        plugin, _, name = ref.rpartition(":")
        owners = self._items.get(name, {})
        if plugin:
            owners = {p: c for p, c in owners.items() if p == plugin}
        if not owners:
            raise ComponentError(
                f"no {self.kind} named {ref!r}.{did_you_mean(name, self._items)} "
                f"Registered: {listed(self._items)}.{self._broken}"
            )
        if len(owners) > 1:
            full = listed(item.full_name for item in owners.values())
            raise ComponentError(f"{self.kind} {name!r} is ambiguous; write one of: {full}.")
        return next(iter(owners.values()))

    def bind(self, ref: str, params: Mapping[str, Any]) -> inspect.BoundArguments:
        """Bind ``params`` to the component's signature; unknown ones are an error."""
        signature = self.signature(ref)
        try:
            return signature.bind(**params)
        except TypeError as error:
            wrong = next((p for p in params if p not in signature.parameters), "")
            hint = did_you_mean(wrong, signature.parameters) if wrong else ""
            raise ComponentError(
                f"{self.kind} {ref!r}: {error}.{hint} It takes {_spell(signature)}."
            ) from None

    def signature(self, ref: str) -> inspect.Signature:
        """Return the parameters that the component is built with."""
        return inspect.signature(self.find(ref).component.build)

    def build(self, ref: str, params: Mapping[str, Any]) -> Any:
        """Build the component.

        Raises:
            ComponentError: no such component, an unknown parameter, or one that it refuses
                (a ``TypeError`` or ``ValueError`` of its own).
        """
        self.bind(ref, params)
        try:
            return self.find(ref).component.build(**params)
        except (TypeError, ValueError) as error:
            raise ComponentError(f"{self.kind} {ref!r}: {error}") from error


class SpaceRegistry(Registry):
    """Search spaces; each takes the parameter ``hyper`` too, see ``nas.hyper``."""

    def bind(self, ref: str, params: Mapping[str, Any]) -> inspect.BoundArguments:
        """Bind all but ``hyper`` to the component's signature."""
        return super().bind(ref, {k: v for k, v in params.items() if k != HYPER})

    def build(self, ref: str, params: Mapping[str, Any]) -> Any:
        """Build the space, of networks and hyper-parameters if there are any; see ``Registry``."""
        space = super().build(ref, {k: v for k, v in params.items() if k != HYPER})
        if HYPER not in params:
            return space
        from nas.hyper.space import WithHyper

        return WithHyper.of(space, params[HYPER])


def _spell(signature: inspect.Signature) -> str:
    shown = []
    for parameter in signature.parameters.values():
        default = parameter.default
        empty = default is inspect.Parameter.empty
        plain = isinstance(default, str | int | float | bool | tuple | type(None))
        shown.append(
            parameter.name
            if empty
            else f"{parameter.name}={default!r}"
            if plain
            else f"{parameter.name}=..."
        )
    return f"({', '.join(shown)})"
