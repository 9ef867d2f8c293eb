"""Whatever a graph file holds, it is a graph or a GraphError whose every problem has a place."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.errors import GraphError
from eventflow.graph import Graph, graph_from_dict, load_graph

GRAPHS = [path.read_text() for path in sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml"))]
WORDS = [
    "->", "${recording}", "${x}", "${", "null", "012", "5ms", "-5ms", "1e999", ".nan", "stcf", "use", "nodes", "flow",
    "[", "]", "{", "}", ":", ",", "&a", "*a", "!!str", "? ", "- ", "|", ">", "#", "'", '"', "\t", "\n", "\u2028", "\0",
    "true", "camera.events", "camera.", ".camera", "include", "ports", "place", "params", "eventflow", "clean",
]  # fmt: skip
PLACE = re.compile(r"[^\n]+?(:\d+:\d+)?: ")
_settings = settings(max_examples=250, derandomize=True, deadline=None, database=None)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(GRAPHS))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.sampled_from([0, 0, 1, 5, 40])))
        text = text[:begin] + draw(st.sampled_from(WORDS)) + text[end:]
    return text


def graph_or_problems(call) -> None:
    try:
        graph = call()
    except GraphError as error:
        problems = error.problems
    else:
        assert isinstance(graph, Graph)
        return
    assert problems
    assert all(PLACE.match(problem) for problem in problems), problems


@_settings
@given(text=damaged())
def test_damaged_graph_files(tmp_path_factory, text: str):
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_text(text)
    graph_or_problems(lambda: load_graph(path, set=["camera.path=x"]))


@_settings
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, data: bytes):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    graph_or_problems(lambda: load_graph(path))


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["use", "a", "b", "graph", "in"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@_settings
@given(
    mapping=st.dictionaries(
        st.sampled_from(["eventflow", "name", "params", "nodes", "flow", "place", "include", "ports", "x"]), ANYTHING
    )
)
def test_any_mapping(mapping: dict[str, object]):
    graph_or_problems(lambda: graph_from_dict(mapping))
