"""One evaluation on a Ray worker: another process, in which everything is built anew by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nas
from nas.errors import StudyError
from nas.plugins import PluginFile, Plugins
from nas.testing.evaluations import Curve, Place
from nas.testing.law import Inapplicable, broken
from nas.testing.subject import Subject

PATIENCE = 120.0
"""Seconds until a worker must have answered."""
_started = False


def evaluated_on_ray(subject: Subject, place: Place, task: nas.Task) -> dict[str, float]:
    """Return the metrics of a task that is done on a worker of a local Ray.

    Ray is started unless it runs already; it ends with ``end`` or with this process.

    Raises:
        Inapplicable: no Ray can be started here.
        ConformanceError: the evaluator raised on the worker, or cannot be built there.
    """
    evaluator: nas.Evaluator = subject.build()
    _start(evaluator)
    import ray
    import torch

    from nas.executors.ray_cluster import Needs

    options = {**Needs.of(evaluator).options(), "max_retries": 0}
    reference = ray.remote(**options)(_on_worker).remote(
        list(subject.plugins.files),
        subject.registered.full_name,
        dict(subject.parameters),
        place,
        task.architecture.to_json(),
        task.data,
        task.seed,
        torch.get_num_threads(),
    )
    metrics, problem = ray.get(reference, timeout=PATIENCE)
    if problem:
        broken(f"on a worker it raised {problem}")
    found: dict[str, float] = metrics
    return found


def end() -> None:
    """End the Ray that was started here, if any."""
    global _started
    if _started:
        import ray

        _started = False
        ray.shutdown()


def _start(evaluator: nas.Evaluator) -> None:
    global _started
    from nas.executors import ray_settings

    ray_settings.apply()
    from nas.executors.ray_cluster import connect

    try:
        _started = connect(None, evaluator, workers=1) or _started
    except StudyError as error:
        raise Inapplicable(str(error)) from error


def _on_worker(
    files: Sequence[PluginFile],
    name: str,
    parameters: Mapping[str, Any],
    place: Place,
    architecture: str,
    data: nas.SearchData | None,
    seed: int,
    threads: int,
) -> tuple[dict[str, float], str]:
    """Evaluate; return metrics and what it raised."""
    import torch

    from nas.named import with_parts

    torch.set_num_threads(threads)
    try:
        plugins = Plugins(files)
        evaluator: nas.Evaluator = with_parts(plugins, "evaluator", name, parameters)
        space = place.build(plugins)
        member = space.architecture(nas.Architecture.from_json(architecture))
        task = nas.Task(space, member, data, evaluator.budget, seed, used=evaluator.used)
        return dict(evaluator.evaluate(task, Curve()).metrics), ""
    except Exception as error:  # noqa: BLE001 - a component can raise anything
        return {}, f"{type(error).__name__}: {error}"
