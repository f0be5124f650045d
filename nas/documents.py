"""TOML files, checked into frozen models; an error says what would work."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.errors import ConfigError
from nas.suggest import did_you_mean, did_you_mean_file, listed


class Model(BaseModel):
    """A table of a TOML file: frozen, and without keys that nobody asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Document(Model):
    """A whole TOML file."""

    @classmethod
    def load(cls, path: str | Path, overrides: Iterable[str] = ()) -> Self:
        """Read a TOML file.

        Args:
            path: of the file.
            overrides: such as ``stop.trials=12``; a value is TOML, or else a plain text.

        Raises:
            ConfigError: the file cannot be read, or something in it does not fit.
        """
        return cls.parse(read(path, overrides), source=str(path))

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "config") -> Self:
        """Check a mapping such as ``tomllib`` gives. Raises ``ConfigError``."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{source}: {_explain(cls, error)}") from None

    def changed(self, overrides: Iterable[str]) -> Self:
        """Return it with other values; see ``load``. Raises ``ConfigError``."""
        values = self.to_dict()
        for one in overrides:
            override(values, one)
        return type(self).parse(values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; ``parse`` is its inverse."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        return plain


def read(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Read a TOML file as it is; see ``Document.load``. Raises ``ConfigError``."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        nearest = did_you_mean_file(Path(path))
        raise ConfigError(
            f"config {str(path)!r} cannot be read: {error.strerror}.{nearest}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"config {str(path)!r} is no UTF-8 text: {error}") from None
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"config {str(path)!r} is not TOML: {error}") from None
    for one in overrides:
        override(values, one)
    return values


def override(values: dict[str, Any], override: str) -> None:
    """Set one value, such as ``stop.trials=12``. Raises ``ConfigError``."""
    key, separator, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not separator or not all(parts):
        raise ConfigError(f"--set {override!r}: write key=value, such as stop.trials=12")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = values
    for part in parts[:-1]:
        if isinstance(table.get(part), str):
            table[part] = {"name": table[part]}
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override!r}: {part!r} is no table")
    if isinstance(table.get(parts[-1]), dict) and isinstance(value, str):
        value = {"name": value}
    table[parts[-1]] = value


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    problems = error.errors()
    # a list with a bad item counts as too short as well
    told = [
        one
        for one in problems
        if one["type"] != "too_short"
        or not any(_within(other["loc"], one["loc"]) for other in problems)
    ]
    return "; ".join(_explain_one(model, problem) for problem in told[:5])


def _within(inner: Sequence[Any], outer: Sequence[Any]) -> bool:
    return len(inner) > len(outer) and tuple(inner[: len(outer)]) == tuple(outer)


def _explain_one(model: type[BaseModel], problem: Any) -> str:
    where = problem["loc"]
    shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, where[:-1])
        return f"unknown key {shown!r}.{did_you_mean(str(where[-1]), known)} Known: {listed(known)}"
    if problem["type"] == "missing":
        return f"{shown!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    value = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{shown or 'config'}: {message[:1].lower()}{message[1:]}{value}"


def _fields_at(model: type[BaseModel], where: Sequence[Any]) -> list[str]:
    for part in where:
        if part in model.model_fields:  # else it is an index, or a key that the user chose
            model = next(_models(model.model_fields[part].annotation), model)
    return [name for name in model.model_fields if name != "parameters"]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(values: Mapping[str, Any]) -> str:
    """Return plain values as TOML, without what is None or an empty table.

    Raises:
        ConfigError: a value that TOML does not have.
    """
    return "\n\n".join(block for block in _blocks(values, ()) if block) + "\n"


def _blocks(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    kept = {key: value for key, value in values.items() if value is not None}
    tables = {key: value for key, value in kept.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(kept[key])}" for key in kept if key not in tables]
    if path and lines:
        lines.insert(0, f"[{'.'.join(map(_key, path))}]")
    yield "\n".join(lines)
    for key, table in tables.items():
        yield from _blocks(table, (*path, key))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        kept = {key: one for key, one in value.items() if one is not None}
        return f"{{{', '.join(f'{_key(key)} = {_value(one)}' for key, one in kept.items())}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    raise ConfigError(f"TOML has no {type(value).__name__}: {value!r}")
