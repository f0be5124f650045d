"""Writing a new plugin: everything is put together first, and then written."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import nas
from nas import hookspecs
from nas.errors import ConfigError
from nas.scaffold import licences
from nas.scaffold.config import search_config
from nas.scaffold.kinds import Kind
from nas.scaffold.naming import Names
from nas.scaffold.readme import several, texts

_ROOM = {".git"}
"""What a folder may hold already: a repository that was just created."""
_PERSON = re.compile(r"(?P<name>[^<>]*[^<>\s])(\s*<(?P<email>[^<>@\s]+@[^<>@\s]+)>)?")


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Args:
        names: of the plugin.
        kinds: at least one.
        licence: one of ``licences.LICENCES``.
        author: ``Name`` or ``Name <mail>``; empty if it is not said.
    """

    names: Names
    kinds: Sequence[Kind]
    licence: str
    author: str = ""


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        folder: of the distribution, as it was asked for.
        files: in it, relative.
        following: commands that come next.
    """

    folder: Path
    files: tuple[Path, ...]
    following: tuple[str, ...]


def write(wanted: Wanted, folder: Path) -> Written:
    """Write the distribution.

    Raises:
        ConfigError: the folder holds something, is a file, or the author is none.
        OSError: it cannot be written there.
    """
    contents = _contents(wanted)
    _check_room(folder)
    for path, text in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return Written(folder, tuple(map(Path, contents)), _following(folder))


def _check_room(folder: Path) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is a file; --folder names another place")
    found = {path.name for path in folder.iterdir()} - _ROOM if folder.is_dir() else set()
    if found:
        raise ConfigError(
            f"folder {str(folder)!r} is not empty: it holds {several(sorted(found), 3)}. "
            "Remove it, or name another one with --folder"
        )


def _following(folder: Path) -> tuple[str, ...]:
    here = folder.resolve() == Path.cwd()
    there = "" if here else f"cd {shlex.quote(str(folder))} && "
    return (f"{there}pip install -e '.[test]'", "python -m pytest", "nas search search.toml")


def _contents(wanted: Wanted) -> dict[str, str]:
    """Return every file's text, by its path in the folder."""
    names, kinds = wanted.names, wanted.kinds
    fields = {**_fields(wanted), **texts(names, kinds, wanted.licence)}
    found = {
        path: _filled(template, fields)
        for path, template in {
            "README.md": "README.md",
            "pyproject.toml": "pyproject.toml",
            ".gitignore": "gitignore",
            ".github/workflows/ci.yml": "ci.yml",
            f"{names.package}/__init__.py": "__init__.py",
            "tests/test_conformance.py": "test_conformance.py",
        }.items()
    }
    found["search.toml"] = search_config(names, kinds)
    found[f"{names.package}/py.typed"] = ""
    for kind in kinds:
        example = files("nas.scaffold.examples") / f"{kind.component}.py"
        found[f"{names.package}/{kind.component}.py"] = example.read_text("utf-8")
    if wanted.licence != licences.NONE:
        found["LICENSE"] = licences.text(wanted.licence, fields["author"])
    return dict(sorted(found.items()))


def _fields(wanted: Wanted) -> dict[str, str]:
    """Return what templates name."""
    names = wanted.names
    author, email = _person(wanted)
    about = ""
    if wanted.licence != licences.NONE:
        about += f'license = "{wanted.licence}"\nlicense-files = ["LICENSE"]\n'
    if wanted.author:
        mail = f', email = "{email}"' if email else ""
        about += f'authors = [{{ name = "{_quoted(author)}"{mail} }}]\n'
    ours = f"plugnas{_range(nas.__version__)}"
    needs = {ours, *(need for kind in wanted.kinds for need in kind.needs)}
    hooks = [_filled("hook", {**vars(names), **_facts(kind)}).rstrip("\n") for kind in wanted.kinds]
    return {
        **vars(names),
        "author": author,
        "about": about,
        "versions": _range(nas.__version__),
        "hook_versions": _range(hookspecs.VERSION),
        "dependencies": ", ".join(f'"{need}"' for need in sorted(needs)),
        "hooks": "\n".join(hooks),
    }


def _facts(kind: Kind) -> dict[str, str]:
    return {
        "name": kind.name,
        "hook": kind.hook,
        "component": kind.component,
        "builds": kind.builds,
        "summary": kind.summary,
    }


def _person(wanted: Wanted) -> tuple[str, str]:
    """Return name and address; without an author, who holds the copyright, and none."""
    if not wanted.author:
        return f"the authors of {wanted.names.distribution}", ""
    found = _PERSON.fullmatch(wanted.author.strip())
    if found is None or not wanted.author.isprintable():
        raise ConfigError(
            f"--author {wanted.author!r}: write a name, or a name and an address such as "
            "'Ada Lovelace <ada@example.org>'"
        )
    return found["name"], found["email"] or ""


def _quoted(text: str) -> str:
    """Return it as it stands in a basic string of TOML; it is printable."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _range(version: str) -> str:
    """Return the versions that work as this one does for a plugin, such as ``>=0.1,<0.2``."""
    major, minor = map(int, version.split(".")[:2])
    below = f"0.{minor + 1}" if major == 0 else str(major + 1)
    return f">={major}.{minor},<{below}"


def _filled(template: str, fields: Mapping[str, str]) -> str:
    text = (files("nas.scaffold") / "templates" / f"{template}.template").read_text("utf-8")
    return Template(text).substitute(fields)
