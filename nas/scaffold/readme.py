"""The parts of a new plugin's README that depend on what is in it."""

from __future__ import annotations

from collections.abc import Sequence

from nas.scaffold import licences
from nas.scaffold.config import filled
from nas.scaffold.kinds import Kind
from nas.scaffold.naming import Names


def texts(names: Names, kinds: Sequence[Kind], licence: str) -> dict[str, str]:
    """Return, by the template's fields, what README.md says of these kinds."""
    modules = [f"`{names.package}/{kind.component}.py`" for kind in kinds]
    contracts = [f"`python -m pydoc nas.abstract.{kind.name}`" for kind in kinds]
    return {
        "kinds": several([f"{_article(kind.name)} {kind.name}" for kind in kinds]),
        "components": "\n".join(
            f"| `{names.plugin}:{kind.component}` | {kind.name} | {kind.summary} |"
            for kind in kinds
        ),
        "uses": _uses(names, kinds),
        "modules": several(modules),
        "contracts": several(contracts),
        "licence": (
            "None was chosen: nobody else may copy or change it until you add one."
            if licence == licences.NONE
            else f"{licence}, see [LICENSE](LICENSE)."
        ),
    }


def several(words: Sequence[str], most: int = 100) -> str:
    """Return ``a, b and c``; beyond ``most``, how many more."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _uses(names: Names, kinds: Sequence[Kind]) -> str:
    """Return commands for after the search, each with a comment."""
    lines = [
        f"{filled(command, names, kind)}  # {what}"
        for kind in kinds
        for command, what in kind.uses.items()
    ]
    return "\n```console\n" + "\n".join(lines) + "\n```\n" if lines else ""
