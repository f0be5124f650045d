"""Planted defects prove the suite: each law has a broken component that it alone catches."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.plugins import KINDS, PluginFile, Plugins
from nas.testing import Subject, check_all, laws_of, subjects
from nas.testing.law import EVERY, declared

FILES = sorted((Path(__file__).parent / "conformance").glob("broken_*.py"))


def planted() -> list[Subject]:
    plugins = Plugins([PluginFile.read(file) for file in FILES])
    return [subject for file in FILES for subject in subjects(plugins, file.stem)]


PLANTED = planted()


@pytest.mark.parametrize("subject", PLANTED, ids=lambda subject: subject.id)
def test_a_defect_is_caught_by_its_law_and_by_no_other(subject: Subject) -> None:
    outcomes = list(check_all(subject))
    broken = [outcome for outcome in outcomes if outcome.verdict == "broken"]
    name = subject.registered.component.name
    assert [outcome.law.name for outcome in broken] == [name], [o.text for o in broken]
    (found,) = broken
    assert found.law.sentence in found.text
    assert found.law.page in found.text
    assert subject.registered.full_name in found.text
    assert len(found.text.splitlines()) >= 3, "it says what was broken"


@pytest.mark.parametrize("kind", [EVERY, *KINDS])
def test_every_law_has_a_defect(kind: str) -> None:
    laws_of(next(iter(KINDS)) if kind == EVERY else kind)
    owner = "broken_every" if kind == EVERY else f"broken_{kind}"
    found = [s.registered.component.name for s in PLANTED if s.registered.plugin == owner]
    assert sorted(found) == sorted(law.name for law in declared(kind))
