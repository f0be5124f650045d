"""What is checked: one registered component, built with the parameters of its example."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nas.components import Registered
from nas.errors import ComponentError, NASError
from nas.named import with_parts
from nas.plugins import KINDS, Plugins
from nas.suggest import did_you_mean, listed


class UnbuildableError(ComponentError):
    """The component cannot be built with the parameters of its example."""


@dataclass(frozen=True)
class Subject:
    """A component under test.

    Args:
        kind: a key of ``nas.plugins.KINDS``.
        registered: the component and who brought it.
        plugins: all that are loaded, for the components that it works with.
    """

    kind: str
    registered: Registered
    plugins: Plugins

    def __str__(self) -> str:
        return f"{self.kind} {self.registered.full_name!r}"

    @property
    def id(self) -> str:
        """Kind and name, for test reports."""
        return f"{self.kind}-{self.registered.component.name}"

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Those of the component's example; a function of a folder is given one of its own."""
        example = self.registered.component.example
        if isinstance(example, Mapping):
            return example
        folder = Path(tempfile.mkdtemp(prefix="nas-conformance-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return example(folder)

    def build(self, **parameters: Any) -> Any:
        """Build it anew, with its example's parameters and what it works with.

        Raises:
            UnbuildableError: it cannot be built so.
        """
        name = self.registered.full_name
        try:
            return with_parts(self.plugins, self.kind, name, {**self.parameters, **parameters})
        except NASError as error:
            raise UnbuildableError(str(error)) from error
        except Exception as error:  # a component can raise anything
            raise UnbuildableError(f"{type(error).__name__}: {error}") from error


def subjects(plugins: Plugins, name: str = "") -> Iterator[Subject]:
    """Yield the components of one plugin, or those of one name; of all without a name.

    Raises:
        ComponentError: nothing is named so; a plugin of that name that is broken says why.
    """
    every = [Subject(kind, item, plugins) for kind in KINDS for item in plugins.registry(kind)]
    chosen = [s for s in every if name in ("", s.registered.plugin)] or [
        s for s in every if name in (s.registered.component.name, s.registered.full_name)
    ]
    if chosen or any(name == plugin.name and not plugin.error for plugin in plugins.loaded):
        return iter(chosen)
    for plugin in plugins.loaded:
        if plugin.name == name:
            raise ComponentError(plugin.error)
    known = {plugin.name for plugin in plugins.loaded}
    names = known | {s.registered.component.name for s in every}
    raise ComponentError(
        f"no plugin or component named {name!r}.{did_you_mean(name, names)} "
        f"Plugins: {listed(sorted(known))}."
    )
