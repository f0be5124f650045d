"""Finding plugins, keeping a broken one from stopping the others, and telling which is which."""

from __future__ import annotations

import inspect
import logging
import os
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from nas import hookspecs, tracing
from nas.compatibility import heard, warn_of, written_for
from nas.components import Component, Registered, Registry, SpaceRegistry
from nas.errors import NASError, PluginError
from nas.plugin_file import PluginFile as PluginFile
from nas.suggest import did_you_mean, listed

log = logging.getLogger(__name__)

KINDS = {
    "space": "nas_search_spaces",
    "proxy": "nas_proxies",
    "predictor": "nas_predictors",
    "evaluator": "nas_evaluators",
    "strategy": "nas_strategies",
    "scheduler": "nas_schedulers",
    "curve_prior": "nas_curve_priors",
    "curve_predictor": "nas_curve_predictors",
    "objective": "nas_objectives",
    "dataset": "nas_datasets",
    "table": "nas_tables",
    "exporter": "nas_exporters",
}
"""What a component is called, and the hook that registers it."""

_REGISTRIES = {"space": SpaceRegistry}

DISABLE = "NAS_DISABLE_PLUGINS"

OURS = "plugnas"
"""The distribution that this package comes in."""
FROM_FILE = "(file)"
"""Stands for the distribution of a component that a plugin file offers."""


@dataclass(frozen=True)
class Loaded:
    """One plugin as ``nas plugins`` lists it.

    Args:
        name: of the plugin.
        distribution: that it comes in.
        version: of the distribution.
        hooks: that it implements.
        error: why it was left out; empty if it works.
        written_for: versions of the hooks that it says it was written for; empty if it says none.
        deprecations: what it does that will not work for ever.
    """

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str = ""
    written_for: str = ""
    deprecations: tuple[str, ...] = ()


