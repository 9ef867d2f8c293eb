"""Messages as bytes: plain fields in one MessagePack array, arrays as raw little-endian buffers beside it.

Links between processes and the MCAP container carry the same messages; docs/wire.md describes the header. Nothing is
unpickled, and no buffer is looked at before its size has been compared with what the header says.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from eventflow.errors import CodecError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Message, events_in, first_time_of, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
EVENTS_ENCODING = "aos16"
MAX_MESSAGE_BYTES = 1 << 31

_CODES = ("|u1", "|i1", "|b1", *(f"<{kind}{size}" for kind in "iuf" for size in (2, 4, 8)))
_DTYPES: dict[str, np.dtype[Any]] = {EVENTS_ENCODING: EVENT_DTYPE, **{code: np.dtype(code) for code in _CODES}}
_MAX_DIMENSIONS = 8
_KINDS = Message.KINDS
_PLAIN_TYPES: dict[str, Any] = {
    **dict.fromkeys(("int", "float"), (int, float)),
    **{"str": str, "bool": bool, "tuple": list},
    **dict.fromkeys(("NDArray", "ndarray", "Events"), ()),  # these stand in frames of their own
}


class Header(msgspec.Struct, array_like=True, tag_field="kind", frozen=True):
    """Base of all headers: `v` is the protocol version, `edge` the number of the edge."""

    v: int
    edge: int


class Data(Header, frozen=True, tag="data"):
    """One message.

    Attributes:
        seq: its number on the edge, from 0; a dropped message leaves a hole.
        gap: messages dropped between the one before and this one.
        type: "Events", "Slice", "Grid", ….
        encoding: of event records: "aos16", 16 bytes an event: t i64, x u16, y u16, p u8, three zero bytes.
        count: events in the message.
        t0: its first time, µs.
        t1: its last time, µs.
        watermark: no message with time < watermark will come after it, µs.
        width: sensor width, px.
        height: sensor height, px.
        ingest_ns: CLOCK_MONOTONIC of the host when the newest event in it entered the graph.
        trace: an id that follows a sampled message through the graph; 0: not sampled.
        fields: plain fields by name; those of a nested Events as "events.width".
        arrays: [name, dtype, shape] of each frame that follows, in order.
    """

    seq: int
    gap: int
    type: str
    encoding: str
    count: int
    t0: int
    t1: int
    watermark: int
    width: int
    height: int
    ingest_ns: int
    trace: int
    fields: dict[str, Any]
    arrays: list[tuple[str, str, list[int]]]


def _plain(value: Any) -> Any:
    """Nodes take times and scores out of arrays, so plain fields may be NumPy scalars."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a message field of type {type(value).__name__} cannot travel; use arrays and plain values")


encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_data_decoder = msgspec.msgpack.Decoder(Data)


def decode_data(frame: bytes | memoryview) -> Data:
    """Return the header of a message.

    Raises:
        CodecError: no such header, or one of another version.
    """
    try:
        header = _data_decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CodecError(f"not the header of a message: {error}") from None
    if header.v != VERSION:
        raise CodecError(f"a message of version {header.v}; this program knows version {VERSION}")
    return header


def parts_of(message: Any) -> tuple[dict[str, Any], list[tuple[str, np.ndarray]]]:
    """Return a message's plain fields and its arrays, both by name."""
    if isinstance(message, Events):
        plain = {"width": message.width, "height": message.height, "ordered": message.ordered}
        columns = [(name, getattr(message, name)) for name in ("labels", "scores")]
        return plain, [
            ("records", message.records),
            *((name, column) for name, column in columns if column is not None),
        ]
    plain, arrays = {}, []
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if isinstance(value, np.ndarray):
            arrays.append((field.name, value))
        elif isinstance(value, Events):
            inner_plain, inner_arrays = parts_of(value)
            plain |= {f"{field.name}.{name}": each for name, each in inner_plain.items()}
            arrays += [(f"{field.name}.{name}", array) for name, array in inner_arrays]
        else:
            plain[field.name] = value
    return plain, arrays


def size_of(message: Any) -> int:
    """Return the bytes of a message's arrays."""
    if isinstance(message, Events):
        size = message.records.nbytes
        for column in (message.labels, message.scores):
            size += 0 if column is None else column.nbytes
        return size
    return sum(array.nbytes for _, array in parts_of(message)[1])


def describe_arrays(arrays: Sequence[tuple[str, np.ndarray]]) -> list[tuple[str, str, list[int]]]:
    """Return what the header says of the arrays that follow it."""
    return [
        (name, EVENTS_ENCODING if array.dtype == EVENT_DTYPE else array.dtype.str, list(array.shape))
        for name, array in arrays
    ]


def data_header(
    message: Any, edge: int, seq: int, gap: int, watermark: int, ingest_ns: int
) -> tuple[Data, list[np.ndarray]]:
    """Return the header of a message and the arrays whose buffers follow it."""
    plain, arrays = parts_of(message)
    header = Data(
        VERSION,
        edge,
        seq,
        gap,
        type(message).__name__,
        EVENTS_ENCODING,
        events_in(message),
        first_time_of(message),
        time_of(message),
        watermark,
        plain.get("width", 0),
        plain.get("height", 0),
        ingest_ns,
        0,
        plain,
        describe_arrays(arrays),
    )
    return header, [array for _, array in arrays]


