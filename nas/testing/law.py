"""A law: something that every component of a kind promises, and how it is checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from nas.errors import ConformanceError
from nas.testing.subject import Subject, UnbuildableError

EVERY = "component"
"""Stands for all kinds."""
PAGE = "docs/conformance.md"
_BY_KIND: dict[str, list[Law]] = {}


class Inapplicable(Exception):  # noqa: N818 - no error: the law has nothing to say here
    """The law has no meaning for this component; the message says why."""


@dataclass(frozen=True)
class Law:
    """What a component promises.

    Args:
        kind: of component, or ``EVERY``.
        name: words joined by ``-``, unique within its kind.
        sentence: what is promised.
        holds: raises ``ConformanceError`` with what was broken, or ``Inapplicable``; anything else
            that it raises came from the component. It may return a remark.
    """

    kind: str
    name: str
    sentence: str
    holds: Callable[[Subject], str | None]

    @property
    def page(self) -> str:
        """Where the documentation explains it."""
        return f"{PAGE}#{self.kind.replace('_', '-')}-{self.name}"

    def __call__(self, component: Subject) -> str:
        """Check a component; return a remark, empty if there is none.

        Raises:
            ConformanceError: it breaks the law.
            Inapplicable: the law has no meaning for it.
        """
        try:
            return self.holds(component) or ""
        except Inapplicable:
            raise
        except UnbuildableError as error:  # a law of its own says so, once
            raise Inapplicable(f"it cannot be built: {error}") from error
        except Exception as error:  # a component can raise anything
            raise ConformanceError(
                f"{component} breaks the law {self.name!r}: {self.sentence}\n"
                f"  {said(error)}\n  See {self.page}"
            ) from error


def law(kind: str) -> Callable[[Callable[[Subject], str | None]], Callable[[Subject], str | None]]:
    """Make a function a law; its name and the first line of its docstring are the law's."""

    def declare(holds: Callable[[Subject], str | None]) -> Callable[[Subject], str | None]:
        name = holds.__name__.replace("_", "-")
        sentence = (inspect.getdoc(holds) or "").partition("\n")[0]
        _BY_KIND.setdefault(kind, []).append(Law(kind, name, sentence, holds))
        return holds

    return declare


def declared(kind: str) -> list[Law]:
    """Return the laws of one kind alone, of the modules that are imported."""
    return list(_BY_KIND.get(kind, ()))


def said(error: BaseException) -> str:
    """Return what an error says; its type too unless it is a finding of ours."""
    text = str(error)
    return text if isinstance(error, ConformanceError) else f"{type(error).__name__}: {text}"


def broken(what: str) -> NoReturn:
    """Say what was broken."""
    raise ConformanceError(what)


def require(holds: object, what: str) -> None:
    """Say what was broken unless it holds."""
    if not holds:
        broken(what)
