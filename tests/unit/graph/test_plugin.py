"""A distribution that is not eventflow adds a node; and what describes nodes to people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugins import EXAMPLE, example_nodes, visible, write_dist_info

from eventflow.errors import NodeDeclarationError, ParameterError
from eventflow.graph import describe_node, graph_from_dict
from eventflow.graph.describe import describe_nodes, text_from_description
from eventflow.graph.registry import node_class


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_dist_info(tmp_path, "eventflow-polarity", example_nodes())
    with visible(monkeypatch, tmp_path, EXAMPLE):
        yield


@pytest.mark.usefixtures("plugin")
def test_a_plugin_node_is_used_like_any_other():
    graph = graph_from_dict(
        {"nodes": {"a": {"use": "camera"}, "b": {"use": "polarity", "keep": "off"}}, "flow": ["a -> b"]}
    )
    assert graph.nodes["b"].make().keep == "off"


@pytest.mark.usefixtures("plugin")
def test_a_plugin_keeps_the_promises_of_a_node():
    from eventflow.testing import NodeConformance

    kit = type("Kit", (NodeConformance,), {"node": node_class("polarity")})()
    for name in dir(kit):
        if name.startswith("test_"):
            getattr(kit, name)()


@pytest.mark.usefixtures("plugin")
def test_a_name_claimed_twice_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_dist_info(tmp_path / "other", "rival", {"polarity": "graph_nodes:Baf", "gone": "nowhere:Node"})
    with visible(monkeypatch, tmp_path / "other"):
        with pytest.raises(NodeDeclarationError, match="claimed by eventflow-polarity and rival"):
            node_class("polarity")
        with pytest.raises(NodeDeclarationError, match="'gone' of rival"):
            node_class("gone")
        assert node_class("baf")
        errors = {each["name"]: each["error"] for each in describe_nodes() if "error" in each}
        assert errors.keys() == {"gone", "polarity"}


def test_a_node_is_described():
    described = describe_node("baf")
    assert json.loads(json.dumps(described)) == described
    assert described["inputs"] == [{"name": "events", "types": ["Events"], "doc": ""}]
    assert described["parameters"][0] == {
        "name": "window",
        "allowed": "a duration such as 10ms, 1us to 1s",
        "default": "5ms",
        "required": False,
        "live": True,
        "doc": "how recent.",
    }
    text = text_from_description(described)
    assert "baf: Drop noise." in text
    assert "window: a duration such as 10ms, 1us to 1s (default 5ms, may change while running)" in text
    assert "cutter: {use: cutter, every: ...}" in text_from_description(describe_node("cutter"))
    assert "input tracks: Tracks, may stay unconnected" in text_from_description(describe_node("show"))
    with pytest.raises(ParameterError, match="Did you mean 'baf'"):
        describe_node("baff")
