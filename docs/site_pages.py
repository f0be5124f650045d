"""What MkDocs does with this folder beyond its own rules; see ``hooks`` of mkdocs.yml.

The pages are written to be read in the repository as well. So a link may lead to any file of it:
on the site, files outside this folder that are linked to have a page each.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

FILES = "files"
"""Where pages of files outside this folder are on the site."""
LANGUAGES = {
    ".md": "",
    ".py": "python",
    ".sh": "sh",
    ".toml": "toml",
    ".txt": "text",
    ".yml": "yaml",
}
"""Files that have pages, by suffix."""
FEW = 20
"""A folder of at most so many such files shows them; of a larger one it is told what it holds."""

LINK = re.compile(r"^```.*?^```$|`[^`\n]+`|\]\((?P<target>[^)\s]+)\)", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]+`")
UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n"


def on_config(config: Any) -> None:
    """Spell out ``FOLDER/*.md`` of the nav: the index, and pages in the order of its links.

    Pages that are not there are left out: those that are there and not in it are an error anyway.
    """
    config.nav = list(_spelt_out(config.nav, Path(config.docs_dir)))


def on_files(files: Any, *, config: Any) -> None:
    """Add a page for every file outside this folder that the nav or a page leads to."""
    root, docs = _roots(config)
    texts = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    waiting = [path for uri, text in texts for _, path in _links(text, _source(uri, docs))]
    waiting += [_source(uri, docs) for uri in _leaves(config.nav) if uri.startswith(f"{FILES}/")]
    while waiting:
        path = waiting.pop()
        page = _page_of(path, root, docs)
        if page and files.get_file_from_path(page) is None:
            content = _content(root / path, path)
            hidden = InclusionLevel.NOT_IN_NAV
            files.append(File.generated(config, page, content=content, inclusion=hidden))
            waiting += [further for _, further in _links(content, _source(page, docs))]


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Point links to the site's pages, and read tables and consoles as GitHub does."""
    root, docs = _roots(config)
    uri = page.file.src_uri
    targets = {}
    for target, path in _links(markdown, _source(uri, docs)):
        found = _page_of(path, root, docs)
        if found is None and posixpath.dirname(path).partition("/")[0] == docs:
            found = posixpath.relpath(path, docs)
        if found:
            anchor = target.partition("#")[1] + target.partition("#")[2]
            targets[target] = posixpath.relpath(found, posixpath.dirname(uri)) + anchor
    return _as_on_github(LINK.sub(lambda match: _led(match, targets), markdown))


def _led(match: re.Match[str], targets: dict[str, str]) -> str:
    target = match["target"]
    return f"]({targets[target]})" if target in targets else match[0]


def _as_on_github(markdown: str) -> str:
    """Unescape bars of code in tables; show commands that have no prompt as such."""

    def row(match: re.Match[str]) -> str:
        return CODE.sub(lambda code: code[0].replace("\\|", "|"), match[0])

    return ROW.sub(row, markdown).replace("```console\n", "```sh\n")


def _roots(config: Any) -> tuple[Path, str]:
    """Return the repository, and the name of this folder in it."""
    docs = Path(config.docs_dir)
    return docs.parent, docs.name


def _source(uri: str, docs: str) -> str:
    """Return what a page was made of, from the repository's root."""
    start, _, rest = uri.partition("/")
    return rest.removesuffix(".md") if start == FILES else f"{docs}/{uri}"


def _links(text: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield each relative link and the path that it leads to, from the repository's root."""
    for match in LINK.finditer(text):
        target = match["target"]
        if target and not re.match(r"[a-z]+:|#", target):
            path = target.partition("#")[0]
            yield target, posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


def _page_of(path: str, root: Path, docs: str) -> str | None:
    """Return the page that shows a file or folder outside this folder; None if there is none."""
    if path == docs or path.startswith((f"{docs}/", "..")):
        return None
    found = root / path
    if found.is_dir():
        return f"{FILES}/{path}/index.md"
    return f"{FILES}/{path}.md" if found.is_file() and found.suffix in LANGUAGES else None


def _content(found: Path, path: str) -> str:
    if found.is_dir():
        return f"{UNSEARCHED}# `{path}`\n\n" + "\n".join(_listed(found))
    text = found.read_text(encoding="utf-8")
    if found.suffix == ".md":
        return text
    return f"{UNSEARCHED}# `{path}`\n\n````{LANGUAGES[found.suffix]}\n{text.rstrip()}\n````\n"


def _listed(folder: Path) -> Iterable[str]:
    below = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.suffix in LANGUAGES)
    shown = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    if len(shown) <= FEW:
        return [f"- [`{path.as_posix()}`]({path.as_posix()})" for path in shown]
    here = sorted({path.parts[0] + "/" * (len(path.parts) > 1) for path in shown})
    return [f"- `{name}`" for name in here]


def _leaves(nav: Iterable[Any]) -> Iterator[str]:
    for entry in nav:
        value = entry if isinstance(entry, str) else next(iter(entry.values()))
        yield from [value] if isinstance(value, str) else _leaves(value)


def _spelt_out(nav: Iterable[Any], docs: Path) -> Iterator[Any]:
    for entry in nav:
        if isinstance(entry, str):
            if (docs / entry).exists():
                yield entry
            continue
        ((title, value),) = entry.items()
        if isinstance(value, str):
            yield {title: _pages_of(docs, value[:-5]) if value.endswith("/*.md") else value}
        else:
            yield {title: list(_spelt_out(value, docs))}


def _pages_of(docs: Path, folder: str) -> list[str]:
    index = (docs / folder / "index.md").read_text(encoding="utf-8")
    linked = [path for _, path in _links(index, f"{folder}/index.md")]
    order = dict.fromkeys(path for path in linked if posixpath.dirname(path) == folder)
    every = sorted(path.relative_to(docs).as_posix() for path in (docs / folder).glob("*.md"))
    first = f"{folder}/index.md"
    return [first, *order, *(path for path in every if path not in order and path != first)]
