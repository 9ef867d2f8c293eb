"""Drawings: well formed, complete, nothing on top of anything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

from eventflow.graph import draw_mermaid, draw_svg, graph_from_dict
from eventflow.graph.layout import layered

GRAPH = {
    "name": 'a "name" & <more>',
    "nodes": {
        "camera": {"use": "camera", "path": 'a<b>&"c".raw'},
        "both": {"use": "both"},
        "clean": {"use": "baf", "window": "9ms", "on_error": "skip"},
        "show": {"use": "show"},
        "join": {"use": "join"},
        "save": {"use": "save", "path": "/a/very/long/path/that/no/box/should/have/to/hold/file.npz"},
    },
    "flow": [
        "camera -> clean -> save",
        {"clean -> show.events": {"when_full": "drop_oldest", "packets": 4, "bytes": "1MB", "time": None}},
        "both.events -> join.events -> save",
        "both.truth -> join.tracks",
    ],
    "place": {"front": ["camera", "clean"], "apart": ["both", "save"]},
}


def test_svg_is_well_formed_and_says_everything():
    graph = graph_from_dict(GRAPH)
    svg = draw_svg(graph)
    root = ET.fromstring(svg)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {*GRAPH["nodes"], "baf", "window: 9ms", "on_error: skip", 'path: a<b>&"c".raw', "front", "apart"} <= texts
    assert {"events", "truth", "tracks"} <= texts
    assert {"drop oldest", "4 packets", "1MB", "no time limit"} <= {word for text in texts for word in text.split(", ")}
    assert len(root.findall(".//*[@class='edge']")) == 5
    assert len(root.findall(".//*[@class='edge lossy']")) == 1
    assert "k: 1" not in texts, "a default needs no ink"
    assert draw_svg(graph) == svg


def test_mermaid():
    text = draw_mermaid(graph_from_dict(GRAPH))
    assert 'title: "a #quot;name#quot; #amp; #lt;more#gt;"' in text
    assert 'n2["clean<br/>baf<br/>window: 9ms<br/>on_error: skip"]' in text
    assert '  n2 -.->|"events, drop oldest, 4 packets, 1MB, no time limit"| n3' in text
    assert text.count("subgraph") == text.count("\n  end\n") == 2


def test_layout_keeps_boxes_apart_and_time_running_right():
    names = [f"n{number}" for number in range(14)]
    edges = [(a, b) for i, a in enumerate(names) for j, b in enumerate(names) if i < j and (i * 7 + j * 3) % 5 == 0]
    sizes = {name: (60.0 + 7 * number, 30.0 + 5 * number) for number, name in enumerate(names)}
    layout = layered(sizes, edges, names)
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(layout.boxes.values(), 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    for begin, end in edges:
        assert layout.boxes[begin][0] + layout.boxes[begin][2] < layout.boxes[end][0]
    for passing in layout.passing:
        for x, y in passing:
            assert not any(bx < x < bx + bw and by < y < by + bh for bx, by, bw, bh in layout.boxes.values())


def test_an_empty_layout():
    assert layered({}, [], []).width == 0
