"""Graph files: what they mean, and every way in which they can be wrong."""
# ruff: noqa: E501  (a table reads best with a problem on its line)

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflow.errors import GraphError
from eventflow.graph import Graph, graph_from_dict, load_graph
from eventflow.graph.file import place_from_file
from eventflow.graph.graph import graph_from_plain

GOOD = """\
eventflow: 1
name: good
params: {window: 5ms, folder: out, recording: x.raw}
nodes:
  camera: {use: camera, path: "${recording}"}
  clean: {use: baf, window: "${window}"}
  slices: {use: cutter, every: 10ms}
  grid: {use: grid}
  save: {use: save, path: "${folder}/grids.npz"}
flow:
  - camera -> clean -> slices -> grid -> save
  - clean -> save: {when_full: latest, packets: 8, bytes: 4MB}
place:
  front: [camera, clean]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def _write(text: str, name: str = "g.yaml") -> str:
        (tmp_path / name).write_text(text)
        return name

    return _write


def problems(call) -> list[str]:
    with pytest.raises(GraphError) as caught:
        call()
    return caught.value.problems


def test_a_good_file(write):
    graph = load_graph(write(GOOD))
    assert (graph.name, graph.path, graph.text) == ("good", "g.yaml", GOOD)
    assert list(graph.nodes) == ["camera", "clean", "slices", "grid", "save"]
    assert graph.nodes["camera"].parameters["path"] == Path("x.raw")
    assert graph.nodes["clean"].parameters["window"] == 5_000
    assert graph.nodes["save"].parameters["path"] == Path("out/grids.npz")
    assert graph.nodes["clean"].where == "g.yaml:6:3"
    assert [(edge.begin, edge.end) for edge in graph.edges] == [
        ("camera.events", "clean.events"),
        ("clean.events", "slices.events"),
        ("slices.slice", "grid.slice"),
        ("grid.grid", "save.message"),
        ("clean.events", "save.message"),
    ]
    block, last = graph.edges[0], graph.edges[-1]
    assert (block.when_full, block.packets, block.bytes, block.time_us) == ("block", 32, 16_000_000, None)
    assert (last.when_full, last.packets, last.bytes, last.time_us) == ("latest", 8, 4_000_000, 1_000_000)
    assert graph.place == {"front": ["camera", "clean"]}
    assert graph_from_plain(graph.plain()) == graph


def test_settings_from_outside(write):
    file = write(GOOD)
    graph = load_graph(file, set=["recording=012", "clean.k=3", "clean.on=true", "clean.names=a,b"], window=7_000)
    clean = graph.nodes["clean"].parameters
    assert graph.nodes["camera"].parameters["path"] == Path("012")
    assert (clean["window"], clean["k"], clean["on"], clean["names"]) == (7_000, 3, True, ["a", "b"])
    assert load_graph(file, set={"clean.window": "9ms"}).nodes["clean"].parameters["window"] == 9_000
    assert load_graph(file, recording=Path("a b.raw")).nodes["camera"].parameters["path"] == Path("a b.raw")
    assert problems(
        lambda: load_graph(
            file,
            set=["recordng=x", "clean.windw=1ms", "clen.k=1", "clean.k=9", "clean=1", "oops", "window=5"],
            foldr="x",
        )
    ) == [
        "g.yaml:6:29: node 'clean': window: '5' is not a duration: no unit (one of us, µs, ms, s, min, h)",
        "--set oops: expected NAME=value or NODE.PARAM=value",
        "foldr=x: unknown param 'foldr'. Did you mean 'folder'?",
        "--set recordng=x: unknown param 'recordng'. Did you mean 'recording'?",
        "--set clen.k=1: unknown node 'clen'. Did you mean 'clean'?",
        "--set clean=1: unknown param 'clean'; a node's parameter is set as clean.PARAM=value",
        "--set clean.windw=1ms: node 'clean': baf has no parameter 'windw'. Did you mean 'window'?",
        "--set clean.k=9: node 'clean': k: 9 is out of range; expected a whole number, 1 to 8",
    ]


BASE = {
    "camera": "{use: camera}",
    "both": "{use: both}",
    "clean": "{use: baf}",
    "slices": "{use: cutter, every: 10ms}",
    "grid": "{use: grid}",
    "join": "{use: join}",
    "save": "{use: save, path: o}",
    "show": "{use: show}",
    "tap": "{use: pass}",
    "tap2": "{use: pass}",
}


def file_of(flow: str, rest: str = "", **changed: str) -> str:
    """A file whose nodes are those that the flow names, plus those given."""
    used = [name for name in BASE if re.search(rf"(^|\W){name}(\W|$)", flow)]
    nodes = {name: BASE[name] for name in used} | changed
    lines = ["eventflow: 1", "nodes:", *(f"  {name}: {text}" for name, text in nodes.items())]
    return "\n".join([*lines, "flow:", *(f"  - {line}" for line in flow.split("; ")), rest]) + "\n"


@pytest.mark.parametrize(
    ("flow", "changed", "expected"),
    [
        ("camera -> clean", {"clean": "{use: baff}"}, ["4:16: node 'clean': unknown node 'baff'. Did you mean 'baf'?"]),
        ("camera -> clean", {"clean": "{use: baf, windw: 5ms}"},
         ["4:21: node 'clean': baf has no parameter 'windw'. Did you mean 'window'?"]),
        ("camera -> clean", {"clean": "{use: baf, window: 5}"},
         ["4:29: node 'clean': window: 5 has no unit; write us, ms or s after it"]),
        ("camera -> clean", {"clean": "{use: baf, window: 5 parsec}"},
         ["4:29: node 'clean': window: '5 parsec' is not a duration: unknown unit 'parsec' (one of us, µs, ms, s, min, h)"]),
        ("camera -> clean", {"clean": "{use: baf, window: 2s}"},
         ["4:29: node 'clean': window: 2s is out of range; expected a duration such as 10ms, 1us to 1s"]),
        ("camera -> clean", {"clean": "{use: baf, k: 9}"},
         ["4:24: node 'clean': k: 9 is out of range; expected a whole number, 1 to 8"]),
        ("camera -> clean", {"clean": "{use: baf, mode: fastt}"},
         ["4:27: node 'clean': mode: 'fastt' is not allowed; expected one of fast, exact. Did you mean 'fast'?"]),
        ("camera -> clean", {"clean": "{use: baf, on: yes}"},
         ["4:25: node 'clean': on: 'yes' (str) is not allowed; expected true or false"]),
        ("camera -> clean", {"clean": "{use: baf, window: '${w}'}"},
         ["4:29: ${w}: unknown param 'w'; there are none"]),
        ("camera -> slices", {"slices": "{use: cutter}"},
         ["4:3: node 'slices': cutter needs the parameter 'every': a duration such as 10ms"]),
        ("camera -> clean", {"clean": "{usee: baf}"}, ["4:10: node 'clean': `use` is missing; it names the kind of node"]),
        ("camera -> clean", {"clean": "baf"},
         ["4:10: node 'clean' is a text; expected a mapping, such as {use: stcf, window: 5ms}"]),
        ("camera -> clean", {"clean": "{use: baf, on_error: skp}"},
         ["4:31: node 'clean': on_error: 'skp' is not allowed. Did you mean 'skip'?"]),
        ("camera -> clean -> clen", {}, ["6:24: unknown node 'clen'. Did you mean 'clean'?"]),
        ("camera -> clean.evnts", {}, ["6:15: node 'clean' has no input 'evnts'. Did you mean 'events'?"]),
        ("both -> clean", {}, ["6:5: node 'both' has the outputs events, truth; write both.events"]),
        ("both.events -> join", {}, ["6:20: node 'join' has the inputs events, tracks; write join.events"]),
        ("both.events -> join.events", {}, ["4:3: node 'join': nothing feeds its input 'tracks' (Tracks); add `- NODE -> join.tracks` to flow"]),
        ("camera -> camera", {}, ["5:15: node 'camera' has no input"]),
        ("camera -> save -> clean", {}, ["7:15: node 'save' has no output"]),
        ("camera -> clean.foo -> save", {}, ["7:15: node 'clean' has no port 'foo'; known: events"]),
        ("camera -> grid", {}, ["6:15: camera.events gives Events, but grid.slice takes Slice; between them fits cutter"]),
        ("camera -> tap -> tap2 -> grid", {}, ["8:30: tap2.message gives Events, but grid.slice takes Slice; between them fits cutter"]),
        ("camera -> slices -> tap -> save", {}, ["8:32: tap.message gives Slice, but save.message takes Events or Tracks or Grid; between them fits grid"]),
        ("camera -> clean; camera -> clean", {}, ["7:5: edge camera.events -> clean.events comes twice; first at g.yaml:6:5"]),
        ("clean -> tap -> tap2 -> clean", {}, ["7:29: the graph runs in a circle: clean -> tap -> tap2 -> clean; messages flow one way only"]),
        ("camera -> tap; tap -> tap -> save", {}, ["8:12: the graph runs in a circle: tap -> tap; messages flow one way only"]),
        ("camera -> clean", {"extra": "{use: camera}"}, ["5:3: node 'extra': nothing reads this source; add `- extra -> NODE` to flow"]),
        ("camera -> clean; clean", {}, ["7:5: flow: 'clean' joins nothing; expected `a -> b`"]),
        ("camera -> -> clean", {}, ["6:15: flow: a name is missing beside ->"]),
        ("camera -> clean: {when_full: latst, tme: 1s}", {},
         ["6:34: when_full: 'latst' is not allowed; expected one of block, drop_oldest, latest, fail. Did you mean 'latest'?",
          "6:41: 'camera -> clean': unknown key 'tme'. Did you mean 'time'?"]),
        ("camera -> clean: {packets: 0, bytes: 12, time: 1 week}", {},
         ["6:32: packets: 0 is out of range; expected a whole number, 1 to 1048576",
          "6:42: bytes: 12 has no unit; write B, kB or MB after it",
          "6:52: time: '1 week' is not a duration: unknown unit 'week' (one of us, µs, ms, s, min, h)"]),
        ("camera -> clean: latest", {}, ["6:22: 'camera -> clean' is a text; expected a mapping, such as {when_full: latest}"]),
        ("[camera, clean]", {}, ["3:3: node 'camera': nothing reads this source; add `- camera -> NODE` to flow",
                                 "4:3: node 'clean': nothing feeds its input 'events' (Events); add `- NODE -> clean` to flow",
                                 "6:5: flow: a list is no line; expected `a -> b` or `a -> b: {when_full: latest}`"]),
    ],
)  # fmt: skip
def test_problems_are_located(write, flow: str, changed: dict[str, str], expected: list[str]):
    assert problems(lambda: load_graph(write(file_of(flow, **changed)))) == sorted(
        (f"g.yaml:{each}" for each in expected), key=lambda text: [int(n) for n in text.split(":")[1:3]]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1: a graph file is empty; expected a mapping", "1:1: key 'eventflow' is missing; begin with `eventflow: 1`",
              "1:1: the graph has no nodes"]),
        ("eventflow: 2\nnodes: {camera: {use: camera}, c: {use: baf}}\nflow: [camera -> c]",
         ["1:12: eventflow: 2 is not a version known here; write 1"]),
        ("eventflow: 1\nnods: {}", ["1:1: the graph has no nodes", "2:1: unknown key 'nods'. Did you mean 'nodes'?"]),
        ("eventflow: 1\nnodes: []", ["1:1: the graph has no nodes", "2:8: nodes is a list; expected a mapping"]),
        ("eventflow: 1\nnodes: {a.b: {use: camera}}",
         ["1:1: the graph has no nodes", "2:9: nodes: 'a.b' is no name; use letters, digits, _ and -, the first no digit"]),
        ("eventflow: 1\nparams: {r: }\nnodes: {a: {use: camera, path: '${r}'}, b: {use: baf}}\nflow: [a -> b]",
         ["2:10: param 'r' has no value; give it with --set r=VALUE"]),
        ("eventflow: 1\nparams: {r: {a: 1}}\nnodes: {a: {use: camera}, b: {use: baf}}\nflow: [a -> b]",
         ["2:13: param 'r' is a mapping; expected a single value or a list"]),
        ("eventflow: 1\nparams: {r: [a, b]}\nnodes: {a: {use: camera, path: 'x${r}'}, b: {use: baf, names: '${r}', window: '${r'}}\nflow: [a -> b]",
         ["3:32: ${r} is a list, which cannot stand inside a text",
          "3:79: '${r': `${` without `}`; write `$${` for the signs themselves"]),
        ("eventflow: 1\nnodes: {a: {use: camera}, b: {use: baf}}\nflow: [a -> b]\nplace: {p: [a, bb], q: [b, a], r: a}",
         ["4:16: place 'p': unknown node 'bb'. Did you mean 'b'?", "4:28: place 'q': node 'a' is already in place 'p'",
          "4:35: place 'r' is a text; expected a list"]),
    ],
)  # fmt: skip
def test_problems_of_form(write, text: str, expected: list[str]):
    assert problems(lambda: load_graph(write(text))) == [f"g.yaml:{each}" for each in expected]


def test_optional_inputs_may_stay_open(write):
    assert len(load_graph(write(file_of("camera -> show.events"))).edges) == 1


def test_a_middle_port_counts_for_the_side_that_has_it(write):
    graph = load_graph(write(file_of("both.events -> join.events -> show.events; both.truth -> join.tracks")))
    assert [edge.begin for edge in graph.edges] == ["both.events", "join.events", "both.truth"]


def test_substitution(write):
    text = "eventflow: 1\nparams: {k: 3, w: 1ms, a: x, t: true}\nnodes:\n  camera: {use: camera, path: '${a}-${k}-${t}$${a}'}\n"
    text += (
        "  clean: {use: baf, k: '${k}', window: '${ w }', on: '${t}'}\nflow: ['camera -> clean': {packets: '${k}'}]\n"
    )
    graph = load_graph(write(text))
    assert graph.nodes["camera"].parameters["path"] == Path("x-3-true${a}")
    clean = graph.nodes["clean"].parameters
    assert (clean["k"], clean["window"], clean["on"], graph.edges[0].packets) == (3, 1_000, True, 3)


INNER = """\
eventflow: 1
params: {window: 5ms}
nodes:
  clean: {use: baf, window: "${window}"}
  slices: {use: cutter, every: 1ms}
