"""Importing trials: from tables and from Optuna, all of them or none."""

from __future__ import annotations

import csv
import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nas
from nas import ArchiveError, ConfigError, Status, StudyError
from nas.archive.import_csv import import_csv
from nas.archive.import_optuna import import_optuna
from nas.plugins import PluginFile, Plugins

PLUGINS = Plugins([PluginFile.read(toys.TOY)])
TOY: dict[str, Any] = {"space": "toy", "plugins": PLUGINS, "objectives": ["total", "spread:max"]}
CELL = "|{}~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def table(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


class TestCsv:
    def test_rows_become_trials(self, path: Path) -> None:
        text = (
            "architecture,error,params,acc,note,error@1,error@2,seconds,status,failure_message\n"
            f"{CELL.format('none')},0.25,100,75,a,0.5,0.25,1.5,,\n"
            f"{CELL.format('skip_connect')},0.5,50,,b,0.75,,2,complete,\n"
            f"{CELL.format('skip_connect')},,,,c,,,,FAILED,out of memory\n"
            f"{CELL.format('none')},0.5,200,50,d,,,0,,\n"
        )
        file = write(path.with_name("runs.csv"), text)
        done = import_csv(
            path,
            file,
            space="nas201",
            parameters={"cells": 1, "channels": 8},
            objectives=["error:min", "params"],
            metrics=["acc"],
        )
        assert (done.study.name, done.front, done.unused) == ("runs", 2, ("note",))
        assert done.trials == {Status.COMPLETE: 3, Status.FAILED: 1}
        with nas.Archive(path) as archive:
            first, second, failed, last = archive.trials("runs")
            assert [t.number for t in archive.front("runs")] == [0, 1]
            assert dict(first.metrics) == {"error": 0.25, "params": 100.0, "acc": 75.0}
            assert dict(second.metrics) == {"error": 0.5, "params": 50.0}
            assert (failed.status, failed.failure) == (
                Status.FAILED,
                nas.Failure("error", "out of memory"),
            )
            assert first.architecture == last.architecture  # evaluated twice: two trials
            assert archive.canonical_id(first.id) == archive.canonical_id(last.id)
            assert archive.curve(first.id) == (
                nas.CurvePoint(1, {"error": 0.5}),
                nas.CurvePoint(2, {"error": 0.25}),
            )
            assert first.seconds == 1.5
            state = archive.state("runs")
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            assert (state.status, state.reason) == (
                "finished",
                f"imported from runs.csv (sha256 {sha256})",
            )
            said = [c for c in archive.components("runs") if c.role == "import"]
            assert said[0].parameters == {"file": "runs.csv", "sha256": sha256}
            assert [goal.unit for goal in archive.study("runs").goals] == ["", "parameters"]

    @given(st.data())
    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_what_is_written_down_comes_back(self, tmp_path: Path, data: st.DataObject) -> None:
        space = PLUGINS.build("space", "toy")
        number = st.floats(allow_nan=False, allow_infinity=False)
        drawn = data.draw(st.lists(st.tuples(st.integers(0, 124), number, number), min_size=1))
        members = list(space.architectures())
        rows = [
            {**members[i], "total": repr(total), "spread": repr(spread)}
            for i, total, spread in drawn
        ]
        path = tmp_path / "laws.db"
        path.unlink(missing_ok=True)
        import_csv(path, table(tmp_path / "laws.csv", rows), **TOY)
        with nas.Archive(path) as archive:
            found = [
                (t.architecture, t.metrics["total"], t.metrics["spread"]) for t in archive.trials()
            ]
            assert found == [(members[i], total, spread) for i, total, spread in drawn]
            losses = [(total, -spread) for _, total, spread in drawn]
            naive = {
                i
                for i, a in enumerate(losses)
                if not any(b[0] <= a[0] and b[1] <= a[1] and b != a for b in losses)
            }
            assert {t.number for t in archive.front()} == naive

    def test_our_own_export_comes_back(
        self, path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from typer.testing import CliRunner

        from nas.cli.main import app

        toys.run(toys.config(objectives=["total", "spread"]), path)
        listed = CliRunner().invoke(app, ["trials", str(path), "--csv"]).stdout
        file = write(path.with_name("again.csv"), listed)
        done = import_csv(path, file, objectives=TOY["objectives"], like="toy", plugins=PLUGINS)
        assert done.study.name == "again"
        with nas.Archive(path) as archive:
            old, new = archive.trials("toy"), archive.trials("again")
            assert [(t.architecture, dict(t.metrics), t.seed, t.status) for t in old] == [
                (t.architecture, dict(t.metrics), t.seed, t.status) for t in new
            ]
            numbers = [[t.number for t in archive.front(name)] for name in ("toy", "again")]
            assert numbers[0] == numbers[1]

    def test_bad_rows_are_named_and_none_is_taken(self, path: Path) -> None:
        text = (
            "d0;d1;d2;total;spread;status\n"
            "0;1;2;3;1;\n0;1;9;3;1;\n0;1;2;;1;\n0;1;2;x;1;\n0;1;;3;1;\n0;1;2;3;1;complet\n"
        )
        with pytest.raises(ArchiveError) as error:
            import_csv(path, write(path.with_name("t.csv"), text), **TOY)
        said = str(error.value)
        assert "5 of 6 rows cannot be imported, so none was" in said
        assert "line 3: decision 'd2' cannot be '9'" in said
        assert "It is one of 0, 1, 2, 3, 4" in said
        assert "line 4: total is empty" in said
        assert "line 5: total is 'x', which is no finite number" in said
        assert "line 6: decision 'd2' is missing" in said
        assert "line 7: status 'complet' is none. Did you mean 'complete'?" in said
        assert not path.exists()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("d0,d1,d2,total,spread\n", "has no rows"),
            ("", "has no rows"),
            ("d0,d1,d2,total,sprad\n0,0,0,0,0\n", "no column 'spread'. Did you mean 'sprad'?"),
            ("a,total,spread\n0,0,0\n", "no column has architectures"),
            ("d0,d0,d2,total,spread\n0,0,0,0,0\n", "several columns are called 'd0'"),
            ("d0,d1,d2,total,spread\n0,0,0,0\n", "line 2 has 4 values"),
            ("d0,d1,d2,total,spread,seed\n0,0,0,0,0,1.5\n", "seed is 1.5; expected a whole"),
            ("d0,d1,d2,total,spread,seconds\n0,0,0,0,0,-1\n", "seconds is -1"),
            ("d0,d1,d2,total,spread\n0,0,0,inf,0\n", "total is 'inf'"),
        ],
    )
    def test_tables_that_do_not_fit(self, path: Path, text: str, said: str) -> None:
        with pytest.raises((ArchiveError, ConfigError), match=said.replace("?", r"\?")):
            import_csv(path, write(path.with_name("t.csv"), text), **TOY)
        assert not path.exists()

    def test_a_file_that_is_none(self, path: Path) -> None:
        with pytest.raises(ArchiveError, match="cannot be read"):
            import_csv(path, path.with_name("none.csv"), **TOY)
        binary = path.with_name("b.csv")
        binary.write_bytes(b"a\xff")
        with pytest.raises(ArchiveError, match="no UTF-8"):
            import_csv(path, binary, **TOY)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"objectives": []}, "at least one"),
            ({"objectives": ["total", "total:max"]}, "each objective once"),
            ({"objectives": ["d0"]}, "nobody knows which way"),
            ({"objectives": ["d0:mx"]}, "write d0:min or d0:max. Did you mean 'max'"),
            ({"space": None}, "say which space"),
            ({"like": "s"}, "say which space"),
        ],
    )
    def test_options_that_do_not_fit(self, path: Path, options: Any, said: str) -> None:
        file = write(path.with_name("t.csv"), "d0,d1,d2,total,spread\n0,0,0,1,1\n")
        with pytest.raises(ConfigError, match=said):
            import_csv(path, file, **{**TOY, **options})

    def test_a_study_of_that_name_is_left_alone(self, path: Path) -> None:
        file = write(path.with_name("t.csv"), "d0,d1,d2,total,spread\n0,0,0,1,1\n")
        import_csv(path, file, **TOY)
        with pytest.raises(ArchiveError, match="has a study 't' already"):
            import_csv(path, file, **TOY)
        import_csv(path, file, study="u", **TOY)
        with nas.Archive(path) as archive:
            assert [len(archive.trials(s)) for s in archive.studies()] == [1, 1]
            assert len({s.evaluation for s in archive.studies()}) == 1

    def test_nothing_is_left_of_a_transaction_that_fails(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from nas.archive import importing

        def full(*_: object) -> None:
            raise ArchiveError("database or disk is full")

        monkeypatch.setattr(importing, "set_status", full)
        file = write(path.with_name("t.csv"), "d0,d1,d2,total,spread\n0,0,0,1,1\n")
        with pytest.raises(ArchiveError, match="disk is full"):
            import_csv(path, file, **TOY)
        with nas.Archive(path) as archive:
            assert archive.studies() == []

    def test_rows_that_never_ended_are_left_out(self, path: Path) -> None:
        text = "d0,d1,d2,total,spread,status\n0,0,0,,,paused\n0,0,1,1,1,\n0,0,2,,,cancelled\n"
        done = import_csv(path, write(path.with_name("t.csv"), text), **TOY)
        assert (done.skipped, done.trials) == (2, {Status.COMPLETE: 1})


class TestAfterwards:
    def test_it_warm_starts_a_search_and_cannot_go_on(self, path: Path) -> None:
        rows = [{"d0": i, "d1": 0, "d2": 0, "total": i, "spread": i} for i in (3, 1, 2)]
        import_csv(path, table(path.with_name("known.csv"), rows), **TOY)
        with pytest.raises(StudyError, match="was imported"):
            nas.resume(path, "known", plugins=[toys.TOY])
        warm = {"studies": ["known"]}
        values = toys.config(stop={"trials": 3}, warm_start=warm, strategy="climb")
        with pytest.raises(StudyError, match="evaluated in another way"):
            toys.run(values, path)
        warm["any_evaluation"] = True  # type: ignore[assignment]
        result = toys.run(values, path)
        with nas.Archive(path) as archive:
            assert len(archive.trials(result.study)) == 3
        assert toys.rows(path, "SELECT source, trials, same FROM warm_starts") == [("known", 3, 0)]
        toys.run(toys.config(study="other", stop={"trials": 5}, warm_start=warm), path)


def optuna_study(storage: str, directions: Sequence[str] = ("minimize",), n: int = 12) -> Any:
    made = optuna.create_study(
        study_name="o",
        storage=storage,
        directions=list(directions),
        sampler=optuna.samplers.RandomSampler(seed=0),
    )

    def objective(trial: optuna.Trial) -> float | tuple[float, ...]:
        digits = [trial.suggest_int(f"d{i}", 0, 4) for i in range(3)]
        trial.set_user_attr("spread", max(digits) - min(digits))
        trial.set_user_attr("note", "text")
        if len(directions) > 1:
            return float(sum(digits)), float(digits[0])
        for step in (1, 2):
            trial.report(float(sum(digits)) / step, step)
        if trial.number == 3:
            raise optuna.TrialPruned
        if trial.number == 4:
            raise RuntimeError("no")
        return float(sum(digits))

    made.optimize(objective, n_trials=n, catch=(RuntimeError,))
    return made


class TestOptuna:
    def test_trials_states_curves_and_attributes(self, path: Path) -> None:
        file = path.with_name("o.db")
        made = optuna_study(f"sqlite:///{file}")
        made.ask()  # a trial that runs
        before = file.read_bytes()
        done = import_optuna(
            path, f"sqlite:///{file}", "o", space="toy", objectives=["total"], plugins=PLUGINS
        )
        assert done.trials == {Status.COMPLETE: 10, Status.STOPPED: 1, Status.FAILED: 1}
        assert (done.skipped, done.unused) == (1, ("note",))
        assert file.read_bytes() == before
        with nas.Archive(path) as archive:
            trials = archive.trials("o")
            for old, new in zip(made.trials, trials, strict=False):
                assert dict(new.architecture) == old.params
                assert new.number == old.number
                if new.status is Status.COMPLETE:
                    assert new.metrics["total"] == old.value
                assert new.metrics["spread"] == old.user_attrs["spread"]
            assert trials[4].failure is not None
            assert trials[3].budget == 2
            first = made.trials[0].value
            assert archive.curve(trials[0].id) == (
                nas.CurvePoint(1, {"total": first}),
                nas.CurvePoint(2, {"total": first / 2}),
            )
            best = min(t.value for t in made.trials if t.state.name == "COMPLETE")
            assert {t.metrics["total"] for t in archive.front("o")} == {best}
            assert f"Optuna {optuna.__version__}" in archive.state("o").reason
            about = next(c for c in archive.components("o") if c.role == "import")
            assert (about.distribution, about.version) == ("optuna", optuna.__version__)

    def test_the_front_is_the_one_that_optuna_finds(self, path: Path) -> None:
        journal = path.with_name("o.log")
        storage = optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(journal))
        )
        made = optuna_study(storage, ("minimize", "maximize"), n=30)  # type: ignore[arg-type]
        before = journal.read_bytes()
        with pytest.raises(ConfigError, match="was to"):
            import_optuna(
                path, journal, "o", space="toy", objectives=["total:max", "b"], plugins=PLUGINS
            )
        import_optuna(path, journal, "o", space="toy", objectives=["total", "b"], plugins=PLUGINS)
        with nas.Archive(path) as archive:
            assert {t.number for t in archive.front("o")} == {t.number for t in made.best_trials}
        assert journal.read_bytes() == before

    def test_what_does_not_fit_is_refused_or_skipped(self, path: Path) -> None:
        file = path.with_name("o.db")
        made = optuna.create_study(study_name="o", storage=f"sqlite:///{file}")
        ints = optuna.distributions.IntDistribution(0, 9)
        rate = optuna.distributions.FloatDistribution(0, 1)
        for last in (4, 7, 2):
            made.add_trial(
                optuna.create_trial(
                    params={"d0": 1, "d1": 1, "third": last, "rate": 0.5},
                    distributions={"d0": ints, "d1": ints, "third": ints, "rate": rate},
                    value=float(last),
                )
            )
        options: dict[str, Any] = {"space": "toy", "objectives": ["total"], "plugins": PLUGINS}

        def run(**more: Any) -> Any:
            return import_optuna(path, file, "o", **options, **more)

        with pytest.raises(ArchiveError, match="trial 0: parameter 'third' is no decision"):
            run()
        with pytest.raises(ArchiveError, match="with --ignore rate"):
            run(mapping={"third": "d2"})
        with pytest.raises(ArchiveError, match=r"1 of 3 trials.*trial 1: decision 'd2'"):
            run(mapping={"third": "d2"}, ignore=["rate"])
        with pytest.raises(ConfigError, match="no decision 'd3'"):
            run(mapping={"third": "d3"})
        with pytest.raises(ConfigError, match=r"no trial has a parameter 'thrid'\. Did you mean"):
            run(mapping={"thrid": "d2"})
        assert not path.exists()
        done = run(mapping={"third": "d2"}, ignore=["rate"], skip_others=True)
        assert (done.skipped, done.trials) == (1, {Status.COMPLETE: 2})
        with nas.Archive(path) as archive:
            assert [t.number for t in archive.trials("o")] == [0, 2]

    def test_broken_constraints_are_infeasible(self, path: Path) -> None:
        file = path.with_name("o.db")
        made = optuna.create_study(study_name="o", storage=f"sqlite:///{file}")
        ints = optuna.distributions.IntDistribution(0, 4)
        for value, broken in ((1.0, 2.0), (2.0, -1.0)):
            made.add_trial(
                optuna.create_trial(
                    params={"d0": 1, "d1": 1, "d2": 1},
                    distributions=dict.fromkeys(("d0", "d1", "d2"), ints),
                    value=value,
                    constraints={"memory": broken},
                )
            )
        import_optuna(path, file, "o", space="toy", objectives=["total"], plugins=PLUGINS)
        with nas.Archive(path) as archive:
            assert [t.violation for t in archive.trials("o")] == [2.0, 0.0]
            assert [t.number for t in archive.front("o")] == [1]

    def test_storages_that_are_none(self, path: Path) -> None:
        options: dict[str, Any] = {"space": "toy", "objectives": ["total"], "plugins": PLUGINS}
        with pytest.raises(ArchiveError, match="cannot be read: No such file"):
            import_optuna(path, "sqlite:///none.db", "o", **options)
        toys.run(toys.config(), path)
        with pytest.raises(ArchiveError, match="no Optuna storage"):
            import_optuna(path.with_name("b.db"), path, "o", **options)
        file = path.with_name("o.db")
        optuna.create_study(study_name="digits", storage=f"sqlite:///{file}")
        with pytest.raises(ArchiveError, match=r"no study 'digit'\. Did you mean 'digits'\?"):
            import_optuna(path, file, "digit", **options)
        with pytest.raises(ConfigError, match="1 values for each trial"):
            import_optuna(path, file, "digits", space="toy", plugins=PLUGINS)
        with pytest.raises(ArchiveError, match="cannot be read by Optuna") as error:
            import_optuna(path, "nodb://me:secret@host/x", "o", **options)
        assert "secret" not in str(error.value)


