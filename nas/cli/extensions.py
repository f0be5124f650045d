"""Commands that plugins add.

They are looked for only where they can matter: in ``nas --help`` and for an unknown command. The
plugins are imported, but not asked for their components, so that help stays quick.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from nas import tracing
from nas.errors import NASError
from nas.text import one_line


def plugin_commands(builtin: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Call every plugin's ``nas_commands``.

    Args:
        builtin: names that no plugin can take.

    Returns:
        The commands by name, and what is wrong, a line each: plugins that could not be imported,
        hooks that raised, names that were taken.
    """
    commands: dict[str, Any] = {}
    problems: list[str] = []
    call = tracing.traced if tracing.wanted() else tracing.untraced
    for name, hook in _hooks(problems):
        try:
            offered = call(name, "nas_commands", {}, partial(_collect, hook))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's hook can raise anything
            problems.append(_problem(name, "nas_commands raised", error))
            continue
        for command in offered:
            if command in builtin or command in commands:
                whose = "a built-in command" if command in builtin else "another plugin's"
                problems.append(f"plugin {name!r}: its command {command!r} is {whose}; left out")
            else:
                commands[command] = offered[command]
    return commands, problems


def _hooks(problems: list[str]) -> list[tuple[str, Any]]:
    from importlib.metadata import entry_points

    import pluggy

    from nas import hookspecs
    from nas.compatibility import heard, written_for
    from nas.plugins import switched_off

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    without = switched_off()
    for entry in sorted(entry_points(group=hookspecs.PROJECT), key=lambda entry: entry.name):
        if entry.name in without:
            continue
        try:
            plugin = entry.load()
            written_for(plugin, hookspecs.VERSION, entry.dist.name if entry.dist else "")
            with heard():  # what is deprecated is said where the plugin's components are asked for
                manager.register(plugin, entry.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing can raise anything
            problems.append(_problem(entry.name, "was not loaded", error))
    hooks = manager.hook.nas_commands.get_hookimpls()
    return [(impl.plugin_name, impl.function) for impl in hooks]


def _collect(hook: Any) -> dict[str, Any]:
    import typer

    own = typer.Typer(rich_markup_mode=None, add_completion=False)
    hook(own)
    return dict(typer.main.get_group(own).commands)


def _problem(plugin: str, what: str, error: BaseException) -> str:
    kind = "" if isinstance(error, NASError) else f"{type(error).__name__}: "
    return one_line(f"plugin {plugin!r}: {what}: {kind}{error}")
