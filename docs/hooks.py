"""Write what hooks/*.md take from the code: signatures, classes, built-in components, laws.

Each hook has a page. Its example and what stands between the marks are one file: the example is
written by hand, the parts between marks by ``python docs/hooks.py``.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from abc import ABC
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from writing import plain, write

from nas import hookspecs
from nas.plugins import KINDS, OURS, Plugins
from nas.testing import laws_of
from nas.testing.laws.every import CLASSES

FOLDER = Path(__file__).with_suffix("")
API = FOLDER.with_name("api")
BEGIN, END = "<!-- {} by docs/hooks.py -->\n", "<!-- end of {} -->\n"

REGISTRATION = """\
- **called**: once in each process that loads plugins, the command and every worker, when the
  plugin has been imported
- **in what order**: of plugins' names; plugin files after those that are installed
- **returns**: a list of `nas.Component`, or any iterable; it may be empty
- **if it raises**: the plugin is left out whole, and `nas plugins` lists it with the error
- **may**: nothing else: no files, no threads, no heavy imports outside of what is built
"""
EVENT = """\
- **called**: in the driver, when what it tells of is in the archive
- **in what order**: of plugins' names; `@nas.hookimpl(tryfirst=True)` and `trylast=True` move one
  to an end
- **takes**: as many of its arguments as it names
- **returns**: nothing; what is returned is ignored
- **if it raises**: the error is logged, the other plugins are still told, and the search goes on
- **may**: not change what it is given; the search waits until it returns
"""
COMMAND = """\
- **called**: at most once in a process, for `nas --help` and for a command that is not built in
- **of**: installed plugins; those of `--plugin` files are not asked
- **returns**: nothing; what is returned is ignored
- **if it raises**: there is a warning, and the other commands are there
"""


def hooks() -> dict[str, ast.FunctionDef]:
    """Return the source of every hook's specification by name, in its order on the page."""
    tree = ast.parse(inspect.getsource(hookspecs))
    marked = f"{hookspecs.PROJECT}_spec"
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name: f for f in functions if hasattr(getattr(hookspecs, f.name), marked)}


def pages() -> dict[Path, str]:
    """Return every page as it should be.

    Raises:
        FileNotFoundError: a hook has no page.
    """
    plugins = Plugins(disabled=())
    kinds = {hook: kind for kind, hook in KINDS.items()}
    found = {}
    for name, hook in hooks().items():
        page = FOLDER / f"{name}.md"
        if not page.exists():
            raise FileNotFoundError(
                f"{page}: write it with an example; copy the marks of another page of this folder"
            )
        text = _with(page.read_text(encoding="utf-8"), "call", _call(hook, kinds))
        found[page] = _with(text, "more", "\n".join(_more(name, kinds.get(name), plugins)))
    index = FOLDER / "index.md"
    found[index] = _with(index.read_text(encoding="utf-8"), "hooks", _index(kinds))
    return found


def _with(page: str, name: str, text: str) -> str:
    before, begin, rest = page.partition(BEGIN.format(name))
    _, end, after = rest.partition(END.format(name))
    if not begin or not end:
        raise ValueError(f"{page[:30]!r}... lacks {BEGIN.format(name)!r} or {END.format(name)!r}")
    return f"{before}{begin}\n{text.strip()}\n\n{end}{after}"


def _index(kinds: Mapping[str, str]) -> str:
    lines = ["| hook | what |", "|---|---|"]
    for name, hook in hooks().items():
        lines.append(f"| [`{name}({_names(hook)})`]({name}.md) | {_first(hook)} |")
    return "\n".join(lines)


def _call(hook: ast.FunctionDef, kinds: Mapping[str, str]) -> str:
    returns = f" -> {ast.unparse(hook.returns)}" if hook.returns else ""
    told, arguments = _documented(ast.get_docstring(hook) or "")
    rows = [f"| `{name}` | {_annotation(hook, name)} | {text} |" for name, text in arguments]
    table = ["| argument | type | what |", "|---|---|---|", *rows, ""] if rows else []
    facts = (
        REGISTRATION
        if hook.name in kinds
        else EVENT
        if hook.args.args[0].arg == "study"
        else COMMAND
    )
    signature = ["```py", f"def {hook.name}({ast.unparse(hook.args)}){returns}", "```", ""]
    return "\n".join([*signature, told, "", *table, facts])


def _annotation(hook: ast.FunctionDef, name: str) -> str:
    (found,) = (a.annotation for a in hook.args.args if a.arg == name)
    text = ast.unparse(found) if found else ""
    page, anchor = _documented_as(rf"nas\.(?:\w+\.)?{re.escape(text)}")
    return f"[`{text}`](../api/{page}#{anchor})" if page else f"`{text}`"


