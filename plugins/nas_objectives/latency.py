"""Latency: the time of a forward pass, and everything that the number depends on."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nas import MeasuredObjective, Measurement, NotApplicableError, checks

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "float64", "float16", "bfloat16")
DEFINITION = "wall time of one forward pass of a whole batch; eval mode, no gradients, random input"
CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Latency(MeasuredObjective):
    """Median wall time of one forward pass of a whole batch, in milliseconds; lower is better.

    It is measured where the network is, CPU or GPU, in eval mode and without gradients. The spread
    is half the interquartile range of the repeats.

    Args:
        batch: samples in a pass.
        threads: CPU threads; by default as many as the worker has.
        dtype: of weights and input: ``float32``, ``float64``, ``float16`` or ``bfloat16``.
        warmup: passes before the clock starts to count.
        repeats: passes that are timed one by one.
    """

    metric = "latency"
    unit = "ms"

    batch: int = 1
    threads: int | None = None
    dtype: str = "float32"
    warmup: int = 10
    repeats: int = 50

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("threads", 1), ("warmup", 0), ("repeats", 1)):
            value = getattr(self, name)
            if name == "threads" and value is None:
                continue
            checks.whole(name, value, least)
        checks.one_of("dtype", self.dtype, DTYPES)

    def measure(
        self, network: torch.nn.Module, input_shape: tuple[int, ...], threads: int
    ) -> Measurement:
        """Time the network; it, the number of threads and the random state are left as they were.

        Args:
            network: trained or not.
            input_shape: one sample, ``(channels, height, width)`` or ``(features,)``.
            threads: CPU threads of the worker, used unless the objective sets its own.

        Raises:
            NotApplicableError: the network is on a device whose clock this does not know.
        """
        import torch

        from nas.restore import untouched

        threads = self.threads or threads
        device = _device(network)
        with untouched(network):
            torch.set_num_threads(threads)
            network.eval().to(getattr(torch, self.dtype))
            inputs = self._inputs(input_shape, device)
            with torch.inference_mode():
                times = self._times(lambda: network(inputs), device)
        low, median, high = np.percentile(times, [25, 50, 75]).tolist()
        return Measurement(
            value=median,
            spread=(high - low) / 2,
            protocol={
                "definition": DEFINITION,
                "batch": self.batch,
                "input_shape": "x".join(map(str, input_shape)),
                "threads": threads,
                "dtype": self.dtype,
                "warmup": self.warmup,
                "repeats": self.repeats,
                "device": device.type,
                "device_name": _device_name(device),
                "torch": torch.__version__,
            },
        )

    def _inputs(self, input_shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
        import torch

        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn((self.batch, *input_shape), generator=generator)
        return inputs.to(device, getattr(torch, self.dtype))

    def _times(self, forward: Callable[[], object], device: torch.device) -> list[float]:
        """Return milliseconds, one for each timed pass."""
        wait = _waiter(device)
        for _ in range(self.warmup):
            forward()
        times = []
        for _ in range(self.repeats):
            wait()
            start = time.perf_counter_ns()
            forward()
            wait()
            times.append((time.perf_counter_ns() - start) / 1e6)
        return times


def _device(network: torch.nn.Module) -> torch.device:
    import torch

    tensors = (*network.parameters(), *network.buffers())
    device = tensors[0].device if tensors else torch.device("cpu")
    if device.type not in ("cpu", "cuda"):
        raise NotApplicableError(f"latency is measured on cpu and cuda, not on {device.type}")
    return device


def _waiter(device: torch.device) -> Callable[[], object]:
    """Return what waits until the device has done all it was asked to."""
    import torch

    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return lambda: None


def _device_name(device: torch.device) -> str:
    """Return the model of the GPU or CPU, such as ``Intel(R) Xeon(R) CPU @ 2.20GHz``."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
