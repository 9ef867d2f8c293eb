"""The codec: every message comes back as it was; anything else is a LinkError, never a crash."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.digest import content_hash
from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.messages import (
    Alarm,
    Boxes,
    Corners,
    Descriptor,
    Fix,
    Flow,
    Frame,
    Grid,
    Imu,
    Label,
    Message,
    Place,
    Pose,
    Raw,
    Slice,
    StreamInfo,
    Tracks,
    Triggers,
    Voxels,
    time_of,
)
from eventflow.runtime import wire
from eventflow.testing import events

_settings = settings(max_examples=120, deadline=None, derandomize=True, database=None)


def column(count: int, dtype: str) -> np.ndarray:
    return (np.arange(count) * 3).astype(dtype)


def every_kind(count: int, packet: Events) -> list[Any]:
    """One message of each kind with columns of a length."""
    f8 = [column(count, "<f8") for _ in range(7)]
    i8, f4 = column(count, "<i8"), column(count, "<f4")
    return [
        Slice(packet, -5, 90, 3, complete=False),
        Grid(np.ones((2, count, 3), np.float32), 0, 10, ("off", "on")),
        Grid(np.ones((1, count, 3), bool), 0, 10),
        Voxels(np.ones((count, 3), np.int32), np.ones((count, 2), np.float32), 0, 10, ("off", "on")),
        Frame(np.zeros((count, 4, 3), np.uint8), 7),
        Tracks(8, i8, *f8),
        Boxes(9, *f8[:4], i8, i8, f8[0]),
        Flow(9, f4, f4, f4, f4),
        Corners(9, i8, column(count, "<u2"), column(count, "<u2"), f4),
        Label(9, 3, 0.5, "nine", f4),
        Label(9, -1, 0.0),
        Place(9, 12, 0.25, i8),
        Pose(9, column(3, "<f8"), column(4, "<f8")),
        Fix(9, 47.25, 8.5, 401.0),
        Descriptor(f4, 0, 10, count),
        Raw(9, column(count, "u1"), "evt3"),
        Alarm(9, "rate_above", True, 2.5e6, 1e6, "pixel 3, 4"),
        Triggers(9, i8, column(count, "u1"), column(count, "u1")),
        Imu(9, i8, np.ones((count, 3), np.float32), np.ones((count, 3), np.float32)),
    ]


def frames_of(message: Any) -> tuple[bytes, list[bytes]]:
    header, arrays = wire.data_header(message, 4, 17, 2, -9, 123)
    return wire.encode_header(header), [array.tobytes() for array in arrays]


def there_and_back(message: Any) -> Any:
    first, rest = frames_of(message)
    header = wire.decode_header(first)
    assert isinstance(header, wire.Data)
    assert (header.edge, header.seq, header.gap, header.watermark, header.ingest_ns) == (4, 17, 2, -9, 123)
    assert header.t1 == time_of(message)
    return wire.message_from_frames(header, rest)


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and content_hash([left]) == content_hash([right])


@_settings
@given(packet=events(labels=True, scores=True), count=st.integers(0, 5))
def test_every_kind_comes_back(packet: Events, count: int) -> None:
    messages = every_kind(count, packet)
    assert {type(each).__name__ for each in messages} | {"Events"} >= set(Message.KINDS) - {"Reset"} & {
        kind for kind, cls in Message.KINDS.items() if cls.__module__.startswith("eventflow.")
    }
    for message in messages:
        assert same(there_and_back(message), message), type(message).__name__


@_settings
@given(packet=events(labels=True).filter(len), with_scores=st.booleans(), plain=st.booleans())
def test_events_come_back_with_their_columns(packet: Events, with_scores: bool, plain: bool) -> None:
    if plain:
        packet = Events(packet.records, packet.width, packet.height, ordered=packet.ordered)
    if with_scores:
        packet = packet.with_columns(scores=np.linspace(0, 1, len(packet), dtype=np.float32))
    back = there_and_back(packet)
    assert same(back, packet)
    assert back.ordered == packet.ordered
    assert (back.labels is None) == (packet.labels is None)
    assert (back.scores is None) == (packet.scores is None)
    assert not back.records.flags.writeable


HEADERS = [
    wire.Hello(1, 2, "token", "a.events", wire.plain_from_info(StreamInfo(4, 3, attributes={"chip": "x"}))),
    wire.Watermark(1, 2, -5, 7),
    wire.Barrier(1, 2, 9),
    wire.Eos(1, 2, 100, 5_000),
    wire.EosAck(1, 2, 100),
    wire.Credit(1, 2, 16, 1 << 40),
    wire.Beat(1, 2, 3),
    wire.Error(1, 2, "broken: µ"),
    wire.Reset(1, 2, "time went back"),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: type(header).__name__)
def test_every_other_header_comes_back(header: Any) -> None:
    assert wire.decode_header(wire.encode_header(header)) == header


def test_another_version_is_refused_with_both_numbers() -> None:
    with pytest.raises(LinkError, match=r"version 2 of the wire format, this program version 1"):
        wire.decode_header(wire.encode_header(wire.Eos(2, 0, 0, 0)))


@_settings
@given(st.binary(max_size=200))
def test_garbage_is_no_header(frame: bytes) -> None:
    with pytest.raises(LinkError):
        wire.decode_header(frame)


NASTY: list[Any] = [
    *(None, True, 0, -1, 1, 2, 255, 1 << 31, 1 << 62, -(1 << 63), (1 << 64) - 1, 0.5, float("inf"), float("nan")),
    *("", "x", "Events", "Tracks", "|O", "<f8", "<u2", "aos16", "records", "\ud7ff"),
    *(b"", b"abc", [], [1], [0, 1 << 63], [-1], [[]], {}, {"t": 1}, {"width": "4"}, [["records", "aos16", [1]]]),
]


def mutate(value: Any, random: Random) -> Any:
    """Replace, remove or add one element somewhere in a header."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        changed = dict(value)
        if random.random() < 0.2:
            del changed[key]
        else:
            changed[key] = mutate(value[key], random)
        return changed
    if isinstance(value, list) and value and random.random() < 0.9:
        index = random.randrange(len(value))
        kept = [] if random.random() < 0.1 else [mutate(value[index], random)]
        return value[:index] + kept + value[index + 1 :]
    return random.choice(NASTY)