class Plugins:
    """The loaded plugins, in name order, and the components they offer.

    Args:
        files: plugin files, loaded after what is installed. One that does not work is an error:
            the user asked for it by name.
        disabled: names to leave out; by default those in ``NAS_DISABLE_PLUGINS``.
        specification: the module that specifies the hooks, and has their ``VERSION``.
    """

    def __init__(
        self,
        files: Sequence[PluginFile] = (),
        *,
        disabled: Iterable[str] | None = None,
        specification: types.ModuleType = hookspecs,
    ) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(specification)
        self._replaced = _replaced(self._manager)
        self._call = tracing.traced if tracing.wanted() else tracing.untraced
        self.hooks_version: str = specification.VERSION
        self._components: dict[str, list[Registered]] = {kind: [] for kind in KINDS}
        self._disabled = switched_off() if disabled is None else frozenset(disabled)
        self._failures: Counter[tuple[str, str]] = Counter()
        self.loaded: list[Loaded] = []
        self.files = tuple(files)
        self._add_installed()
        for file in files:
            self.register(file.load, Loaded(file.name, FROM_FILE, file.version))

    def _add_installed(self) -> None:
        for entry in sorted(entry_points(group=hookspecs.PROJECT), key=lambda e: e.name):
            if entry.name in self._disabled:
                continue
            about = _about(entry)
            try:
                self.register(entry.load, about)
            except PluginError as error:
                log.warning("%s", error)
                self.loaded.append(replace(about, error=str(error)))

    def register(self, load: Callable[[], object], about: Loaded) -> None:
        """Load a plugin and collect what it offers.

        Raises:
            PluginError: it cannot be imported or breaks the hooks' contract. It is left out whole.
        """
        if self._manager.has_plugin(about.name):
            raise PluginError(f"two plugins are named {about.name!r}")
        try:
            plugin = load()
            written = written_for(plugin, self.hooks_version, _distribution(about))
            with heard() as caught:
                self._manager.register(plugin, about.name)
            hooks = self._checked_hooks(plugin)
            old = warn_of(about.name, caught, hooks)
            offered = self._collect(about)
        except (Exception, SystemExit) as error:  # a plugin can raise anything while it is loaded
            if self._manager.has_plugin(about.name):
                self._manager.unregister(name=about.name)
            raise PluginError(f"plugin {about.name!r} was not loaded: {_reason(error)}") from error
        for kind, items in offered.items():
            self._components[kind] += items
        about = replace(about, hooks=hooks, written_for=written, deprecations=old)
        self.loaded.append(about)

    def _checked_hooks(self, plugin: object) -> tuple[str, ...]:
        callers = self._manager.get_hookcallers(plugin) or []
        specified = {name for name, caller in vars(self._manager.hook).items() if caller.has_spec()}
        hooks = {caller.name for caller in callers}
        if unknown := sorted(hooks - specified):
            hint = did_you_mean(unknown[0], specified)
            raise PluginError(f"it implements unknown hooks: {listed(unknown)}.{hint}")
        forgotten = {n for n in specified - hooks if inspect.isroutine(getattr(plugin, n, None))}
        if forgotten:
            raise PluginError(f"mark with @nas.hookimpl: {listed(forgotten)}")
        if not hooks:
            raise PluginError("it implements no hook; mark functions with @nas.hookimpl")
        impls = (impl for caller in callers for impl in caller.get_hookimpls())
        if any(impl.plugin is plugin and (impl.wrapper or impl.hookwrapper) for impl in impls):
            raise PluginError("hooks cannot be wrapped: a plugin sees no other plugin's answer")
        return tuple(sorted(hooks))

    def _collect(self, about: Loaded) -> dict[str, list[Registered]]:
        offered: dict[str, list[Registered]] = {}
        for kind, hook in KINDS.items():
            for impl in self._implementations(hook):
                if impl.plugin_name == about.name:
                    asked = partial(_asked, hook, impl, about)
                    offered.setdefault(kind, []).extend(self._call(about.name, hook, {}, asked))
        for kind, items in offered.items():
            Registry(kind, items)  # refuses a name that is given twice
        return offered

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Return them in the order of loading, but ``tryfirst`` first and ``trylast`` last.

        A plugin that implements what this hook replaces, and not this hook, has done its part.
        """
        found = self._of(hook)
        for old in self._replaced.get(hook, ()):
            done = {impl.plugin_name for impl in found}
            found += [impl for impl in self._of(old) if impl.plugin_name not in done]
        loaded = [name for name, _ in self._manager.list_name_plugin()]
        return sorted(found, key=lambda i: (i.trylast - i.tryfirst, loaded.index(i.plugin_name)))

    def _of(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller.get_hookimpls()

    def registry(self, kind: str) -> Registry:
        """Return all components of a kind (a key of ``KINDS``)."""
        missing = [p.error for p in self.loaded if p.error]
        if self._disabled:
            missing.append(f"disabled plugins: {listed(self._disabled)}")
        note = "".join(f" Note: {reason}." for reason in missing)
        return _REGISTRIES.get(kind, Registry)(kind, self._components[kind], note)

    def build(self, kind: str, ref: str, /, **params: Any) -> Any:
        """Build the component that ``ref`` names; see ``Registry.build``."""
        return self.registry(kind).build(ref, params)

    def tell(self, hook: str, /, **what: object) -> None:
        """Tell every plugin of an event; one that raises is logged and the rest are still told.

        A plugin that fails for every trial is not logged for every trial.
        """
        self.tell_all(hook, [what])

    def tell_all(self, hook: str, /, events: Sequence[Mapping[str, object]]) -> None:
        """Tell every plugin of several events, one after the other."""
        implementations = self._implementations(hook)
        for what in events:
            for impl in implementations:
                given = {name: what[name] for name in impl.argnames}
                try:
                    self._call(impl.plugin_name, hook, given, partial(impl.function, **given))
                except Exception as error:  # noqa: BLE001 - a plugin can raise anything
                    self._failed(impl.plugin_name, hook, error)

    def _failed(self, plugin: str, hook: str, error: Exception) -> None:
        """Log a failure in full the first time, and then each time they are ten times as many."""
        self._failures[plugin, hook] += 1
        times = self._failures[plugin, hook]
        if times == 1:
            trace = None if isinstance(error, NASError) else error
            log.error("plugin %s failed in %s: %s", plugin, hook, _reason(error), exc_info=trace)
        elif str(times).strip("0") == "1":
            text = "plugin %s has failed %d times in %s, the last time: %s"
            log.error(text, plugin, times, hook, _reason(error))

    def names(self) -> Iterator[str]:
        """Yield the names of the plugins that work."""
        return (plugin.name for plugin in self.loaded if not plugin.error)


def switched_off() -> frozenset[str]:
    """Return the names of the plugins that ``NAS_DISABLE_PLUGINS`` leaves out."""
    return frozenset(filter(None, map(str.strip, os.environ.get(DISABLE, "").split(","))))


def _replaced(manager: pluggy.PluginManager) -> dict[str, list[str]]:
    """Return by hook the deprecated ones that it replaces."""
    replaced: dict[str, list[str]] = {}
    for name, caller in vars(manager.hook).items():
        warning = caller.spec.warn_on_impl if caller.has_spec() else None
        if isinstance(warning, hookspecs.HookDeprecation):
            replaced.setdefault(warning.instead, []).append(name)
    return replaced


def _distribution(about: Loaded) -> str:
    return "" if about.distribution == FROM_FILE else about.distribution


def _about(entry: EntryPoint) -> Loaded:
    dist = entry.dist
    return Loaded(entry.name, dist.name if dist else "", dist.version if dist else "")


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, NASError) else f"{type(error).__name__}: {text}"


def _asked(hook: str, implementation: pluggy.HookImpl, about: Loaded) -> list[Registered]:
    """Return what a registration hook returns; raise ``PluginError`` if it is not components."""
    items: object = implementation.function()
    if not isinstance(items, Iterable):
        raise PluginError(f"{hook} must return a list of Components, not {type(items).__name__}")
    found = list(items)
    for item in found:
        if not isinstance(item, Component):
            raise PluginError(
                f"{hook} must return a list of Components; this one holds {type(item).__name__}"
            )
    return [Registered(item, about.name, about.distribution, about.version) for item in found]
