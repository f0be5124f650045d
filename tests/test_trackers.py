"""MLflow and TensorBoard: silent unless asked, and never in a search's way."""

from __future__ import annotations

import logging
import math
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nas
from nas.pareto import hypervolume
from nas.study import Study
from nas_trackers import mlflow as mlflow_plugin
from nas_trackers import sending
from nas_trackers import tensorboard as tensorboard_plugin
from nas_trackers.sending import Sender

TOY = Path(__file__).parent / "files" / "toy.py"
BAD_NAME = "../../to y"


def search(folder: Path, **more: Any) -> Any:
    config = {
        "study": BAD_NAME,
        "objectives": ["total", "spread"],
        "space": "toy",
        "strategy": "listed",
        "evaluator": {"name": "tally", "on": 1, "mode": "raise"},
        "stop": {"trials": 40},
        "run": {"executor": "inline"},
        **more,
    }
    return nas.search(config, folder / "a.db", plugins=[TOY])


@pytest.fixture(autouse=True)
def nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NAS_MLFLOW", "NAS_TENSORBOARD"):
        monkeypatch.delenv(name, raising=False)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


class TestSwitch:
    def test_unasked_they_write_nothing(self, tmp_path: Path) -> None:
        threads = threading.active_count()
        search(tmp_path)
        assert {file.name for file in tmp_path.iterdir()} <= {"a.db", "a.db-shm", "a.db-wal"}
        assert threading.active_count() == threads

    @pytest.mark.parametrize("library", ["mlflow", "tensorboard"])
    def test_a_missing_library_is_one_error_that_names_the_extra(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        library: str,
    ) -> None:
        monkeypatch.setenv(f"NAS_{library.upper()}", str(tmp_path / "out"))
        monkeypatch.setattr("nas_trackers.switch.importlib.util.find_spec", lambda name: None)
        result = search(tmp_path)
        assert len(result.trials) == 40
        (said,) = messages(caplog)
        assert f"pip install 'plugnas[{library}]'" in said
        assert caplog.records[0].exc_info is None


class TestSender:
    def test_everything_arrives_in_order(self) -> None:
        got: list[int] = []
        sender: Sender[int] = Sender("server", got.extend)
        sender.start()
        for number in range(5_000):
            sender.put(number)
        sender.close()
        assert got == list(range(5_000))

    def test_what_fails_is_sent_again_and_told_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(sending, "PAUSES", (0.001, 0.002))
        got: list[int] = []
        failures = iter(range(5))
        enough = threading.Event()

        def send(items: Sequence[int]) -> None:
            if next(failures, None) is not None:
                raise ConnectionError("refused")
            got.extend(items)
            enough.set()

        sender: Sender[int] = Sender("server", send)
        sender.put(1)
        sender.start()
        assert enough.wait(20)
        sender.close()
        assert got == [1]
        assert messages(caplog) == ["server does not answer, the search goes on: refused"]

    def test_a_dead_server_costs_no_time_and_the_loss_is_counted(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(sending, "MOST", 10)

        def send(items: Sequence[int]) -> None:
            raise ConnectionError("refused")

        sender: Sender[int] = Sender("server", send)
        for number in range(25):
            sender.put(number)
        sender.start()
        sender.close()
        assert not sender.is_alive()
        first, last = messages(caplog)
        assert "does not answer" in first
        assert "was not told of 25 events" in last

    def test_a_hanging_server_does_not_hold_the_end_up(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(sending, "PATIENCE", 0.05)
        hang = threading.Event()
        sender: Sender[int] = Sender("server", lambda items: hang.wait(60) and None)
        sender.put(1)
        sender.start()
        sender.close()
        assert sender.is_alive()
        assert messages(caplog) == ["server was not told of 1 events; the archive has all"]
        hang.set()
        sender.join()


class FakeClient:
    """Keeps what MLflow's client is told; refuses what its server would."""

    def __init__(self, tracking_uri: str) -> None:
        self.calls: list[tuple[str, Any]] = []

    def get_experiment_by_name(self, name: str) -> None:
        return None

    def create_experiment(self, name: str) -> str:
        self.calls.append(("experiment", name))
        return "1"

    def create_run(self, experiment: str, tags: Any, run_name: str) -> Any:
        self.calls.append(("run", tags))
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))

    def log_batch(self, run: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
        assert len(metrics) <= 1000
        assert len(params) <= 100
        self.calls += [("metric", metric) for metric in metrics]
        self.calls += [("param", param) for param in params]

    def set_tag(self, run: str, key: str, value: str) -> None:
        self.calls.append(("tag", (key, value)))

    def set_terminated(self, run: str, status: str) -> None:
        self.calls.append(("end", status))


class TestMLflow:
    @pytest.mark.skipif(find_spec("mlflow") is None, reason="needs plugnas[mlflow]")
    @pytest.mark.filterwarnings("ignore")  # of the library
    def test_a_run_holds_every_trial(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("NAS_MLFLOW", (tmp_path / "runs").as_uri())
        result = search(tmp_path, study="toy")
        assert messages(caplog) == []
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=(tmp_path / "runs").as_uri())
        experiment = client.get_experiment_by_name("toy")
        assert experiment is not None
        (run,) = client.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        assert run.data.params["evaluator.mode"] == "raise"
        assert run.data.tags["nas.reason"] == "40 trials are done"
        told = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "total")}
        assert told == {t.number: t.metrics["total"] for t in result.trials if t.metrics}
        failed = client.get_metric_history(run.info.run_id, "trial/failed")
        assert sum(m.value for m in failed) == sum(t.failure is not None for t in result.trials)

    def test_what_is_sent_and_in_which_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def entity(*values: Any) -> Any:
            return values

        client = FakeClient("")
        monkeypatch.setattr(mlflow_plugin.Run, "_client", client)
        entities = SimpleNamespace(Metric=entity, Param=entity)
        monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
        config = {"study": "s", "data": None, "stop": {"trials": 2}}
        run = mlflow_plugin.Run("", Study("s", "a.db", (), config, 0, 8))
        point = mlflow_plugin.Point({"a b:c%": 0.5}, 3, 1000)
        run.send([mlflow_plugin.Begin(), point])
        run.send([mlflow_plugin.End("interrupted")])
        assert client.calls == [
            ("experiment", "s"),
            ("run", {"nas.archive": "a.db", "nas.version": nas.__version__}),
            ("param", ("study", "s")),
            ("param", ("stop.trials", "2")),
            ("metric", ("a b_c_", 0.5, 1000, 3)),
            ("tag", ("nas.reason", "interrupted")),
            ("end", "KILLED"),
        ]

    @pytest.mark.skipif(find_spec("mlflow") is None, reason="needs plugnas[mlflow]")
    @pytest.mark.filterwarnings("ignore")  # of the library
    def test_a_server_that_is_down_stops_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(sending, "PATIENCE", 0.2)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.setenv("NAS_MLFLOW", "http://127.0.0.1:9")
        assert len(search(tmp_path, study="toy").trials) == 40
        ours = [r for r in caplog.records if r.name.startswith("nas")]
        assert 1 <= len(ours) <= 2
        assert any("MLflow at http://127.0.0.1:9" in record.getMessage() for record in ours)