def message_from_frames(header: Data, frames: Sequence[bytes | memoryview]) -> Any:
    """Return the message that a data header and its frames hold; its arrays share the frames' memory.

    Raises:
        CodecError: the frames are not what the header says, or break an invariant of the message.
    """
    if len(frames) != len(header.arrays):
        raise CodecError(f"{len(frames)} buffers, the header says {len(header.arrays)}")
    cls = _KINDS.get(header.type)
    if cls is None:
        raise CodecError(f"unknown message type {header.type!r}")
    arrays = {
        name: array_of(name, dtype, shape, frame)
        for (name, dtype, shape), frame in zip(header.arrays, frames, strict=True)
    }
    try:
        message = _events(header.fields, arrays, "") if cls is Events else _message(cls, header.fields, arrays)
        said, found = _facts(header), (events_in(message), first_time_of(message), time_of(message))
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CodecError(f"not a valid {header.type}: {error}") from None
    if said != found:
        raise CodecError(f"not a valid {header.type}: count, t0 and t1 are {found}, the header says {said}")
    return message


def _facts(header: Data) -> tuple[int, int, int]:
    return header.count, header.t0, header.t1


def check_events(message: Any) -> None:
    """Check what a stranger's events claim: pixels within the sensor, polarity, order, pad bytes.

    Raises:
        CodecError: they break it.
    """
    events = getattr(message, "events", message)
    if not isinstance(events, Events) or not len(events):
        return
    records = events.records
    inside = records["x"].max() < events.width and records["y"].max() < events.height and records["p"].max() <= 1
    if not inside:
        raise CodecError(f"events beyond the {events.width}x{events.height} sensor they claim, or of unknown polarity")
    if events.ordered and (np.diff(records["t"]) < 0).any():
        raise CodecError("events said to be in time order are not")
    if records.view("u1").reshape(-1, 16)[:, 13:].any():
        raise CodecError("the pad bytes of the events are not zero")


def bytes_of(dtype: str, shape: list[int]) -> int:
    """Return the bytes of an array that a header speaks of.

    Raises:
        CodecError: it speaks of none.
    """
    kind = _DTYPES.get(dtype)
    if kind is None:
        raise CodecError(f"unknown encoding {dtype!r}")
    if len(shape) > _MAX_DIMENSIONS or not 0 <= min(shape, default=0) <= max(shape, default=0) <= MAX_MESSAGE_BYTES:
        raise CodecError(f"an array of shape {shape}")
    return math.prod(shape) * kind.itemsize


def array_of(name: str, dtype: str, shape: list[int], frame: bytes | memoryview) -> np.ndarray:
    """Return the array in a buffer, read-only; it shares the buffer's memory where that is aligned.

    Raises:
        CodecError: the buffer is not what the header says.
    """
    kind = _DTYPES.get(dtype)
    if kind is None:
        raise CodecError(f"array {name!r}: unknown encoding {dtype!r}")
    size = len(frame) if isinstance(frame, bytes) else frame.nbytes
    sane = len(shape) <= _MAX_DIMENSIONS and 0 <= min(shape, default=0) <= max(shape, default=0) <= MAX_MESSAGE_BYTES
    if not sane or math.prod(shape) * kind.itemsize != size:
        raise CodecError(f"array {name!r}: {size} bytes are not shape {shape} of {dtype}")
    if not size:
        return np.empty(0, kind).reshape(shape)
    array = np.frombuffer(frame, kind)
    if not array.flags.aligned:
        array = np.frombuffer(bytes(frame), kind)
    if len(shape) != 1:
        array = array.reshape(shape)
    if array.flags.writeable:
        array.flags.writeable = False
    return array


def _events(fields: dict[str, Any], arrays: dict[str, np.ndarray], prefix: str) -> Events:
    return Events(
        arrays[f"{prefix}records"],
        int(fields[f"{prefix}width"]),
        int(fields[f"{prefix}height"]),
        ordered=bool(fields[f"{prefix}ordered"]),
        labels=arrays.get(f"{prefix}labels"),
        scores=arrays.get(f"{prefix}scores"),
    )


def _message(cls: type, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    values: dict[str, Any] = {}
    for name, kind in _field_kinds(cls).items():
        if f"{name}.records" in arrays:
            values[name] = _events(fields, arrays, f"{name}.")
        elif name in arrays:
            values[name] = arrays[name]
        else:
            value = fields[name]
            if kind is not None and not isinstance(value, kind):
                raise TypeError(f"field {name!r} is {type(value).__name__}")
            values[name] = tuple(value) if isinstance(value, list) else value
    return cls(**values)


@lru_cache(maxsize=256)
def _field_kinds(cls: type) -> dict[str, Any]:
    """Return the types that each field of a message class may have in the header; None: any."""
    kinds: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        text = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
        name = text.partition("[")[0]
        kinds[field.name] = None if "None" in text else _PLAIN_TYPES.get(name)
    return kinds
