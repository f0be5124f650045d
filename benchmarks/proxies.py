"""Proxies in time and memory: GradSign against its paper's loop, all against a training step.

    python benchmarks/proxies.py [--cells 5] [--architectures 6] [--repeats 2] [--threads 1]
        [--device cpu] [--every]

The loop is written here after the description of the authors' code: one forward and backward pass
a sample, all weight gradients copied to NumPy, stacked, signs, sum over samples, absolute, nansum.
It runs twice: on the networks as they are here, and with torch's average pooling, as
the authors' networks have it; ours has a faster one, which helps the loop too.
All score the same networks of NAS-Bench-201 (16 channels, 3x32x32), interleaved, and each time is
the least of the repeats, so that other work on the machine disturbs the ratio little; with one
thread it is CPU time. Memory is what a process's peak grows by while it scores the network with all
convolutions 3x3 (Linux only). ``--every`` adds what each proxy takes, alone and together, in units
of a forward and backward pass of 64 samples.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import nas
from nas.plugins import Plugins

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
        known = [g.flatten().cpu().numpy() for g in gradients if g is not None]
        rows.append(np.concatenate(known))
    return float(np.nansum(np.abs(np.sign(np.stack(rows)).sum(0))))


def as_published(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Return GradSign as the authors' code computes it on a network with torch's pooling."""
    return sample_by_sample(network, inputs, targets)


def with_torch_pooling(network: nn.Module) -> nn.Module:
    """Return a copy whose average pools run torch's own kernel."""
    copied = copy.deepcopy(network)
    for module in copied.modules():
        if isinstance(module, nn.AvgPool2d):
            module.forward = partial(nn.AvgPool2d.forward, module)  # type: ignore[method-assign]
    return copied


def ours(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Return GradSign as nas computes it."""
    return nas.proxy("gradsign").score(network, inputs, targets)


def data(batch: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return random images and classes."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(batch, 3, 32, 32, generator=generator)
    targets = torch.randint(10, (batch,), generator=generator)
    return inputs.to(device), targets.to(device)


def compare(
    networks: list[nn.Module], batch: int, repeats: int, clock: Callable[[], float], device: str
) -> None:
    """Print both times and their ratio over the networks."""
    inputs, targets = data(batch, device)
    seconds: dict[Score, list[float]] = {sample_by_sample: [], as_published: [], ours: []}
    apart = []
    for network in networks:
        scores = {}
        theirs = with_torch_pooling(network)
        for score, found in seconds.items():
            found.append(np.inf)
            scores[score] = score(network, inputs, targets)
        for _ in range(repeats):
            for score, found in seconds.items():
                scored = theirs if score is as_published else network
                start = clock()
                score(scored, inputs, targets)
                found[-1] = min(found[-1], clock() - start)
        apart.append(abs(scores[ours] / scores[sample_by_sample] - 1))
    fast = seconds[ours]
    print(f"batch {batch}: ours {1e3 * statistics.mean(fast):.0f} ms a network; ", end="")
    print(f"scores differ from the loop's by up to {max(apart):.1e}")
    for name, score in (("loop", sample_by_sample), ("loop, torch's pooling", as_published)):
        loop = seconds[score]
        ratios = [a / b for a, b in zip(loop, fast, strict=True)]
        print(
            f"  {name:22} {1e3 * statistics.mean(loop):6.0f} ms; ratio of sums "
            f"{sum(loop) / sum(fast):.1f}, per network {min(ratios):.1f} to {max(ratios):.1f}"
        )


def step(network: nn.Module, inputs: Tensor, targets: Tensor) -> None:
    """Pass a batch forward and back, as one step of training does."""
    network.zero_grad()
    cross_entropy(network(inputs), targets).backward()


def every(networks: list[nn.Module], clock: Callable[[], float], device: str) -> None:
    """Print what each proxy takes, and what all take together."""
    inputs, targets = data(128, device)

    def seconds(run: Callable[[nn.Module], object]) -> float:
        start = clock()
        for network in networks:
            run(network)
        return clock() - start

    built = {item.component.name: item.component.build() for item in Plugins().registry("proxy")}
    proxies = {name: p for name, p in built.items() if isinstance(p, nas.Proxy)}
    unit = min(seconds(lambda n: step(n, inputs[:64], targets[:64])) for _ in range(2))
    print(f"\none step of training with 64 samples: {1e3 * unit / len(networks):.0f} ms a network")
    alone = 0.0
    for name, proxy in proxies.items():
        some = slice(0, proxy.batch)
        took = seconds(partial(_tried, [proxy], inputs[some], targets[some]))
        alone += took
        print(f"{name:18} {took / unit:6.2f} steps, batch {proxy.batch}")
    together = seconds(partial(_tried, list(proxies.values()), inputs, targets))
    print(
        f"all, one by one    {alone / unit:6.1f} steps\nall, together      {together / unit:6.1f}"
    )


def _tried(proxies: list[nas.Proxy], inputs: Tensor, targets: Tensor, network: nn.Module) -> None:
    nas.score_together(proxies, network, inputs, targets)


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
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--every", action="store_true", help="time all proxies, too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rng = random.Random(0)
    space = nas.space("nas201", cells=options.cells, channels=16)
    drawn = [space.sample(rng) for _ in range(options.architectures)]
    networks = [space.build(architecture).to(options.device) for architecture in drawn]
    print(f"{options.cells} cells a stage, {len(networks)} networks, {options.threads} thread(s)")
    alone = options.threads == 1 and options.device == "cpu"
    clock = time.process_time if alone else time.perf_counter
    for batch in (32, 64):
        compare(networks, batch, options.repeats, clock, options.device)
    for batch in (32, 64) if Path("/proc/self/status").exists() else ():
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            jobs = [(name, options.cells, batch) for name in ("loop", "ours")]
            loop, fast = pool.starmap(megabytes, jobs, chunksize=1)
        print(f"batch {batch:3}: memory loop {loop:.0f} MB, ours {fast:.0f} MB")
    if options.every:
        every(networks, clock, options.device)


if __name__ == "__main__":
    main()
