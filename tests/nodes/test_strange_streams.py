"""Every filter, slicer and representation with what real streams do wrong: strange times, small and large sensors."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.digest import content_hash
from eventflow.errors import EventsError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.drive import drive, recut
from eventflow.graph.node import Node
from eventflow.graph.registry import node_classes
from eventflow.messages import Slice, StreamInfo

COUNT = 240
HOUR, EPOCH, WRAP = 3_600_000_000, 1_643_243_628_737_093, 1 << 24
STEADY = np.arange(COUNT, dtype=np.int64) * 400
HALF = COUNT // 2
TIMES = {
    "steady": STEADY,
    "equal": np.full(COUNT, 5_000, np.int64),
    "epoch": STEADY + EPOCH,
    "before_zero": STEADY - 50_000,
    "an_hour_ahead": STEADY + HOUR * (np.arange(COUNT) >= HALF),
    "hot_pixel_100_khz": np.arange(COUNT, dtype=np.int64) * 10,
    "back": STEADY - 60_000 * (np.arange(COUNT) >= HALF),
    "wrapping": (STEADY + WRAP - 20_000) % WRAP,
}
UNORDERED = {"back", "wrapping"}
SENSORS = [(12, 9), (1, 1), (1280, 720)]
FOLDERS = ("denoise", "slice", "voxel")
NEED_FILES = {"mask", "mlpf", "score_model"}  # their kernels are in tests/unit/kernels/test_denoisers.py
SETTINGS = {
    "frequency_band": {"low": 10.0, "high": 1000.0},
    "region": {"width": 1, "height": 1},
    "undistort": {"fx": 9.0, "fy": 9.0, "distortion": [-0.1, 0.0, 0.0, 0.0]},
    "warped_events": {"vx": 300.0, "vy": -150.0},
}


def stream(times: str, width: int, height: int) -> Events:
    """Return events most of which are on the border; with a hot pixel, three of four at the last pixel."""
    rng = np.random.default_rng(1)
    records = np.zeros(COUNT, EVENT_DTYPE)
    records["t"], records["p"] = TIMES[times], rng.integers(0, 2, COUNT)
    records["x"] = np.clip(rng.integers(-6, width + 6, COUNT), 0, width - 1)
    records["y"] = np.clip(rng.integers(-6, height + 6, COUNT), 0, height - 1)
    if times.startswith("hot"):
        records["x"][np.arange(COUNT) % 4 > 0], records["y"][np.arange(COUNT) % 4 > 0] = width - 1, height - 1
    return Events(records, width, height)


def inputs_of(cls: type[Node], events: Events) -> dict[str, list]:
    """Return what the node takes, made from the events: themselves, or slices of them of which one is empty."""
    found: dict[str, list] = {}
    for name, port in cls.declaration.inputs.items():
        if Events in port.types:
            found[name] = [events]
        elif Slice in port.types:
            t0, t1 = int(events.t.min()), int(events.t.max())
            empty = Slice(Events.empty(events.width, events.height), t1, t1 + 10, 1, complete=True)
            found[name] = [Slice(events, t0, t1, 0, complete=True), empty]
        else:
            found[name] = []
    return found


def numbers(message: object) -> list[np.ndarray]:
    values = [getattr(message, name, None) for name in ("data", "image", "scores", "features")]
    return [value for value in values if isinstance(value, np.ndarray)] if not isinstance(message, Slice) else []


def outputs_of(cls: type[Node], name: str, given: dict, infos: dict, *, may_refuse: bool) -> dict | None:
    """Return what the node gives; None where it says, as it may of events out of order, that it cannot."""
    try:
        return drive(cls(**SETTINGS.get(name, {})), given, infos=infos)
    except EventsError:
        if not may_refuse:
            raise
        return None


NODES = {
    name: cls
    for name, cls in node_classes()
    if isinstance(cls, type) and cls.__module__.split(".")[1] in FOLDERS and name not in NEED_FILES
}


def test_there_are_many():
    assert len(NODES) > 55


@pytest.mark.parametrize("name", NODES)
def test_strange_streams(name):
    cls = NODES[name]
    for size in SENSORS:
        for times in TIMES if size == (12, 9) else ("steady", "an_hour_ahead"):
            events = stream(times, *size)
            given = inputs_of(cls, events)
            infos = dict.fromkeys(cls.declaration.inputs, StreamInfo(*size))
            before = content_hash([events])
            where = f"{name}, {times}, {size[0]}x{size[1]}"
            outputs = outputs_of(cls, name, given, infos, may_refuse=times in UNORDERED)
            if outputs is None:
                continue
            for found in outputs.values():
                for message in found:
                    assert all(np.isfinite(value).all() or value.ndim == 1 for value in numbers(message)), where
                    assert not any(np.isnan(value).any() for value in numbers(message)), where
            assert content_hash([events]) == before, where
            if "events" in given and size == (12, 9):
                again = drive(cls(**SETTINGS.get(name, {})), given, infos=infos, cuts=[7])
                whole = {port: content_hash(recut(found, [1 << 40])) for port, found in outputs.items()}
                assert {port: content_hash(recut(found, [1 << 40])) for port, found in again.items()} == whole, where


@pytest.mark.parametrize(("x", "y"), [(12, 0), (0, 9), (-1, 0), (0, -1)])
def test_pixels_beyond_the_sensor_never_reach_a_node(x, y):
    array = np.array([[0, 3, 3, 1], [5, x, y, 0]])
    with pytest.raises(EventsError, match=f"event 1 is at x={x}, y={y}"):
        Events.from_numpy(array, width=12, height=9)
    assert len(Events.from_numpy(array, width=12, height=9, outside="drop")) == 1
