"""``nas plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import Column, Listing, print_json, print_table, stdout
from nas.cli.text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.plugins import Plugins


def load_plugins(files: Sequence[str] | None) -> Plugins:
    """Load what is installed, and plugin files. Raises ``PluginError`` on a file that fails."""
    from nas.plugins import PluginFile, Plugins

    return Plugins([PluginFile.read(path) for path in files or ()])


def plugins(plugin: PluginFiles = None, as_json: AsJson = False) -> None:
    """List every component by kind, where it comes from, and which plugins are broken."""
    import logging

    # the table names broken plugins itself
    logging.getLogger("nas.plugins").setLevel(logging.ERROR)
    loaded = load_plugins(plugin)
    components = _components(loaded)
    if as_json:
        print_json({"components": components, "plugins": _sources(loaded)})
        return
    _print_components(components)
    _print_sources(loaded)


def _components(loaded: Plugins) -> list[dict[str, Any]]:
    from nas.plugins import KINDS

    return [
        {
            "kind": kind,
            "name": item.component.name,
            "full_name": item.full_name,
            "plugin": item.plugin,
            "distribution": item.distribution,
            "version": item.version,
            "summary": item.component.summary,
            "reference": item.component.reference,
        }
        for kind in KINDS
        for item in loaded.registry(kind)
    ]


def _sources(loaded: Plugins) -> list[dict[str, Any]]:
    return [
        {
            "name": source.name,
            "distribution": source.distribution,
            "version": source.version,
            "hooks": list(source.hooks),
            "error": source.error or None,
        }
        for source in loaded.loaded
    ]


def _print_components(components: Sequence[dict[str, Any]]) -> None:
    """A kind is written once, where it begins."""
    kinds = [component["kind"] for component in components]
    begins = [i == 0 or kinds[i - 1] != kind for i, kind in enumerate(kinds)]
    rows = [
        {**component, "kind": component["kind"] if first else ""}
        for component, first in zip(components, begins, strict=True)
    ]
    columns = [
        Column("kind"),
        Column("name"),
        Column("plugin"),
        Column("summary", show=one_line, wrap=True),
    ]
    print_table(Listing(columns, rows))


def _print_sources(loaded: Plugins) -> None:
    console = stdout()
    console.print()
    working = [source for source in _sources(loaded) if source["error"] is None]
    for source in working:
        names = sorted(hook.removeprefix("nas_").replace("_", " ") for hook in source["hooks"])
        source["offers"] = ", ".join(names)
    columns = [
        Column("name", "plugin"),
        Column("distribution"),
        Column("version"),
        Column("offers", wrap=True),
    ]
    print_table(Listing(columns, working), console)
    broken = [source for source in _sources(loaded) if source["error"] is not None]
    for source in broken:
        origin = " ".join(filter(None, (source["distribution"], source["version"])))
        console.print()
        console.print(f"✗ {plain(source['name'])} ({plain(origin)})", style="bold red")
        console.print(f"  {one_line(source['error'])}")