def test_hyper_parameters_of_a_space_are_decisions_too(path: Path) -> None:
    hyper = {"rate": {"low": 0.0, "high": 1.0, "points": 3}}
    rows = [{"d0": 0, "d1": 0, "d2": 0, "hyper.rate": r, "total": 1.0} for r in ("0.5", "1")]
    file = table(path.with_name("h.csv"), rows)
    import_csv(
        path,
        file,
        space="toy",
        parameters={"hyper": hyper},
        objectives=["total"],
        plugins=PLUGINS,
    )
    with nas.Archive(path) as archive:
        assert [t.architecture["hyper.rate"] for t in archive.trials()] == [0.5, 1.0]
        nas.Config.parse(archive.study().config)


def test_numbers_survive_exactly(path: Path) -> None:
    values = [random.Random(0).uniform(-1e9, 1e9), 5e-324, 1.7976931348623157e308, -0.0]
    rows = [
        {"d0": 0, "d1": 0, "d2": 0, "total": repr(v), "spread": "1", "more": repr(v)}
        for v in values
    ]
    file = table(path.with_name("t.csv"), rows)
    import_csv(path, file, all_metrics=True, **TOY)
    with nas.Archive(path) as archive:
        assert [t.metrics["more"] for t in archive.trials()] == values
        assert all(math.isfinite(t.losses[0]) for t in archive.trials())