def test_a_changed_message_is_an_error_or_a_message() -> None:
    """Any element of a header replaced by anything, any buffer cut or lengthened."""
    random = Random(1)
    packet = Events.from_numpy(np.array([[7, 1, 2, 1], [8, 1, 2, 0]]), columns="txyp", width=4, height=3)
    packet = packet.with_columns(labels=np.ones(2, np.uint8), scores=np.ones(2, np.float32))
    honest = [frames_of(message) for message in [packet, *every_kind(2, packet), *every_kind(0, packet)]]
    outcomes: Counter[str] = Counter()
    for _ in range(20_000):
        first, rest = random.choice(honest)
        plain = (
            mutate(msgspec.msgpack.decode(first), random) if random.random() < 0.9 else msgspec.msgpack.decode(first)
        )
        frames = list(rest)
        if frames and random.random() < 0.3:
            index = random.randrange(len(frames))
            frames[index] = frames[index][: random.randrange(40)] + random.randbytes(random.randrange(20))
        try:
            header = wire.decode_header(msgspec.msgpack.encode(plain))
            assert isinstance(header, wire.Data)
            message = wire.message_from_frames(header, frames)
        except LinkError:
            outcomes["refused"] += 1
        else:
            content_hash([message])
            outcomes["taken"] += 1
    assert outcomes["refused"] > outcomes["taken"] > 1_000  # most fields of a header may have any value of their type


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.float64])
def test_numbers_out_of_arrays_travel(kind: Any) -> None:
    """A node may fill a plain field with an element of an array; that must not depend on where it runs."""
    back = there_and_back(Label(kind(9), np.int64(3), np.float32(0.5)))
    assert (back.t, back.label, back.confidence) == (9, 3, 0.5)


def test_what_cannot_travel_says_so() -> None:
    with pytest.raises(TypeError, match="a message field of type object cannot travel"):
        frames_of(Label(9, 3, 0.5, object()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arrays": [("records", "|O", [1])]}, "unknown encoding"),
        ({"arrays": [("records", "aos16", [1 << 40])]}, "16 bytes are not shape"),
        ({"arrays": [("records", "aos16", [-1])]}, "16 bytes are not shape"),
        ({"arrays": [("records", "aos16", [1]), ("labels", "|u1", [1])]}, "1 buffers, the header says 2"),
        ({"type": "Pickle"}, "unknown message type 'Pickle'"),
        ({"fields": {}}, "not a valid Events"),
        ({"fields": {"width": float("inf"), "height": 3, "ordered": True}}, "not a valid Events"),
        ({"arrays": [("records", "<f8", [2])]}, "not a valid Events"),
        ({"count": 5}, "not a valid Events"),
        ({"t1": 5}, "not a valid Events"),
    ],
)
def test_a_lie_is_named(change: dict[str, Any], said: str) -> None:
    packet = Events.from_numpy(np.array([[7, 1, 2, 1]]), columns="txyp", width=4, height=3)
    header, arrays = wire.data_header(packet, 4, 17, 0, 0, 0)
    header = msgspec.structs.replace(header, **change)
    with pytest.raises(LinkError, match=said) as caught:
        wire.message_from_frames(header, [array.tobytes() for array in arrays])
    assert "edge 4, seq 17" in str(caught.value)


def test_unaligned_buffers_are_copied() -> None:
    packet = Events.from_numpy(np.array([[7, 1, 2, 1], [8, 1, 2, 0]]), columns="txyp", width=4, height=3)
    header, (records,) = wire.data_header(packet, 4, 17, 0, 0, 0)
    shifted = memoryview(b"x" + records.tobytes())[1:]
    back = wire.message_from_frames(header, [shifted])
    assert back.records.flags.aligned
    assert same(back, packet)


def test_a_stream_description_is_one_or_an_error() -> None:
    info = StreamInfo(4, 3, t_start=5, source="x", attributes={"a": 1})
    assert wire.info_from_plain(wire.plain_from_info(info)) == info
    for wrong in ({"width": 4, "depth": 3}, {"width": "wide"}, {"attributes": 3}):
        with pytest.raises(LinkError, match="not a stream description"):
            wire.info_from_plain(wrong)