class TestStopped:
    """What a stopped trial had achieved has names of its own, and is no failure."""

    STUDY = Study("s", "a.db", (), {}, 0, 8)

    def trial(self, number: int, status: nas.Status) -> nas.Trial:
        architecture = nas.Architecture({"a": 1})
        return nas.Trial(number, architecture, status, metrics={"error": 0.5}, budget=3)

    def test_in_mlflow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[Any] = []
        sender = SimpleNamespace(put=told.append)
        monkeypatch.setitem(mlflow_plugin._sessions, ("a.db", "s"), sender)
        for number, status in enumerate((nas.Status.STOPPED, nas.Status.COMPLETE)):
            mlflow_plugin.nas_trial_finished(self.STUDY, self.trial(number, status))
        about = {"trial/seconds": 0.0, "trial/failed": 0.0}
        assert [point.metrics for point in told] == [
            {"stopped/error": 0.5, **about, "trial/stopped": 1.0},
            {"error": 0.5, **about, "trial/stopped": 0.0},
        ]

    def test_in_tensorboard(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[Any] = []
        writer = SimpleNamespace(add_scalar=lambda *scalar: told.append(scalar))
        library = SimpleNamespace(SummaryWriter=lambda folder: writer)
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", library)
        board = tensorboard_plugin.Board(tmp_path, self.STUDY)
        for number, status in enumerate((nas.Status.STOPPED, nas.Status.COMPLETE)):
            board.trial(self.trial(number, status))
        assert told == [
            ("stopped/error", 0.5, 0),
            ("trial/stopped", 1, 0),
            ("metrics/error", 0.5, 1),
            ("trial/seconds", 0.0, 1),
        ]


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs plugnas[tensorboard]")
@pytest.mark.filterwarnings("ignore")  # of the library
class TestTensorBoard:
    def test_every_trial_and_the_front(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        logs = tmp_path / "logs"
        monkeypatch.setenv("NAS_TENSORBOARD", str(logs))
        result = search(tmp_path)
        assert messages(caplog) == []
        (study,) = logs.iterdir()
        assert study.name == "______to_y"
        (session,) = study.iterdir()
        scalars = self.read(session)
        trials = [trial for trial in result.trials if trial.metrics]
        assert scalars["metrics/total"] == {t.number: t.metrics["total"] for t in trials}
        failed = sum(trial.failure is not None for trial in result.trials)
        assert max(scalars["trial/failed"].values()) == failed > 0
        volumes = scalars["front/hypervolume"]
        complete = [t for t in result.trials if t.status is nas.Status.COMPLETE]
        reference = [max(column) for column in zip(*(t.losses for t in complete[:16]), strict=True)]
        newest = volumes[max(volumes)]
        expected = hypervolume([trial.losses for trial in result.front], reference)
        assert math.isclose(newest, expected, rel_tol=1e-6)
        assert list(volumes.values()) == sorted(volumes.values())

    def read(self, folder: Path) -> dict[str, dict[int, float]]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        return {
            tag: {point.step: point.value for point in events.Scalars(tag)}
            for tag in events.Tags()["scalars"]
        }


def test_a_tracker_that_always_fails_is_not_told_for_every_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "import nas\n@nas.hookimpl\ndef nas_trial_finished():\n    raise OSError('server down')\n"
    )
    config = {
        "study": "s",
        "objectives": ["total"],
        "space": "toy",
        "strategy": "listed",
        "evaluator": "tally",
        "stop": {"trials": 101},
        "run": {"executor": "inline"},
    }
    with caplog.at_level(logging.WARNING):
        result = nas.search(config, tmp_path / "a.db", plugins=[TOY, plugin])
    assert len(result.trials) == 101
    first, tenth, hundredth = messages(caplog)
    assert "plugin broken failed in nas_trial_finished: OSError: server down" in first
    assert "failed 10 times" in tenth
    assert "failed 100 times" in hundredth
