"""What version of the hooks a plugin was written for, and which of its hooks will go.

A plugin declares the versions of the hook specification that it works with in an attribute, at the
top of its module or in its class, as PEP 440 has them::

    nas_hooks = ">=1.0,<2"
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from nas.errors import PluginError
from nas.hookspecs import HookDeprecation

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

DECLARATION = "nas_hooks"
"""The attribute in which a plugin says which versions of the hooks it was written for."""

_FROM_BELOW = (">=", ">", "~=", "==", "===")


def written_for(plugin: object, ours: str, distribution: str = "") -> str:
    """Return the versions that a plugin says it was written for; empty if it does not say.

    Args:
        plugin: a module or object.
        ours: version of the hook specification here.
        distribution: that the plugin comes in, for the message; empty if it is a file.

    Raises:
        PluginError: it was written for other versions than ``ours``, or what it says cannot be
            read.
    """
    declared = getattr(plugin, DECLARATION, None)
    if declared is None:
        return ""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        if not isinstance(declared, str):
            raise InvalidSpecifier(f"a {type(declared).__name__}, not a text")
        versions = SpecifierSet(declared)
        if not len(versions):
            raise InvalidSpecifier("it is empty")
    except InvalidSpecifier as error:
        raise PluginError(
            f"its {DECLARATION} = {declared!r} cannot be read ({error}): write which versions of "
            f"the hooks it works with, such as {_like(ours)!r}"
        ) from None
    if not versions.contains(ours, prereleases=True):
        raise PluginError(
            f"it was written for hooks {declared}, and plugnas {version('plugnas')} has hooks "
            f"{ours}: {_remedy(versions, ours, distribution)}"
        )
    return declared


def _like(ours: str) -> str:
    major = int(ours.partition(".")[0])
    return f">={ours},<{major + 1}"


def _remedy(versions: SpecifierSet, ours: str, distribution: str) -> str:
    """Return whose turn it is: plugnas is too old for the plugin, or the other way round."""
    from packaging.version import Version

    here = Version(ours)
    lowest = [s.version.removesuffix(".*") for s in versions if s.operator in _FROM_BELOW]
    if any(Version(low) > here for low in lowest):
        return "take a newer plugnas (pip install --upgrade plugnas), or an older plugin"
    newer = f" (pip install --upgrade {distribution})" if distribution else ""
    return f"take a newer version of the plugin{newer}, or an older plugnas"


@contextmanager
def heard() -> Iterator[list[warnings.WarningMessage]]:
    """Collect what pluggy warns of while a plugin is registered: it does not say whose it is."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def warn_of(
    plugin: str, caught: Collection[warnings.WarningMessage], hooks: Collection[str]
) -> tuple[str, ...]:
    """Warn once more, with the plugin's name; return the texts.

    A plugin that implements the replacement too works here and with an older plugnas: it need not
    be told.
    """
    texts = []
    for one in caught:
        if isinstance(one.message, HookDeprecation) and one.message.instead in hooks:
            continue
        texts.append(str(one.message))
        text = f"plugin {plugin!r}: {one.message}"
        warnings.warn_explicit(text, one.category, one.filename, one.lineno)
    return tuple(texts)
