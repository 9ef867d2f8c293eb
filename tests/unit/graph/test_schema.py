"""The shipped schema is the generated one, and says what the checker says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from graph_nodes import Baf
from plugins import visible

from eventflow.graph import registry
from eventflow.graph.schema import graph_schema, is_stock, text_from_schema

GRAPHS = Path(__file__).resolve().parents[3] / "graphs"


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch):
    """The stock nodes instead of the small ones."""
    from importlib.metadata import entry_points

    def stock_alone(group):
        return [each for each in entry_points(group=group) if each.value.startswith("eventflow_nodes.")]

    with visible(monkeypatch):
        monkeypatch.setattr(registry, "entry_points", stock_alone)  # the small ones bear the names of some
        yield


def problems(schema: dict[str, object], document: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


@pytest.mark.usefixtures("stock")
def test_the_shipped_schema_is_up_to_date():
    shipped = (GRAPHS / "graph.schema.json").read_text()
    assert shipped == text_from_schema(graph_schema(is_stock)), "run python tools/graph_schema.py"
    jsonschema.Draft202012Validator.check_schema(json.loads(shipped))


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize("path", sorted(GRAPHS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_graphs_fit_the_schema_and_load(path: Path):
    from eventflow.graph import load_graph

    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=graph.schema.json\n")
    assert problems(json.loads((GRAPHS / "graph.schema.json").read_text()), yaml.safe_load(text)) == []
    assert load_graph(path).name == path.stem


GOOD = {"eventflow": 1, "nodes": {"a": {"use": "camera"}, "b": {"use": "baf"}}, "flow": ["a -> b"]}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"params": {"w": "5ms", "must": None}, "name": "x", "place": {"p": ["a"]}}, True),
        ({"flow": ["a -> b.events -> c", {"a -> b": {"when_full": "latest", "bytes": "4MB", "time": "100ms"}}]}, True),
        ({"flow": [{"a -> b": {"when_full": "newest"}}]}, False),
        ({"flow": [{"a -> b": {"when": "latest"}}]}, False),
        ({"flow": ["a"]}, False),
        ({"flow": ["a -> "]}, False),
        ({"nods": {}}, False),
        ({"eventflow": 2}, False),
        ({"nodes": {"a": {"window": "5ms"}}}, False),
        ({"nodes": {"a b": {"use": "baf"}}}, False),
        ({"nodes": {"a": {"use": "of_a_plugin", "anything": 3}}}, True),
        ({"nodes": {"a": {"use": "cutter"}}}, False),
        ({"nodes": {"a": {"use": "cutter", "every": "1s", "on_error": "skip"}}}, True),
        ({"include": {"f": {"graph": "x.yaml", "params": {"w": 1}}, "g": "y.yaml"}}, True),
        ({"include": {"f": {"params": {}}}}, False),
        ({"ports": {"in": "a", "out": {"x": "b.events"}}}, True),
        ({"ports": {"inn": "a"}}, False),
    ],
)
def test_form(change: dict[str, object], fits: bool):
    assert (problems(graph_schema(), GOOD | change) == []) is fits


@pytest.mark.parametrize(
    ("parameters", "fits"),
    [
        ({"window": "5ms"}, True),
        ({"window": 0}, True),
        ({"window": "${w}"}, True),
        ({"window": 5}, False),
        ({"window": "5 parsec"}, False),
        ({"windw": "5ms"}, False),
        ({"k": 8}, True),
        ({"k": 9}, False),
        ({"k": "${k}"}, True),
        ({"mode": "exact"}, True),
        ({"mode": "exat"}, False),
        ({"limit": "4MB", "on": True, "names": ["a"]}, True),
        ({"on": "yes"}, False),
    ],
)
def test_parameters(parameters: dict[str, object], fits: bool):
    document = GOOD | {"nodes": {"b": {"use": "baf", **parameters}}}
    assert (problems(graph_schema(), document) == []) is fits


def test_documentation_travels_into_the_schema():
    properties = graph_schema()["$defs"]["use-baf"]["properties"]
    assert properties["window"]["description"] == "how recent."
    assert properties["window"]["default"] == "5ms"
    assert {"const": "baf", "description": Baf.declaration.summary} in graph_schema()["$defs"]["node"]["properties"][
        "use"
    ]["anyOf"]


def test_use_null_is_the_node_null(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from plugins import write_dist_info

    from eventflow.graph import load_graph

    write_dist_info(tmp_path, "with-null", {"null": "graph_nodes:Pass"})
    with visible(monkeypatch, tmp_path):
        (tmp_path / "g.yaml").write_text(
            "eventflow: 1\nnodes: {a: {use: camera}, n: {use: null}, m: {use: 'null'}}\nflow: [a -> n -> m]\n"
        )
        assert load_graph(tmp_path / "g.yaml").nodes["n"].use == "null"
        assert problems(graph_schema(), yaml.safe_load((tmp_path / "g.yaml").read_text())) == []
        (tmp_path / "g.yaml").write_text("eventflow: 1\nnodes: {a: {use: }, n: {use: ~}}\nflow: [a -> n]\n")
        with pytest.raises(Exception, match="use is empty"):
            load_graph(tmp_path / "g.yaml")