flow: [clean -> slices]
ports: {in: clean.events, out: {events: clean, slices: slices.slice}}
"""
OUTER = """\
eventflow: 1
include: {front: {graph: sub/inner.yaml, params: {window: 2ms}}}
nodes:
  camera: {use: camera}
  grid: {use: grid}
  save: {use: save, path: o}
flow:
  - camera -> front.in
  - front.slices -> grid
  - front.events -> save
place: {a: [front, camera]}
"""


def test_include(write, tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.yaml").write_text(INNER)
    graph = load_graph(write(OUTER))
    assert list(graph.nodes) == ["front/clean", "front/slices", "camera", "grid", "save"]
    assert graph.nodes["front/clean"].parameters["window"] == 2_000
    assert {(edge.begin, edge.end) for edge in graph.edges} == {
        ("front/clean.events", "front/slices.events"),
        ("camera.events", "front/clean.events"),
        ("front/slices.slice", "grid.slice"),
        ("front/clean.events", "save.message"),
    }
    assert graph.place == {"a": ["front/clean", "front/slices", "camera"]}
    for setting, window in {"front.window=3ms": 3_000, "front/clean.window=4ms": 4_000}.items():
        assert load_graph("g.yaml", set=[setting]).nodes["front/clean"].parameters["window"] == window
    assert problems(lambda: load_graph("g.yaml", set=["front.windw=3ms", "frnt.window=1ms"])) == [
        "--set front.windw=3ms: unknown param 'windw' of include 'front'. Did you mean 'window'?",
        "--set frnt.window=1ms: unknown node 'frnt'. Did you mean 'front'?",
    ]
    assert "it is an open port: this graph is to be included" in problems(lambda: load_graph("sub/inner.yaml"))[0]


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        (("baf,", "baff,"), ("", ""), ["sub/inner.yaml:4:16: node 'front/clean': unknown node 'baff'. Did you mean 'baf'?"]),
        (("", ""), ("{window: 2ms}", "{windw: 2ms}"), ["g.yaml:2:51: include 'front': unknown param 'windw'. Did you mean 'window'?"]),
        (("", ""), ("inner.yaml", "iner.yaml"), ["g.yaml:2:26: include 'front': sub/iner.yaml: No such file or directory"]),
        (("", ""), ("front.in", "front.inn"), ["g.yaml:8:15: include 'front' has no input 'inn'. Did you mean 'in'?"]),
        (("", ""), ("front.slices ->", "front ->"), ["g.yaml:9:5: include 'front' has the outputs events, slices; write front.events"]),
        (("clean.events, out", "clan.events, out"), ("", ""), ["sub/inner.yaml:7:13: unknown node 'clan'. Did you mean 'clean'?"]),
        (("eventflow: 1\n", "eventflow: 1\ninclude: {again: ../g.yaml}\n"), ("", ""),
         ["sub/inner.yaml:2:18: include 'front/again': the files include each other: g.yaml -> inner.yaml -> g.yaml"]),
        (("{in: clean.events", "{in: [clean.events, clean.foo]"), ("", ""), ["g.yaml:8:15: node 'front/clean' has no input 'foo'; known: events"]),
        (("", ""), ("{front:", "{camera:"), ["g.yaml:2:11: include 'camera': a node has this name already"]),
    ],
)  # fmt: skip
def test_include_problems(write, tmp_path: Path, inner: tuple[str, str], outer: tuple[str, str], expected: list[str]):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.yaml").write_text(INNER.replace(*inner) if inner[0] else INNER)
    found = problems(lambda: load_graph(write(OUTER.replace(*outer) if outer[0] else OUTER)))
    assert set(expected) <= set(found), found


def test_names_are_looked_up(write, tmp_path: Path):
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "mine.yaml").write_text(GOOD)
    assert load_graph("mine").path == "graphs/mine.yaml"
    assert load_graph("mine.yaml").name == "good"
    assert "Did you mean 'mine'?" in problems(lambda: load_graph("mien"))[0]
    assert "is a folder" in problems(lambda: load_graph("graphs"))[0]
    assert "no such graph file" in problems(lambda: load_graph("nowhere/x.yaml"))[0]


def test_graphs_in_python():
    graph = graph_from_dict(
        {
            "nodes": {"camera": {"use": "camera"}, "clean": {"use": "baf", "window": 5_000, "names": ["a"]}},
            "flow": ["camera -> clean"],
        }
    )
    assert isinstance(graph, Graph)
    assert graph.nodes["clean"].parameters["window"] == 5_000
    assert problems(lambda: graph_from_dict({"nodes": {"c": {"use": "baf", "windw": 1}}, "flow": ["c -> d"]})) == [
        "graph.flow[0]: unknown node 'd'; known: c",
        "graph.nodes.c.windw: node 'c': baf has no parameter 'windw'. Did you mean 'window'?",
    ]


def test_place_files(write):
    graph = load_graph(write(GOOD))
    assert place_from_file(write("place: {x: [camera], y: [clean, save]}", "p.yaml"), graph) == {
        "x": ["camera"],
        "y": ["clean", "save"],
    }
    found = problems(lambda: place_from_file(write("place: {x: [camra], y: [clean, clean]}", "p.yaml"), graph))
    assert found == [
        "p.yaml:1:13: place 'x': unknown node 'camra'. Did you mean 'camera'?",
        "p.yaml:1:32: place 'y': node 'clean' is already placed",
    ]
    assert "expected a `place:` map" in problems(lambda: place_from_file(write("[1]", "p.yaml"), graph))[0]


def test_a_broken_plugin_breaks_only_itself(write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from plugins import visible, write_dist_info

    write_dist_info(
        tmp_path, "broken-one", {"broken": "nowhere:Node", "baf": "graph_nodes:Pass", "path": "pathlib:Path"}
    )
    with visible(monkeypatch, tmp_path):
        found = problems(lambda: load_graph(write(file_of("camera -> clean", x="{use: broken}", y="{use: path}"))))
        assert load_graph(write(file_of("camera -> tap -> save"))).nodes
    assert "node 'baf' is claimed by broken-one and eventflow-graph-tests" in found[0]
    assert "node 'broken' of broken-one (nowhere:Node) cannot be loaded" in found[1]
    assert "pathlib:Path is no Node class" in found[2]
