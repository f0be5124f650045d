"""What a worker says when it can begin, or why it cannot, in words that say what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.executors.environment import unlike


@dataclass(frozen=True)
class Hello:
    """What a worker says.

    Args:
        where: machine and process.
        problem: why it cannot evaluate anything; empty if it can.
        versions: whether that is because of what is installed there.
    """

    where: str
    problem: str = ""
    versions: bool = False


def read_hello(text: str, required: Mapping[str, str]) -> Hello:
    """Read what ``WorkerActor.hello`` returned.

    Args:
        text: JSON: ``where``, and ``problem`` or the versions that were ``found`` instead.
        required: versions by distribution.
    """
    values: dict[str, Any] = json.loads(text)
    found = values.get("found", {})
    problem = unlike(required, found) if found else values.get("problem", "")
    return Hello(values["where"], problem, bool(found))