def _documented_as(pattern: str) -> tuple[str, str]:
    """Return the page of the reference and the name that is documented; empty if none is."""
    for page in sorted(API.glob("*.md")):
        if found := re.search(rf"^::: ({pattern})$", page.read_text(encoding="utf-8"), re.M):
            return page.name, found[1]
    return "", ""


def _more(name: str, kind: str | None, plugins: Plugins) -> Iterator[str]:
    if kind is None:
        ours = [p.name for p in plugins.loaded if p.distribution == OURS and name in p.hooks]
        listed = ", ".join(f"`{plugin}`" for plugin in ours) or "none"
        yield f"## Built-in plugins that implement it\n\n{listed}"
        return
    for one in CLASSES[kind]:
        if one is not Mapping:
            yield from _class(one)
    yield f"## Built-in\n\nWith their parameters: [components.md](../components.md#{kind}).\n"
    yield "| name | what |\n|---|---|"
    for item in plugins.registry(kind):
        if item.distribution == OURS:
            summary = item.component.summary.replace("|", "\\|")
            yield f"| `{item.component.name}` | {summary} |"
    yield f"\n## Laws\n\n`nas plugins check` holds a {kind} to the laws of"
    yield "[every component](../conformance.md#every-component), and to these:\n"
    for law in laws_of(kind):
        if law.kind == kind:
            yield f"- [{law.name}](../{law.page.partition('/')[2]}): {law.sentence}"


def _class(one: type) -> Iterator[str]:
    told, attributes = _documented(inspect.getdoc(one) or "")
    yield f"## The class `nas.{one.__name__}`\n\n{told}\n"
    yield f"Arguments, types and errors are in [the reference]({_reference(one)}).\n"
    inherited = [_documented(inspect.getdoc(base) or "")[1] for base in _bases(one)[1:]]
    known = dict(entry for group in (*reversed(inherited), attributes) for entry in group)
    if known:
        yield "Attributes and parameters:\n"
        yield from (f"- `{name}`: {text}" for name, text in known.items())
        yield ""
    members = _members(one)
    others = "You may override:" if issubclass(one, ABC) else "Methods:"
    for title, chosen in (
        ("You write:", [m for m in members if _has(m, "abstractmethod")]),
        (others, [m for m in members if not _has(m, "abstractmethod", "final")]),
        ("The rest follows, and is final:", [m for m in members if _has(m, "final")]),
    ):
        if chosen:
            yield f"{title}\n"
            yield from (f"- `{_spelt(member)}`: {_first(member)}" for member in chosen)
            yield ""


def _reference(one: type) -> str:
    """Return where the class stands in the reference."""
    page, anchor = _documented_as(rf"nas\.{one.__name__}")
    if not page:
        raise LookupError(f"no page of {API} has nas.{one.__name__}: run `python docs/api.py`")
    return f"../api/{page}#{anchor}"


def _bases(one: type) -> list[type]:
    return [base for base in one.__mro__ if base.__module__.startswith("nas.")]


def _members(one: type) -> list[ast.FunctionDef]:
    """Return what it declares or inherits, as the nearest class has it; nothing private."""
    found: dict[str, ast.FunctionDef] = {}
    for base in _bases(one):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.setdefault(node.name, node)
    return list(found.values())


def _has(member: ast.FunctionDef, *decorators: str) -> bool:
    return any(ast.unparse(d) in decorators for d in member.decorator_list)


def _spelt(member: ast.FunctionDef) -> str:
    returns = ast.unparse(member.returns) if member.returns else ""
    if _has(member, "property", "cached_property"):
        return f"{member.name}: {returns}"
    return f"{member.name}({_names(member)}) -> {returns}"


def _names(function: ast.FunctionDef) -> str:
    return ", ".join(a.arg for a in function.args.args if a.arg not in ("self", "cls"))


def _first(function: ast.FunctionDef) -> str:
    """Return the first sentence of its docstring."""
    return plain((ast.get_docstring(function) or "").partition("\n")[0])


def _documented(docstring: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what a docstring says, and the entries of its Args and Attributes."""
    parts = re.split(r"^(?:Args|Attributes):\n", docstring, flags=re.MULTILINE)
    entries = [entry for part in parts[1:] for entry in _entries(part)]
    paragraphs = [plain(" ".join(p.split())) for p in parts[0].strip().split("\n\n")]
    return "\n\n".join(paragraphs), entries


def _entries(section: str) -> Iterable[tuple[str, str]]:
    indented = re.split(r"\n(?=\S)", section)[0]
    for found in re.finditer(r"^    (\w+): (.*(?:\n     +\S.*)*)", indented, re.MULTILINE):
        yield found[1], plain(" ".join(found[2].split()))


if __name__ == "__main__":
    write(pages())
