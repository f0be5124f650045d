"""``nas plugins check`` and ``nas plugins show``."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson, PluginFiles
from nas.cli.output import Column, Listing, print_json, stdout
from nas.cli.tables import print_table
from nas.text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nas.plugins import Loaded, Plugins
    from nas.testing import Outcome, Subject

Name = Annotated[str, typer.Argument(metavar="NAME", help="A plugin or a component.")]
MaybeName = Annotated[
    str, typer.Argument(metavar="[NAME]", help="A plugin or a component. Default: all.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Name every law.")]

_MARKS = {"kept": "✓", "broken": "✗", "inapplicable": "-"}


def check(
    ctx: typer.Context,
    name: MaybeName = "",
    plugin: PluginFiles = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Check components against the laws of their kind."""
    from nas.testing import subjects

    loaded = load(ctx, plugin)
    rows = []
    for subject in subjects(loaded, name):
        outcomes = []
        for outcome in _outcomes(subject):
            outcomes.append(outcome)
            rows.append(_row(subject, outcome))
        if not as_json:
            _print_outcomes(subject, outcomes, verbose)
    broken = [plugin for plugin in loaded.loaded if plugin.error and not name]
    if as_json:
        print_json({"laws": rows, "not_loaded": {p.name: p.error for p in broken}})
    else:
        _print_summary(rows, broken)
    if broken or any(row["verdict"] == "broken" for row in rows):
        raise typer.Exit(1)


def show(
    ctx: typer.Context, name: Name, plugin: PluginFiles = None, as_json: AsJson = False
) -> None:
    """Show a plugin or component: parameters and origin."""
    from nas.testing import subjects

    loaded = load(ctx, plugin)
    found = list(subjects(loaded, name))
    owners = {subject.registered.plugin for subject in found} or {name}
    sources = [source for source in loaded.loaded if source.name in owners]
    components = [_described(subject) for subject in found]
    if as_json:
        plugins, version = [_source(s) for s in sources], loaded.hooks_version
        print_json({"plugins": plugins, "components": components, "hooks_version": version})
        return
    for source in sources:
        _print_source(source, loaded.hooks_version)
    for component in components:
        _print_component(component)


def load(ctx: typer.Context, files: Sequence[str] | None) -> Plugins:
    """Load what is installed, and the plugin files given before or after the command's name."""
    from nas.cli.plugins import load_plugins

    return load_plugins([*(ctx.obj or ()), *(files or ())])


def _outcomes(subject: Subject) -> Iterator[Outcome]:
    import warnings

    from nas.testing import check_all

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from check_all(subject)


def _row(subject: Subject, outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "component": subject.registered.full_name,
        "law": outcome.law.name,
        "verdict": outcome.verdict,
        "text": outcome.text,
        "page": outcome.law.page,
    }


def _print_outcomes(subject: Subject, outcomes: Sequence[Outcome], verbose: bool) -> None:
    console = stdout()
    times = Counter(outcome.verdict for outcome in outcomes)
    mark = _MARKS["broken" if times["broken"] else "kept"]
    left = times["inapplicable"]
    rest = f", {left} {'does' if left == 1 else 'do'} not apply" if left else ""
    kept = f"{times['kept']} of {times['kept'] + times['broken']} laws{rest}"
    style = "bold red" if times["broken"] else ""
    console.print(
        f"{mark} {subject.kind} {plain(subject.registered.full_name)}: {kept}", style=style
    )
    for outcome in outcomes:
        if outcome.verdict == "broken":
            for line in outcome.text.splitlines():
                console.print(f"    {plain(line)}")
        elif verbose:
            remark = f": {one_line(outcome.text)}" if outcome.text else ""
            console.print(f"    {_MARKS[outcome.verdict]} {outcome.law.name}{remark}")


def _print_summary(rows: Sequence[Mapping[str, Any]], broken: Sequence[Loaded]) -> None:
    console = stdout()
    for source in broken:
        console.print(f"✗ plugin {plain(source.name)}: {one_line(source.error)}", style="bold red")
    components = {(row["kind"], row["component"]) for row in rows}
    wrong = {(row["kind"], row["component"]) for row in rows if row["verdict"] == "broken"}
    console.print(f"\n{len(components) - len(wrong)} of {len(components)} components conform.")


def _described(subject: Subject) -> dict[str, Any]:
    component = subject.registered.component
    signature = inspect.signature(component.build)
    return {
        "kind": subject.kind,
        "name": component.name,
        "full_name": subject.registered.full_name,
        "summary": component.summary,
        "reference": component.reference,
        "description": inspect.getdoc(component.build) or "",
        "parameters": [_parameter(p) for p in signature.parameters.values()],
        "distribution": subject.registered.distribution,
        "version": subject.registered.version,
    }


def _parameter(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return name, type and default as they are written; empty where there is none."""
    annotation, default = parameter.annotation, parameter.default
    untyped = annotation is inspect.Parameter.empty
    required = default is inspect.Parameter.empty
    made = type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
    spelt = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return {
        "name": parameter.name,
        "type": "" if untyped else spelt,
        "default": "" if required else "..." if made else repr(default),
        "required": required and parameter.kind not in (parameter.VAR_KEYWORD,),
    }


def _source(source: Loaded) -> dict[str, Any]:
    return {
        "name": source.name,
        "distribution": source.distribution,
        "version": source.version,
        "hooks": list(source.hooks),
        "written_for": source.written_for or None,
        "deprecations": list(source.deprecations),
    }


def _print_source(source: Loaded, version: str) -> None:
    console = stdout()
    console.print(f"plugin {plain(source.name)}", style="bold")
    console.print(f"  from   {plain(source.distribution)} {plain(source.version)}")
    console.print(f"  hooks  {', '.join(source.hooks)}")
    console.print(f"  for    hooks {source.written_for or 'of any version'}; these are {version}")
    for text in source.deprecations:
        console.print(f"  !      {one_line(text)}")
    console.print(f"  check  nas plugins check {plain(source.name)}")


def _print_component(component: Mapping[str, Any]) -> None:
    console = stdout()
    console.print(f"\n{component['kind']} {plain(component['full_name'])}", style="bold")
    console.print(f"  {one_line(component['summary'])}")
    if component["reference"]:
        console.print(f"  {one_line(component['reference'])}")
    if component["parameters"]:
        columns = [
            Column("name", "parameter"),
            Column("type"),
            Column("default", show=lambda value: value or "required"),
        ]
        print_table(Listing(columns, component["parameters"]))
