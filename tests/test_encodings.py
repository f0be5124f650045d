"""Encodings: each against a naive one, and what all of them promise for any space."""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import pytest
from decided import Decided
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas_predictors import encoding, graph_encodings
from nas_predictors.encodings import ENCODINGS, Encoder


class Drawn(Decided):
    """Its only architecture has a given graph."""

    def __init__(self, graph: nx.DiGraph) -> None:
        super().__init__(nas.Categorical("only", ["x"]))
        self._graph = graph

    def graph(self, architecture: nas.Architecture) -> nx.DiGraph:
        return self._graph


CONDITIONAL = Decided(
    nas.Integer("depth", 1, 2),
    nas.Categorical("first", ["a", "b"]),
    nas.Categorical("second", ["a", "b"], when={"depth": [2]}),
)
SPACES = {
    "nas201": nas.space("nas201"),
    "mlp": nas.space("mlp"),
    "conditional": CONDITIONAL,
    "one point": Decided(nas.Categorical("only", ["x"])),
    "nothing to decide": Decided(),
    "many decisions": Decided(*(nas.Integer(f"width{i}", 8, 80, step=8) for i in range(15))),
}


def sample(space: nas.Space, count: int, seed: int = 0) -> list[nas.Architecture]:
    draws = random.Random(seed)
    return [space.sample(draws) for _ in range(count)]


def encoded(name: str, space: nas.Space, architectures: Sequence[nas.Architecture]) -> Any:
    return Encoder(name).fit(space, architectures)


def bag(graph: nx.DiGraph, name: str) -> dict[Any, float]:
    space = Drawn(graph)
    (architecture,) = space.architectures()
    return dict(ENCODINGS[name](space).describe(architecture))


