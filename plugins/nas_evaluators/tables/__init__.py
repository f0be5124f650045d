"""Tables that come with the package, by name; docs/tables.md says how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import ConfigError

if TYPE_CHECKING:
    from nas import Space

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class NamedTable:
    """A table and the space that its architectures are from.

    Args:
        file: in this folder.
        summary: one line for ``nas plugins``.
        space: name and parameters of the space that was trained, as a config says them.
        judge: the metric that results are judged by, and nothing is chosen by.
    """

    file: str
    summary: str
    space: Mapping[str, Any]
    judge: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return _FOLDER / self.file

    def check(self, name: str, space: Space) -> None:
        """Raise ``ConfigError`` if networks of ``space`` are others than those of the table."""
        for key, fits in self.space.items():
            found = _plain(getattr(space, key, fits))
            if key != "name" and found != fits:
                raise ConfigError(
                    f"table {name!r} is of networks with {key} = {fits}, not {found}; "
                    f"expected space = {_toml(self.space)}"
                )

    def benchmark(self, name: str) -> dict[str, Any]:
        """Return what ``[[tables]]`` of a benchmark's config says of it, without ``name``."""
        return {
            "space": dict(self.space),
            "evaluator": {"name": "tabular", "path": name, "seconds": "seconds"},
            "objectives": ["error"],
            "judge": {"metric": self.judge},
        }


NAMED: Mapping[str, NamedTable] = {
    "digits-cells": NamedTable(
        file="digits_cells.csv.gz",
        summary="4,096 small NAS-Bench-201 cells without pooling, trained on digits, 2 seeds",
        space={
            "name": "nas201",
            "cells": 1,
            "channels": 4,
            "input_shape": [1, 8, 8],
            "classes": 10,
            "operations": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"],
        },
        judge="test_error",
    ),
}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _toml(values: Mapping[str, Any]) -> str:
    pairs = (f"{k} = {v!r}".replace("'", '"') for k, v in values.items())
    return "{ " + ", ".join(pairs) + " }"
