"""``nas plugins``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from nas.cli import conformance
from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import Column, Listing, print_json, stdout
from nas.cli.tables import print_table
from nas.text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.plugins import Plugins


app = typer.Typer(rich_markup_mode=None)
app.command()(conformance.check)
app.command()(conformance.show)


def load_plugins(files: Sequence[str] | None) -> Plugins:
    """Load what is installed, and plugin files. Raises ``PluginError`` on a file that fails."""
    from nas.plugins import PluginFile, Plugins

    return Plugins([PluginFile.read(path) for path in files or ()])


@app.callback(invoke_without_command=True)
def plugins(ctx: typer.Context, plugin: PluginFiles = None, as_json: AsJson = False) -> None:
    """List what plugins offer, and the plugins that are broken."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = plugin
        return
    with _unwarned():  # the table names broken plugins itself
        loaded = load_plugins(plugin)
    components = _components(loaded)
    sources = _sources(loaded)
    if as_json:
        version = loaded.hooks_version
        print_json({"components": components, "plugins": sources, "hooks_version": version})
    else:
        _print_components(components)
        _print_sources(sources, components)
        stdout().print(f"\nhooks {loaded.hooks_version}")


@contextmanager
def _unwarned() -> Iterator[None]:
    import logging

    logger = logging.getLogger("nas.plugins")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


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
            **_facts(item.component.build),
        }
        for kind in KINDS
        for item in loaded.registry(kind)
    ]


def _facts(build: object) -> dict[str, Any]:
    """Return what a proxy's class says of itself; nothing for other components."""
    from nas.abstract.proxy import Proxy

    if not (isinstance(build, type) and issubclass(build, Proxy)):
        return {}
    names = ("formula", "applies_to", "needs_data", "needs_targets", "batch", "cost")
    return {name: getattr(build, name) for name in names}


def _sources(loaded: Plugins) -> list[dict[str, Any]]:
    return [
        {
            "name": source.name,
            "distribution": source.distribution,
            "version": source.version,
            "hooks": list(source.hooks),
            "written_for": source.written_for or None,
            "deprecations": list(source.deprecations),
            "error": source.error or None,
        }
        for source in loaded.loaded
    ]


def _print_components(components: Sequence[dict[str, Any]]) -> None:
    """A kind is written once, where it begins; a name that two plugins use, in full."""
    names = Counter((component["kind"], component["name"]) for component in components)
    rows = []
    before = None
    for component in components:
        kind, name = component["kind"], component["name"]
        shown = name if names[kind, name] == 1 else component["full_name"]
        rows.append({**component, "kind": "" if kind == before else kind, "name": shown})
        before = kind
    columns = [Column("kind"), Column("name"), Column("summary", show=one_line, wrap=True)]
    print_table(Listing(columns, rows))


def _print_sources(sources: Sequence[dict[str, Any]], components: Sequence[dict[str, Any]]) -> None:
    console = stdout()
    console.print()
    working = [source for source in sources if source["error"] is None]
    rows = [{**source, "offers": _offers(source, components)} for source in working]
    columns = [
        Column("name", "plugin"),
        Column("distribution"),
        Column("version"),
        Column("offers", wrap=True),
    ]
    print_table(Listing(columns, rows), console)
    for source in sources:
        if source["error"] is not None:
            origin = " ".join(filter(None, (source["distribution"], source["version"])))
            console.print(f"\n✗ {plain(source['name'])} ({plain(origin)})", style="bold red")
            console.print(f"  {one_line(source['error'])}")


def _offers(source: dict[str, Any], components: Sequence[dict[str, Any]]) -> str:
    """Name its components, and the hooks that bring none: events and commands."""
    from nas.plugins import KINDS

    own = [c["name"] for c in components if c["plugin"] == source["name"]]
    own += [hook for hook in source["hooks"] if hook not in KINDS.values()]
    return ", ".join(own)