@pytest.mark.parametrize("name", ENCODINGS)
class TestAll:
    @pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
    def test_a_row_of_numbers_for_each_architecture(self, name: str, space: nas.Space) -> None:
        encoder = Encoder(name)
        learnt = encoder.fit(space, sample(space, 12))
        other = encoder.rows(sample(space, 5, seed=1))
        assert learnt.dtype == other.dtype == np.float32
        assert learnt.shape == (12, other.shape[1])
        assert other.shape[0] == 5
        assert np.isfinite(learnt).all()
        assert np.isfinite(other).all()
        assert encoder.rows([]).shape == (0, other.shape[1])

    @pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
    def test_rows_do_not_depend_on_company_or_history(self, name: str, space: nas.Space) -> None:
        known, unseen = sample(space, 9), sample(space, 9, seed=1)
        used = Encoder(name)
        used.fit(CONDITIONAL, sample(CONDITIONAL, 3))
        used.fit(space, unseen)
        used.rows(known)
        fresh = Encoder(name)
        assert (used.fit(space, known) == fresh.fit(space, known)).all()
        alone = np.vstack([fresh.rows([a]) for a in unseen])
        assert (used.rows(unseen) == alone).all()

    def test_copies_share_what_they_know_and_nothing_else(self, name: str) -> None:
        space = SPACES["nas201"]
        first = Encoder(name)
        learnt = first.fit(space, sample(space, 9))
        second = copy.deepcopy(first)
        second.fit(CONDITIONAL, sample(CONDITIONAL, 3))
        assert (first.rows(sample(space, 9)) == learnt).all()
        assert second.rows(sample(CONDITIONAL, 3)).shape[1] < learnt.shape[1]

    def test_an_architecture_is_described_once(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        described: Counter[nas.Architecture] = Counter()
        describe = ENCODINGS[name].describe

        def counting(self: Any, architecture: nas.Architecture) -> Any:
            described[architecture] += 1
            return describe(self, architecture)

        monkeypatch.setattr(ENCODINGS[name], "describe", counting)
        space = SPACES["nas201"]
        encoder = Encoder(name)
        for _ in range(3):
            encoder.fit(space, sample(space, 20))
            copy.deepcopy(encoder).rows(sample(space, 20, seed=1))
        assert set(described.values()) == {1}

    def test_little_is_kept(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        space = SPACES["nas201"]
        expected = encoded(name, space, sample(space, 30))
        monkeypatch.setattr(encoding, "KEPT", 20)
        encoder = Encoder(name)
        assert (encoder.fit(space, sample(space, 30)) == expected).all()
        assert len(encoder._descriptions._known) < 10


def test_an_unknown_encoding_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'one_hot'"):
        Encoder("onehot")


def test_nothing_is_encoded_before_there_is_a_space() -> None:
    with pytest.raises(nas.StudyError, match="must be fitted before"):
        Encoder("counts").rows([])


class TestDecisions:
    @pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
    def test_one_hot_is_that_of_the_space(self, space: nas.Space) -> None:
        drawn = sample(space, 20)
        rows = ENCODINGS["one_hot"](space)
        found = rows.rows([rows.describe(a) for a in drawn])
        assert (found == np.stack([space.one_hot(a) for a in drawn])).all()

    def test_counts_tell_how_often_each_value_occurs(self) -> None:
        space = SPACES["nas201"]
        values = space.decisions[0].values
        drawn = sample(space, 20)
        for row, architecture in zip(encoded("counts", space, drawn), drawn, strict=True):
            assert (row[:30] == space.one_hot(architecture)).all()
            assert row[30:].tolist() == [list(architecture.values()).count(v) for v in values]

    def test_counts_are_of_active_decisions(self) -> None:
        short = CONDITIONAL.architecture({"depth": 1, "first": "b"})
        long = CONDITIONAL.architecture({"depth": 2, "first": "b", "second": "b"})
        rows = encoded("counts", CONDITIONAL, [short, long])
        assert rows[:, -2:].tolist() == [[0, 1], [0, 2]]

    @pytest.mark.parametrize("name", ["nas201", "mlp", "conditional", "one point"])
    def test_pairs_are_products_of_values_of_different_decisions(self, name: str) -> None:
        space = SPACES[name]
        drawn = sample(space, 10)
        ends = itertools.pairwise(space.tree.offsets)
        owner = [d for d, (a, b) in enumerate(ends) for _ in range(a, b)]
        pairs = [(i, j) for i, j in itertools.combinations(range(len(owner)), 2)]
        pairs = [(i, j) for i, j in pairs if owner[i] != owner[j]]
        rows = encoded("pairwise", space, drawn)
        assert rows.shape[1] == len(owner) + len(pairs)
        for row, architecture in zip(rows, drawn, strict=True):
            values = space.one_hot(architecture)
            expected = [values[i] * values[j] for i, j in pairs]
            assert (row[: len(owner)] == values).all()
            assert sorted(row[len(owner) :]) == sorted(expected)
            active = len(architecture)
            assert row[len(owner) :].sum() == active * (active - 1) / 2

    def test_pairs_of_nas201_are_as_many_as_published(self) -> None:
        space = SPACES["nas201"]
        assert encoded("pairwise", space, sample(space, 2)).shape == (2, 405)

    def test_too_many_pairs_are_refused(self) -> None:
        vast = Decided(*(nas.Integer(f"d{i}", 0, 9) for i in range(25)))
        with pytest.raises(nas.ConfigError, match=r"30,250 columns .* take 'counts'"):
            encoded("pairwise", vast, sample(vast, 2))


@st.composite
def dags(draw: st.DrawFn) -> nx.DiGraph:
    """A DAG whose nodes are in no particular order, labelled here and there, dead in places."""
    labels = st.sampled_from(["", "conv", "pool"])
    names = draw(st.permutations(range(draw(st.integers(1, 7)))))
    graph = nx.DiGraph()
    for name in draw(st.permutations(names)):
        graph.add_node(name, label=draw(labels))
    for a, b in itertools.combinations(names, 2):
        if draw(st.booleans()):
            graph.add_edge(a, b, label=draw(labels), live=draw(st.integers(0, 4)) > 0)
    return graph


def naive_paths(graph: nx.DiGraph) -> set[tuple[str, ...]]:
    found = set()
    ends = [n for n in graph if not graph.out_degree(n)]
    for start, end in itertools.product([n for n in graph if not graph.in_degree(n)], ends):
        walks = [[start]] if start == end else nx.all_simple_paths(graph, start, end)
        for nodes in walks:
            steps = [graph.edges[edge] for edge in itertools.pairwise(nodes)]
            if all(step["live"] for step in steps):
                labels = [graph.nodes[start]["label"]]
                for step, node in zip(steps, nodes[1:], strict=True):
                    labels += [step["label"], graph.nodes[node]["label"]]
                found.add(tuple(filter(None, labels)))
    return found


class TestGraphs:
    @given(dags())
    @settings(max_examples=150)
    def test_paths_are_those_found_by_walking(self, graph: nx.DiGraph) -> None:
        found = bag(graph, "path")
        assert set(found.values()) <= {1.0}
        assert set(found) == naive_paths(graph)

    @given(dags())
    def test_the_adjacency_holds_the_whole_graph(self, graph: nx.DiGraph) -> None:
        found = bag(graph, "adjacency")
        again = nx.DiGraph()
        for kind, *rest in found:
            if kind == "node":
                again.add_node(rest[0], label=rest[1])
        for kind, *rest in found:
            if kind == "edge":
                assert rest[0] < rest[1]
                again.add_edge(rest[0], rest[1], label=rest[2])
        same = nx.algorithms.isomorphism.categorical_node_match("label", None)
        alike = nx.algorithms.isomorphism.categorical_edge_match("label", None)
        assert nx.is_isomorphic(graph, again, node_match=same, edge_match=alike)

    @given(dags())
    def test_features_are_those_of_the_live_part(self, graph: nx.DiGraph) -> None:
        found = bag(graph, "graph")
        edges = [e for e in graph.edges if graph.edges[e]["live"]]
        live = nx.DiGraph(edges)
        assert found["nodes",] == len(live)
        assert found["edges",] == len(edges)
        labels = Counter(nx.get_node_attributes(graph, "label").values())
        labels.update(nx.get_edge_attributes(graph, "label").values())
        assert {key[1]: n for key, n in found.items() if key[0] == "label"} == labels
        dead = Counter(graph.edges[e]["label"] for e in graph.edges if e not in edges)
        assert {key[1]: n for key, n in found.items() if key[0] == "dead"} == dead
        if edges:
            assert found["depth",] == nx.dag_longest_path_length(live)
            degrees = [degree for _, degree in live.degree]
            assert found["degree mean",] == pytest.approx(np.mean(degrees))
            assert found["degree variance",] == pytest.approx(np.var(degrees))
            between = list(nx.betweenness_centrality(live).values())
            assert found["betweenness mean",] == pytest.approx(np.mean(between))
            close = list(nx.closeness_centrality(live).values())
            assert found["closeness variance",] == pytest.approx(np.var(close))

    def test_adjacency_of_nas201_is_its_one_hot_encoding(self) -> None:
        """As in the papers: the cell is one fixed DAG, so only its edges' operations are left."""
        space = SPACES["nas201"]
        drawn = sample(space, 200)
        rows = encoded("adjacency", space, drawn)
        varied = rows[:, np.ptp(rows, axis=0) > 0]
        one_hot = np.stack([space.one_hot(a) for a in drawn])
        assert sorted(map(tuple, varied.T)) == sorted(map(tuple, one_hot.T))

    def test_the_paths_of_nas201(self) -> None:
        space = SPACES["nas201"]
        cell = "|conv~0|+|none~0|skip~1|+|none~0|pool~1|conv~2|"
        for short, long in (("conv", "nor_conv_3x3"), ("skip", "skip_connect")):
            cell = cell.replace(short, long)
        described = ENCODINGS["path"](space).describe(
            space.parse(cell.replace("pool", "avg_pool_3x3"))
        )
        first = ("input", "nor_conv_3x3", "node 1")
        assert set(dict(described)) == {
            (*first, "avg_pool_3x3", "output"),
            (*first, "skip_connect", "node 2", "nor_conv_3x3", "output"),
        }
        dead = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
        assert list(ENCODINGS["path"](space).describe(dead)) == []

    def test_paths_that_were_not_learnt_are_ignored(self) -> None:
        space = SPACES["mlp"]
        shallow = [a for a in sample(space, 200) if a["depth"] == 1]
        deep = [a for a in sample(space, 200) if a["depth"] == 4]
        encoder = Encoder("path")
        assert encoder.fit(space, shallow).sum() > 0
        assert encoder.rows(deep).sum() == 0

    def test_a_graph_with_endless_paths_is_quick_and_keeps_the_shortest(self) -> None:
        graph = nx.DiGraph()
        graph.add_node(0, label="in")
        for i in range(1, 60):
            graph.add_node(i, label="ab"[i % 2])
            graph.add_edges_from((j, i) for j in range(max(0, i - 3), i))
        found = list(bag(graph, "path"))
        assert len(found) == graph_encodings.PATHS
        assert {len(path) for path in found} == {graph_encodings.STEPS}
        short = nx.DiGraph(graph.subgraph(range(14)))
        every = sorted(naive_paths(_alive(short)), key=lambda path: (len(path), path))
        assert list(bag(short, "path")) == every[: graph_encodings.PATHS]
        assert len(every) > graph_encodings.PATHS

    def test_a_large_graph_has_features_too(self) -> None:
        graph = nx.gn_graph(400, seed=1).reverse()
        assert bag(graph, "graph") == bag(graph, "graph")
        assert bag(graph, "graph")["nodes",] == 400

    def test_only_the_most_frequent_get_columns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(graph_encodings, "MOST", 3)
        space = SPACES["nas201"]
        rows = encoded("adjacency", space, sample(space, 20))
        assert rows.shape == (20, 3)
        assert rows.mean() == 1  # the nodes of the cell, which all have


def _alive(graph: nx.DiGraph) -> nx.DiGraph:
    for edge in graph.edges:
        graph.edges[edge].update(live=True, label="")
    return graph
