"""``nas savings``, ``nas front --budget`` and what else tells of stopped and paused trials."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nas as api
from nas import Status

Nas = Callable[..., Any]
RACERS = Path(__file__).parents[1] / "files" / "racers.py"
EPOCHS = 9

RACE = """
study = "race"
objectives = ["racers:error"]
space = "lanes"
evaluator = "racer"
strategy = "random"
window = 4
[stop]
trials = 16
[run]
executor = "inline"
"""


@pytest.fixture
def race(tmp_path: Path) -> Path:
    """A search over learning curves that cost nothing; it needs ``--plugin`` with ``RACERS``."""
    path = tmp_path / "race.toml"
    path.write_text(RACE)
    return path


def searched(folder: Path, **scheduler: Any) -> Path:
    path = folder / "a.db"
    config = {**tomllib.loads(RACE), "scheduler": scheduler}
    api.search(config, path, plugins=[RACERS])
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of which trials were stopped."""
    return searched(tmp_path_factory.mktemp("plain"), name="cut")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of which some trials went on that were to stop."""
    return searched(tmp_path_factory.mktemp("audited"), name="cut", audit=0.3)


def run(nas: Nas, race: Path, *more: str) -> Any:
    done = nas("search", race, "--plugin", RACERS, *more)
    assert done.code == 0, done.err
    return done


def document(nas: Nas, *words: object) -> Any:
    done = nas(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


class TestSavings:
    def test_what_is_told_adds_up(self, nas: Nas, audited: Path) -> None:
        told = document(nas, "savings", audited)
        with api.Archive(audited) as archive:
            trials = archive.trials()
        stopped = [trial for trial in trials if trial.status is Status.STOPPED]
        assert stopped
        assert (told["scheduler"], told["unit"], told["full_budget"]) == ("cut", "epoch", EPOCHS)
        assert told["trials"]["stopped"] == len(stopped)
        assert told["total"] == {
            "trials": 16,
            "spent": sum(trial.budget for trial in trials),
            "saved": sum(EPOCHS - trial.budget for trial in stopped),
            "full": 16 * EPOCHS,
        }
        assert sum(level["stop"] for level in told["decisions"]) == len(stopped)
        assert told["decisions"][0]["step"] == 1
        assert sum(v for k, v in told["decisions"][0].items() if k != "step") == 16

    def test_the_audit_is_what_the_audited_trials_show(self, nas: Nas, audited: Path) -> None:
        audit = document(nas, "savings", audited)["audit"]
        with api.Archive(audited) as archive:
            trials = {trial.id: trial for trial in archive.trials()}
            by_id = {
                id_: {ruling.verdict: ruling for ruling in reversed(archive.rulings(id_))}
                for id_ in trials
            }
        spared = {id_ for id_, verdicts in by_id.items() if "audit" in verdicts}
        assert spared
        complete = {id_: t for id_, t in trials.items() if t.status is Status.COMPLETE}
        best = min(t.metrics["error"] for id_, t in complete.items() if id_ not in spared)
        assert {one["id"] for one in audit["audited"]} == spared
        for one in audit["audited"]:
            own = trials[one["id"]].metrics["error"]
            assert one["lost"] == (own < best)
            assert one["regret"] == pytest.approx(max(0.0, best - own))
            assert one["behind"] == pytest.approx(own - best)
            assert one["reason"] == by_id[one["id"]]["audit"].reason
        assert audit["share"] == 0.3
        assert audit["regret_of"] == "error"
        assert audit["trials"] == audit["ended"] == len(spared)
        assert audit["lost"] == sum(one["lost"] for one in audit["audited"])
        assert 0 <= audit["lost_low"] <= audit["lost"] / audit["ended"] <= audit["lost_high"] <= 1

    def test_for_people(self, nas: Nas, audited: Path) -> None:
        out = nas("savings", audited).out
        told = document(nas, "savings", audited)
        total, audit = told["total"], told["audit"]
        first, *_ = out.splitlines()
        share = round(100 * total["saved"] / total["full"])
        assert first == (
            f"race, scheduler cut: {total['spent']} of 144 epochs spent, "
            f"{total['saved']} saved ({share} %)"
        )
        assert "What stopping lost" in out
        assert f"{audit['lost']} of {audit['ended']} would be missing from the front" in out
        assert "95 % interval 0 %" in out
        assert "So few say little." in out
        assert "The best of them: trial" in out

    def test_without_an_audit_nothing_is_claimed(self, nas: Nas, plain: Path) -> None:
        out = nas("savings", plain).out
        assert "Not known: every trial that was to stop was stopped." in out
        assert "nas search --audit 0.05" in out
        audit = document(nas, "savings", plain)["audit"]
        assert (audit["trials"], audit["lost_high"], audit["best"]) == (0, None, None)

    def test_paused_trials_are_counted_and_not_audited(self, nas: Nas, race: Path) -> None:
        run(nas, race, "--set", "scheduler=shelve")
        told = document(nas, "savings")
        assert told["spent"]["paused"]["trials"] == told["trials"]["paused"] > 0
        assert any(level["promote"] for level in told["decisions"])
        assert "pauses are not audited" in nas("savings").out

    def test_without_a_scheduler_nothing_was_saved(self, nas: Nas, race: Path) -> None:
        done = run(nas, race)
        assert "Scheduler" not in done.out
        assert "nas savings" not in done.out
        out = nas("savings").out
        assert out.startswith("race, no scheduler: 144 of 144 epochs spent, 0 saved (0 %)\n")
        assert "What stopping lost" not in out

    def test_before_a_trial_is_complete_the_evaluator_is_asked(self, nas: Nas, race: Path) -> None:
        run(nas, race, "--set", "scheduler=shelve", "--set", "stop.trials=2")
        told = document(nas, "savings", "--plugin", RACERS)
        assert told["trials"]["complete"] == 0
        assert told["full_budget"] == EPOCHS
        assert told["total"]["saved"] > 0
        unknown = document(nas, "savings")
        assert (unknown["full_budget"], unknown["total"]["saved"]) == (None, None)
        assert "cannot be known before a trial is complete" in nas("savings").out

    def test_any_study_can_be_asked(self, nas: Nas, archive: Path) -> None:
        out = nas("savings", archive).out
        assert out.startswith("digits, no scheduler: 60 of 60 epochs spent, 0 saved")


class TestSearch:
    def test_the_end_says_what_was_saved(self, nas: Nas, race: Path) -> None:
        assert "what that lost is not known" in run(nas, race, "--set", "scheduler=cut").out
        done = run(nas, race, "--archive", "b.db", "--set", "scheduler=cut", "--audit", "0.3")
        (line,) = [one for one in done.out.splitlines() if one.startswith("Scheduler cut: ")]
        assert "of 144 epochs spent" in line
        assert "would be missing from the front" in line
        assert "nas savings b.db race" in done.out
        assert "trial 2 stopped at budget 1: error " in done.err
        ended = done.err.splitlines()[-1]
        stopped = document(nas, "savings", "b.db")["trials"]["stopped"]
        assert f"; {stopped} stopped" in ended

    def test_audit_needs_a_scheduler(self, nas: Nas, race: Path) -> None:
        done = nas("search", race, "--plugin", RACERS, "--audit", "0.1")
        assert done.code == 2
        assert "this search has none: add --set scheduler=median" in done.err

    def test_audit_is_a_share(self, nas: Nas, race: Path) -> None:
        more = ("--plugin", RACERS, "--set", "scheduler=cut", "--audit", "5")
        assert nas("search", race, *more).code == 2

    def test_all_are_audited(self, nas: Nas, race: Path) -> None:
        run(nas, race, "--set", "scheduler=cut", "--audit", "1")
        told = document(nas, "savings")
        assert told["total"]["saved"] == 0
        assert told["audit"]["trials"] == told["audit"]["ended"] > 0
        assert told["audit"]["spent"] > 0
        assert document(nas, "front", "--budget", "9")["front"] == document(nas, "front")["front"]


class TestFront:
    def test_at_a_budget(self, nas: Nas, plain: Path) -> None:
        told = document(nas, "front", plain, "--budget", "1")
        with api.Archive(plain) as archive:
            first = {id_: curve[0].metrics["error"] for id_, curve in archive.curves().items()}
        best = min(first.values())
        assert told["budget"] == 1
        assert [(t["id"], t["metrics"], t["budget"], t["feasible"]) for t in told["front"]] == [
            (id_, {"error": best}, 1, True) for id_ in sorted(first) if first[id_] == best
        ]
        out = nas("front", plain, "--budget", "1").out
        assert out.startswith("Front of race at 1 of 9 epochs: 1 of 16 trials that came as far\n")
        assert "values at other budgets are not compared with it" in out

    def test_csv(self, nas: Nas, plain: Path) -> None:
        header, *rows = nas("front", plain, "--budget", "3", "--csv").out.splitlines()
        assert header.startswith("id,number,status,error,")
        assert len(rows) == 1

    def test_a_budget_that_nobody_has_reached(self, nas: Nas, plain: Path) -> None:
        done = nas("front", plain, "--budget", "10")
        assert (done.code, done.out) == (2, "")
        assert "has reported at a budget of 10, but at 1 to 9" in done.err

    def test_an_objective_of_a_plugin_file(self, nas: Nas, race: Path) -> None:
        run(nas, race, "--set", "scheduler=cut", "--set", 'objectives=["racers:error", "pace"]')
        done = nas("front", "--budget", "1")
        assert done.code == 2
        assert "racers" in done.err
        told = document(nas, "front", "--budget", "1", "--plugin", RACERS)
        assert all(set(trial["metrics"]) == {"error", "pace"} for trial in told["front"])


class TestTrials:
    def test_how_far_each_came(self, nas: Nas, plain: Path) -> None:
        out = nas("trials", plain).out
        assert "1 of 9 epochs" in out
        only = document(nas, "trials", plain, "--status", "stopped")["trials"]
        assert {trial["status"] for trial in only} == {"stopped"}
        assert all(trial["budget"] < EPOCHS for trial in only)
        assert nas("trials", plain, "--status", "stopped").out.startswith(
            f"race: {len(only)} stopped"
        )

    def test_a_trial_says_why_it_was_stopped(self, nas: Nas, plain: Path) -> None:
        stopped = document(nas, "trials", plain, "--status", "stopped")["trials"][0]
        out = nas("show", plain, stopped["id"], "--plugin", RACERS).out
        assert out.startswith(f"Trial {stopped['id']} of race: stopped\n")
        assert f"budget {stopped['budget']} of 9 epochs" in out
        assert f"Metrics after {stopped['budget']} of 9 epochs" in out
        told = document(nas, "show", plain, stopped["id"])
        assert told["rulings"][-1]["verdict"] == "stop"
        assert told["rulings"][-1]["step"] == stopped["budget"]
        assert told["full_budget"] == EPOCHS
        assert "Decisions\n" in out
        assert told["rulings"][-1]["reason"] in out

    def test_studies_and_status_count_them(self, nas: Nas, plain: Path) -> None:
        (study,) = document(nas, "studies", plain)
        stopped = study["by_status"]["stopped"]
        assert stopped > 0
        header, _, row = nas("studies", plain).out.splitlines()
        assert "stopped" in header
        assert "paused" not in header
        assert f" {stopped} " in row
        assert f"{stopped} stopped" in nas("status", plain).out
        assert f"beside them: {stopped} stopped" in nas("front", plain).out
