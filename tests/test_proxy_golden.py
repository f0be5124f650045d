"""Scores of every built-in proxy stay what they are, whatever is rewritten around them.

``python tests/test_proxy_golden.py`` writes ``tests/golden/proxies.json`` anew: after a change of a
formula, never to make this test pass.

Inputs and weights are drawn by numpy. Proxies that draw weights or inputs themselves use torch's
generator on the CPU, whose numbers have stayed the same from version to version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nas
from nas.plugins import Plugins

FILE = Path(__file__).parent / "golden" / "proxies.json"
SAMPLES, CLASSES, SEED = 8, 4, 0
CELLS = {
    "all different": "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|"
    "+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
    "convolutions": "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|"
    "+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    "no weights": "|avg_pool_3x3~0|+|none~0|skip_connect~1|"
    "+|skip_connect~0|avg_pool_3x3~1|avg_pool_3x3~2|",
    "nothing": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
}
LAYERS = {
    "relu": {"activation": "relu", "normalisation": "none", "residual": True},
    "batch": {"activation": "gelu", "normalisation": "batch", "residual": False},
}
Case = tuple[nn.Module, Tensor, Tensor]
Scores = dict[str, dict[str, float | str]]


def cases() -> Iterator[tuple[str, Case]]:
    cells = nas.space("nas201", cells=1, channels=4, classes=CLASSES, input_shape=(3, 16, 16))
    for name, text in CELLS.items():
        yield f"nas201, {name}", prepared(cells.build(cells.parse(text)), (3, 16, 16))
    mlp = nas.space("mlp", input_shape=(20,), classes=CLASSES)
    for name, values in LAYERS.items():
        widths = {"depth": 3, "width_1": 16, "width_2": 32, "width_3": 16, "dropout": 0.0}
        network = mlp.build(mlp.architecture({**widths, **values}))
        yield f"mlp, {name}", prepared(network, (20,))


def prepared(network: nn.Module, shape: tuple[int, ...]) -> Case:
    """Return a network and a batch of numbers that are the same with every version of torch."""
    numbers = np.random.RandomState(SEED)
    network = network.double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            drawn = torch.from_numpy(numbers.standard_normal(tuple(parameter.shape)))
            if parameter.dim() > 1:
                parameter.copy_(drawn * (2 / parameter[0].numel()) ** 0.5)
            else:
                parameter.copy_(drawn * 0.1 + name.endswith("weight"))
    inputs = torch.from_numpy(numbers.standard_normal((SAMPLES, *shape)))
    return network, inputs, torch.arange(SAMPLES) % CLASSES


def score(proxy: nas.Proxy, case: Case) -> float | str:
    torch.manual_seed(SEED)
    try:
        return proxy.score(*case)
    except nas.CandidateError as error:
        return f"{type(error).__name__}: {error}"


def proxies() -> dict[str, nas.Proxy]:
    items = Plugins(disabled=()).registry("proxy")
    built = {i.component.name: i.component.build() for i in items if i.distribution == "plugnas"}
    return {name: proxy for name, proxy in sorted(built.items()) if isinstance(proxy, nas.Proxy)}


def all_scores() -> Scores:
    of_case = dict(cases())
    return {
        name: {title: score(proxy, case) for title, case in of_case.items()}
        for name, proxy in proxies().items()
    }


@pytest.fixture(scope="module")
def golden() -> Scores:
    scores: Scores = json.loads(FILE.read_text(encoding="utf-8"))
    return scores


@pytest.fixture(scope="module")
def networks() -> dict[str, Case]:
    return dict(cases())


def test_every_proxy_and_network_is_there(golden: Scores, networks: dict[str, Case]) -> None:
    assert list(golden) == list(proxies())
    assert all(list(scores) == list(networks) for scores in golden.values())


@pytest.mark.parametrize("name", proxies())
def test_scores_are_what_they_were(name: str, golden: Scores, networks: dict[str, Case]) -> None:
    for title, case in networks.items():
        expected = golden[name][title]
        found = score(proxies()[name], case)
        if isinstance(expected, str):
            assert found == expected, title
        else:
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-12), title


if __name__ == "__main__":
    text = json.dumps(all_scores(), indent=1, allow_nan=False)
    FILE.write_text(text + "\n", encoding="utf-8")
