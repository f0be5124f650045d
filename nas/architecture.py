"""One point of a search space: its decisions, immutable and hashable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

Value = bool | int | float | str
"""What a decision can be set to: anything JSON and SQLite hold without loss."""

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=1 << 16, typed=True)
def _item(name: str, value: Value) -> str:
    """Return one decision as JSON: a search writes the same few again and again."""
    if isinstance(value, float):
        value += 0.0  # -0.0 equals 0.0, so both are written as that
    return f"{_ENCODER.encode(name)}:{_ENCODER.encode(value)}"


class Architecture(Mapping[str, Value]):
    """The active decisions of one architecture, in the order of its space.

    Args:
        decisions: by name.
        reader: what has checked them: a space's decision tree, or nothing yet.

    Two architectures are equal when their decisions are; whether they are the same network is the
    space's question (``space.canonical_id``).
    """

    __slots__ = ("_hash", "_json", "_reader", "_values")

    def __init__(
        self,
        decisions: Mapping[str, Value] | Iterable[tuple[str, Value]],
        reader: object | None = None,
    ) -> None:
        self._values = dict(decisions)
        self._hash = hash(frozenset(self._values.items()))  # equality ignores order
        self._reader = reader
        self._json: str | None = None

    def was_read_by(self, reader: object) -> bool:
        """Tell whether ``reader`` made it, so that it need not be checked again."""
        return self._reader is reader

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Architecture):
            return NotImplemented
        return self._values == other._values

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self._values.items())
        return f"Architecture({inside})"

    def __reduce__(self) -> tuple[type[Architecture], tuple[dict[str, Value]]]:
        return Architecture, (self._values,)

    def to_json(self) -> str:
        """Return the decisions as compact JSON; ``from_json`` is its inverse."""
        if self._json is None:
            values = self._values
            self._json = f"{{{','.join(map(_item, values, values.values()))}}}"
        return self._json

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Read what ``to_json`` wrote. Raises ``ValueError`` on anything but a flat object."""
        values = json.loads(text)
        if not isinstance(values, dict) or not all(isinstance(v, Value) for v in values.values()):
            raise ValueError(f"expected a JSON object of plain values, not {text[:80]!r}")
        return cls(values)


def digest(form: str) -> str:
    """Return the 20 hexadecimal digits (80 bits) that stand for a canonical form."""
    return hashlib.blake2b(form.encode(), digest_size=10).hexdigest()
