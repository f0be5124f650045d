"""Architectures: members of their space, with the canonical ids that this gives them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nas.architecture import Architecture
from nas.archive.findings import Case, Finding, some
from nas.errors import NASError

if TYPE_CHECKING:
    from nas.abstract.space import Space

SAMPLE = 1_000
"""Architectures of a space that are examined, unless all are."""


def architectures(case: Case) -> Iterator[Finding]:
    """Decisions, canonical ids and texts agree, as far as the spaces can be built here."""
    from nas.plugins import Plugins

    spaces = case.connection.execute("SELECT id, name, parameters FROM spaces").fetchall()
    plugins = (case.plugins or Plugins()) if spaces else None
    for id_, name, parameters in spaces:
        assert plugins is not None
        try:
            space: Space = plugins.build("space", name, **json.loads(parameters))
        except (NASError, ValueError, TypeError) as error:
            case.remarks.append(
                f"architectures: those of {name} were not examined, for it cannot be built here "
                f"({error}); --plugin FILE.py loads a plugin file"
            )
            continue
        wrong: dict[str, list[int]] = {}
        for row in _sample(case, id_, name):
            if why := _why(space, *row[1:]):
                wrong.setdefault(why, []).append(row[0])
        for why, ids in wrong.items():
            yield Finding(
                "architectures",
                f"rows {some(ids)} ({name}) {why}",
                "the space has changed since, or somebody else has changed the file; the same "
                "network may be taken for two, or two for one",
                "use the version of the plugin that the table components names, or a copy",
            )


def _sample(case: Case, space: int, name: str) -> list[tuple[Any, ...]]:
    sql = "SELECT id FROM architectures WHERE space = ? ORDER BY id"
    ids = [id_ for (id_,) in case.connection.execute(sql, (space,))]
    if len(ids) > SAMPLE and not case.everything:
        case.remarks.append(
            f"architectures: {SAMPLE:,} of {len(ids):,} of {name} were examined (--all: every one)"
        )
        ids = sorted(random.Random(0).sample(ids, SAMPLE))
    sql = """SELECT id, canonical_id, decisions, text FROM architectures
        WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"""
    return case.connection.execute(sql, (json.dumps(ids),)).fetchall()


def _why(space: Space, canonical_id: str, decisions: str, text: str | None) -> str:
    """Return what is wrong with an architecture; empty if nothing is."""
    try:
        architecture = space.architecture(Architecture.from_json(decisions))
    except (NASError, ValueError, TypeError):
        return "are no members of their space"
    try:
        if space.canonical_id(architecture) != canonical_id:
            return "have another canonical id than their space gives them"
        if text is not None and space.parse(text) != architecture:
            return "have the text of another architecture"
    except NASError:
        return "have a text that their space cannot read"
    except Exception as error:  # noqa: BLE001 - a plugin's space can raise anything
        return f"make their space raise {type(error).__name__}"
    return ""
