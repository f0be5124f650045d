"""GradSign against the loop that its paper's code runs: time and memory, in one run.

    python benchmarks/gradsign.py [--cells 5] [--architectures 6] [--repeats 2] [--threads 1]

The loop is written here after the description of the authors' code: one forward and backward pass
a sample, all weight gradients copied to NumPy, stacked, signs, sum over samples, absolute, nansum.
Both score the same networks of NAS-Bench-201 (16 channels, 3x32x32), interleaved, and each time is
the least of the repeats, so that other work on the machine disturbs the ratio little; with one
thread it is CPU time. Memory is what a process's peak grows by while it scores the network with all
convolutions 3x3 (Linux only).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import nas

Score = Callable[[nn.Module, Tensor, Tensor], float]

HEAVIEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|" + (
    "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


def sample_by_sample(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Return GradSign as the authors' code computes it."""
    network.train()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    rows = []
    for i in range(len(inputs)):
        network.zero_grad()
        cross_entropy(network(inputs[[i]]), targets[[i]]).backward()
        gradients = [layer.weight.grad for layer in layers]
        rows.append(np.concatenate([g.flatten().numpy() for g in gradients if g is not None]))
    return float(np.nansum(np.abs(np.sign(np.stack(rows)).sum(0))))


def ours(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Return GradSign as nas computes it."""
    return nas.proxy("gradsign").score(network, inputs, targets)


def data(batch: int) -> tuple[Tensor, Tensor]:
    """Return random images and classes."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(batch, 3, 32, 32, generator=generator)
    return inputs, torch.randint(10, (batch,), generator=generator)


def compare(
    networks: list[nn.Module], batch: int, repeats: int, clock: Callable[[], float]
) -> None:
    """Print both times and their ratio over the networks."""
    inputs, targets = data(batch)
    seconds: dict[Score, list[float]] = {sample_by_sample: [], ours: []}
    apart = []
    for network in networks:
        scores = {}
        for score, found in seconds.items():
            found.append(np.inf)
            scores[score] = score(network, inputs, targets)
        for _ in range(repeats):
            for score, found in seconds.items():
                start = clock()
                score(network, inputs, targets)
                found[-1] = min(found[-1], clock() - start)
        apart.append(abs(scores[ours] / scores[sample_by_sample] - 1))
    loop, fast = seconds[sample_by_sample], seconds[ours]
    ratios = [a / b for a, b in zip(loop, fast, strict=True)]
    means = [1e3 * statistics.mean(found) for found in (loop, fast)]
    print(
        f"batch {batch:3}: loop {means[0]:6.0f} ms, ours {means[1]:5.0f} ms a network; "
        f"ratio of sums {sum(loop) / sum(fast):.1f}, per network {min(ratios):.1f} to "
        f"{max(ratios):.1f}; scores differ by up to {max(apart):.1e}"
    )


def megabytes(name: str, cells: int, batch: int) -> float:
    """Return by how much this process grows while it scores the heaviest network."""
    torch.set_num_threads(1)
    space = nas.space("nas201", cells=cells, channels=16)
    network, (inputs, targets) = space.build(space.parse(HEAVIEST)), data(batch)
    score = {"loop": sample_by_sample, "ours": ours}[name]
    score(network, *data(1))
    before = _peak()
    score(network, inputs, targets)
    return _peak() - before


def _peak() -> float:
    """Return megabytes. Unlike ``ru_maxrss``, this does not start at the parent's peak."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("cells", 5), ("architectures", 6), ("repeats", 2), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rng = random.Random(0)
    space = nas.space("nas201", cells=options.cells, channels=16)
    networks = [space.build(space.sample(rng)) for _ in range(options.architectures)]
    print(f"{options.cells} cells a stage, {len(networks)} networks, {options.threads} thread(s)")
    clock = time.process_time if options.threads == 1 else time.perf_counter
    for batch in (32, 64):
        compare(networks, batch, options.repeats, clock)
    for batch in (32, 64) if Path("/proc/self/status").exists() else ():
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            jobs = [(name, options.cells, batch) for name in ("loop", "ours")]
            loop, fast = pool.starmap(megabytes, jobs, chunksize=1)
        print(f"batch {batch:3}: memory loop {loop:.0f} MB, ours {fast:.0f} MB")


if __name__ == "__main__":
    main()
