"""The kinds that ``nas new-plugin`` knows, and the facts of the example of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nas.errors import ConfigError
from nas.plugins import KINDS as HOOKS
from nas.suggest import did_you_mean


@dataclass(frozen=True)
class Kind:
    """A kind and its example, a module of ``nas.scaffold.examples``.

    Texts may have ``$component``, the full name, and ``$plugin``.

    Args:
        name: such as ``proxy``.
        component: name of the example, and of its module.
        builds: name of the class.
        summary: one line for ``nas plugins``.
        tables: by name, what the search config says of it instead of ``config.TABLES``.
        uses: commands that show it at work after the search, each with a few words.
        needs: what the module imports beside nas.
    """

    name: str
    component: str
    builds: str
    summary: str
    tables: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ("torch",)

    @property
    def hook(self) -> str:
        """The hook that registers it."""
        return HOOKS[self.name]


_EXAMPLES = (
    Kind(
        "space",
        "dense_chain",
        "DenseChain",
        "dense layers in a row, each with its width and activation",
        {"space": 'name = "$component"\nlongest = 3'},
        {"nas space $component": "draws architectures"},
    ),
    Kind(
        "proxy",
        "first_step",
        "FirstStep",
        "how far one step down the gradient lowers the loss",
        {"filter": 'proxy = "$component"\ncandidates = 4'},
        {
            "nas rank nas.db": "whether it ranks better than the number of parameters",
            "nas score nas.db --proxy $component": "scores every network of the archive",
        },
    ),
    Kind(
        "predictor",
        "neighbours",
        "Neighbours",
        "weighted mean of the nearest known architectures",
        {"filter": 'predictor = "$component"\ncandidates = 8'},
        {"nas predict nas.db --predictor $component": "how far off it was, what it expects"},
        ("numpy",),
    ),
    Kind(
        "evaluator",
        "plain_sgd",
        "PlainSGD",
        "trains by stochastic gradient descent with momentum",
        {"evaluator": 'name = "$component"\nepochs = 3'},
        {"nas search search.toml --archive longer.db --set evaluator.epochs=6": "trains longer"},
        ("numpy", "torch"),
    ),
    Kind(
        "strategy",
        "front_mutation",
        "FrontMutation",
        "changes one decision of a trial that no other beats",
        {"strategy": 'name = "$component"\ndraws = 0.2'},
        {
            "nas search search.toml --archive random.db --set strategy=random": "the line to beat",
            "nas compare nas.db:$study random.db:$study": "beside it; a single run is no evidence",
        },
        (),
    ),
    Kind(
        "scheduler",
        "halfway",
        "Halfway",
        "stops the worse half of the trials at half of their budget",
        {"scheduler": 'name = "$component"\nkeep = 0.5'},
        {"nas savings nas.db": "what stopping saved"},
        ("numpy",),
    ),
    Kind(
        "objective",
        "peak_activations",
        "PeakActivations",
        "most values that one layer takes and gives for a sample",
        {},
        {"nas trials nas.db --order-by peak_activations": "the least of it first"},
    ),
    Kind(
        "dataset",
        "spirals",
        "Spirals",
        "arms of a spiral in the plane, one a class",
        {"data": 'name = "$component"\nclasses = 3'},
        {},
        ("numpy",),
    ),
    Kind(
        "exporter",
        "arrays",
        "Arrays",
        "weights as numpy's arrays, in a file .npz",
        {},
        {"nas export nas.db 1 --to $component -o network.npz": "writes the network of trial 1"},
        ("numpy", "torch"),
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _EXAMPLES}


def chosen(names: Iterable[str]) -> list[Kind]:
    """Return the kinds of these names, each once, in the order of ``KINDS``.

    Raises:
        ConfigError: there is none, or one that is not known.
    """
    wanted = set(names)
    for name in sorted(wanted - set(KINDS)):
        raise ConfigError(
            f"--kind {name!r}: no kind of that name.{did_you_mean(name, KINDS)} "
            f"There are {', '.join(KINDS)}."
        )
    if not wanted:
        raise ConfigError(f"--kind is missing: one or more of {', '.join(KINDS)}")
    return [kind for kind in KINDS.values() if kind.name in wanted]
