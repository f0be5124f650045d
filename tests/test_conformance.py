"""Our own components keep the promises of their kinds."""

from __future__ import annotations

from nas.testing import Law, Subject


def test_conformance(component: Subject, check: Law) -> None:
    check(component)
