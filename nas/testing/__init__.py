"""The conformance suite: what components of each kind promise, checked on any plugin.

In a plugin's tests, with pytest::

    def test_conformance(component, check):
        check(component)

From the command line, without pytest: ``nas plugins check NAME``. From Python: ``check_all``. Each
law says what was broken by raising ``ConformanceError``; docs/conformance.md lists them.
"""

from __future__ import annotations

from nas.errors import ConformanceError
from nas.testing.checking import Outcome, check_all, laws_of
from nas.testing.law import Inapplicable, Law
from nas.testing.subject import Subject, subjects

__all__ = [
    "ConformanceError",
    "Inapplicable",
    "Law",
    "Outcome",
    "Subject",
    "check_all",
    "laws_of",
    "subjects",
]
