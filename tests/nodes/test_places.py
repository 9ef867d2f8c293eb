"""Nodes of place recognition: the node contract, and what they do with odd streams and maps."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

import eventflow as ef
from eventflow.errors import ParameterError
from eventflow.graph.drive import drive
from eventflow.messages import Descriptor, Grid, Place, Pose, StreamInfo
from eventflow.place import DescriptorSettings, PlaceMap, load_map, save_map
from eventflow.testing import NodeConformance, events
from eventflow_nodes.place.place_learn import PlaceLearn
from eventflow_nodes.place.place_recognise import PlaceRecognise
from eventflow_nodes.place.place_score import PlaceScore
from eventflow_nodes.place.sequence_match import SequenceMatch
from eventflow_nodes.slice.slice_distance import SliceDistance

SETTINGS = DescriptorSettings(width=12, height=9, grids=((3, 4),))
INFO = StreamInfo(12, 9, attributes={"descriptor": SETTINGS.as_dict()})
FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
LOOK = np.random.default_rng(3).gamma(2.0, 9.0, (15, 12)).astype(np.float32)
MAP = str(save_map(PlaceMap.of(SETTINGS, LOOK), FOLDER / "map.h5"))


@st.composite
def descriptors(draw):
    t, found = 0, []
    for place, step in draw(st.lists(st.tuples(st.integers(-1, 14), st.sampled_from([0, 250_000])), max_size=8)):
        vector = LOOK[place] if place >= 0 else np.zeros(12, np.float32)
        found.append(Descriptor(vector, t, t + step, 0 if place < 0 else 100))
        t += step
    return found


@st.composite
def places(draw):
    t, found = 0, []
    for step, place in draw(st.lists(st.tuples(st.sampled_from([0, 1000]), st.integers(-1, 40)), max_size=8)):
        t += step
        found.append(Place(t, place, 0.5, np.array([max(place, 0)])))
    return found


@st.composite
def poses(draw):
    t, at, found = 0, np.zeros(3), []
    for step, gone in draw(st.lists(st.tuples(st.integers(1, 9_000), st.sampled_from([0.0, 0.3, 2.5])), max_size=8)):
        t, at = t + step, at + np.array([gone, 0, 0])
        found.append(Pose(t, at.copy(), np.array([0.0, 0, 0, 1])))
    return found


def one_packet(packets):
    return packets.map(lambda packet: [packet] if len(packet) else [])


class _Described(NodeConformance):
    def _infos(self):
        return dict.fromkeys(self.node.declaration.inputs, INFO)


class TestPlaceLearn(_Described):
    node = PlaceLearn
    parameters: ClassVar = {"path": "{folder}/new.h5"}
    inputs = st.fixed_dictionaries({"pose": poses(), "place": places(), "descriptor": descriptors()})
    resumable = False


class TestPlaceRecognise(_Described):
    node = PlaceRecognise
    parameters: ClassVar = {"map": MAP}
    inputs = st.fixed_dictionaries({"descriptor": descriptors()})


class TestPlaceRecogniseSpeeds(TestPlaceRecognise):
    parameters: ClassVar = {"map": MAP, "sequence": "speeds", "length": 3, "matcher": "l1"}


class TestSequenceMatch(NodeConformance):
    node = SequenceMatch
    parameters: ClassVar = {"map": MAP}
    inputs = st.fixed_dictionaries(
        {
            "similarity": st.lists(st.integers(0, 14), max_size=6).map(
                lambda rows: [_similar(*each) for each in enumerate(rows)]
            )
        }
    )


def _similar(t, place):
    row = np.linspace(0, 0.1, 15, dtype=np.float32)
    row[place] = 0.9
    return Grid(row[None, None], t, t + 1, ("similarity",))


class TestPlaceScore(NodeConformance):
    node = PlaceScore
    parameters: ClassVar = {"ring": 50}
    inputs = st.fixed_dictionaries({"truth": places(), "place": places()})


class TestSliceDistance(NodeConformance):
    node = SliceDistance
    inputs = st.fixed_dictionaries({"pose": poses(), "events": one_packet(events())})


def descriptor(place, t):
    return Descriptor(LOOK[place], t, t + 1, 100)


def learned(tmp_path, stream, **options):
    node = PlaceLearn(path=str(tmp_path / "a.h5"), **options)
    drive(node, stream, infos={"descriptor": INFO} | {port: StreamInfo() for port in stream if port != "descriptor"})
    return node, load_map(tmp_path / "a.h5")


def test_a_map_is_numbered_in_the_order_of_driving_and_can_be_extended(tmp_path):
    stream = [descriptor(place, 10 * place) for place in range(5)]
    node, found = learned(tmp_path, {"descriptor": [*stream, Descriptor(np.zeros(12, np.float32), 60, 61, 0)]})
    assert list(found.places) == [0, 1, 2, 3, 4]
    assert node.skipped == {"windows in which nothing moved": 1}
    _, found = learned(tmp_path, {"descriptor": stream}, extend=True)
    assert list(found.places) == list(range(10))
    assert list(found.routes) == [0] * 5 + [1] * 5


def test_given_places_are_kept_and_windows_off_the_route_left_out(tmp_path):
    truth = [Place(t, place, 1.0) for t, place in ((0, 7), (10, 7), (20, -1), (30, 9))]
    node, found = learned(
        tmp_path, {"descriptor": [descriptor(place, 10 * place) for place in range(4)], "place": truth}
    )
    assert list(found.places) == [7, 7, 9]
    assert node.skipped == {"windows off the route": 1}


def test_other_settings_are_refused_and_named():
    for change, words in (({"width": 13}, "width is 13"), ({"source": "100 ms"}, "source is '100 ms'")):
        plain = DescriptorSettings(**(SETTINGS.as_dict() | change)).as_dict()
        with pytest.raises(ParameterError, match=words):
            PlaceRecognise(map=MAP).start(StreamInfo(12, 9, attributes={"descriptor": plain}))
    with pytest.raises(ParameterError, match="describe"):
        PlaceRecognise(map=MAP).start(StreamInfo(12, 9))


def test_a_slice_ends_with_the_pose_by_which_the_distance_is_full():
    packet = ef.synth.render("still", width=12, height=9, duration=100_000, noise=200.0)
    stream = [Pose(10_000 * number, np.array([0.4 * number, 0, 0]), np.array([0.0, 0, 0, 1])) for number in range(9)]
    cut = drive(SliceDistance(every=1.0), {"pose": stream, "events": [packet]})["slice"]
    assert [(piece.t0, piece.t1, piece.complete) for piece in cut] == [
        (0, 30_000, True),
        (30_000, 50_000, True),
        (50_000, 80_000, True),
        (80_000, cut[-1].t1, False),
    ]
    assert sum(map(len, cut)) == len(packet)


def test_a_jump_is_survived_in_a_running_graph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).parents[2] / "graphs"
    ef.run(root / "place-learn.yaml", set={"places": 60})
    summary = ef.run(root / "place-recognise.yaml", set={"places": 60, "jumps": 3})
    found = summary["results"]["score"]
    assert found["recall_at_1"] > 0.7
    assert found["recovered_s"]
    assert all(seconds is not None and seconds <= 5 for seconds in found["recovered_s"])
