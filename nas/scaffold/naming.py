"""A plugin's names, all from one: distribution, import package, entry point."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, entry_points
from importlib.util import find_spec

from nas.errors import ConfigError
from nas.hookspecs import PROJECT
from nas.plugins import OURS

_VALID = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
"""Names of distributions, https://packaging.python.org/specifications/name-normalization."""
_PREFIX = "nas_"
_FALLBACK = "nas-plugin"
_LONGEST = 50
"""Characters; what is imported by the name then fits into a line of 100."""


@dataclass(frozen=True)
class Names:
    """What a plugin is called.

    Args:
        distribution: in pyproject.toml.
        package: what is imported.
        plugin: the entry point; what its components are qualified with.
    """

    distribution: str
    package: str
    plugin: str

    @classmethod
    def of(cls, name: str) -> Names:
        """Derive all from the distribution's name.

        Raises:
            ConfigError: it is no name of a distribution, gives no import package, or one of the
                three is taken here.
        """
        if not _VALID.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name of a distribution: letters, digits, '-', '_' and '.', with a "
                f"letter or digit at both ends. Did you mean {_nearest(name)!r}?"
            )
        if len(name) > _LONGEST:
            raise ConfigError(
                f"{name!r} has {len(name)} characters; at most {_LONGEST} will do. "
                f"Did you mean {_nearest(name[:_LONGEST])!r}?"
            )
        package = _package(name)
        if not package.isidentifier() or keyword.iskeyword(package):
            raise ConfigError(
                f"{name!r} would be imported as {package!r}, which Python cannot. "
                f"Did you mean {_nearest(name)!r}?"
            )
        names = cls(name, package, package.removeprefix(_PREFIX))
        names._check_free()
        return names

    def _check_free(self) -> None:
        """Refuse names that are taken, unless by an earlier version of this very plugin."""
        plugins = {entry.name: entry for entry in entry_points(group=PROJECT)}
        owner = plugins.get(self.plugin)
        if owner is not None and self._owns(owner):
            return
        for taken in self._taken(owner):
            raise ConfigError(f"{taken}. Did you mean {f'nas-my-{_dashed(self.plugin)}'!r}?")

    def _owns(self, entry: EntryPoint) -> bool:
        whose = entry.dist.name if entry.dist else ""
        return whose != OURS and _package(whose) == self.package and entry.module == self.package

    def _taken(self, owner: EntryPoint | None) -> Iterator[str]:
        if owner is not None:
            whose = owner.dist.name if owner.dist else "another distribution"
            yield f"{self.distribution!r} would be the plugin {self.plugin!r}, which {whose} has"
        if _installed(self.distribution):
            yield f"a distribution {self.distribution!r} is installed already"
        if _importable(self.package):
            yield f"{self.distribution!r} would hide the package {self.package!r}, which is there"


def _package(name: str) -> str:
    """Return the import package: words joined by one ``_``, in lower case."""
    return re.sub(r"[._-]+", "_", name).lower()


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _nearest(name: str) -> str:
    """Return the nearest name that works."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    near = "-".join(words)
    package = _package(near)
    if package.isidentifier() and not keyword.iskeyword(package):
        return near
    return f"nas-{near}" if near else _FALLBACK


def _installed(distribution: str) -> bool:
    try:
        Distribution.from_name(distribution)
    except PackageNotFoundError:
        return False
    return True


def _importable(package: str) -> bool:
    """Tell whether a module is imported by that name; a mere folder in the way is none."""
    if package in sys.stdlib_module_names:
        return True
    spec = find_spec(package)
    return spec is not None and spec.origin is not None
