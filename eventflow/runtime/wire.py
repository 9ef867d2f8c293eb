"""The wire format: what stands in the frames of a message between processes and hosts. docs/wire.md describes it.

Frame 0 is the header: one MessagePack array, its first element the kind. Frames 1.. are raw little-endian buffers.
Nothing is unpickled, and no buffer is looked at before its size has been compared with what the header says. The
messages themselves are eventflow.codec's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from eventflow import codec
from eventflow.codec import MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES
from eventflow.codec import VERSION as VERSION
from eventflow.codec import Data as Data
from eventflow.codec import Header as Header
from eventflow.codec import data_header as data_header
from eventflow.codec import describe_arrays as describe_arrays
from eventflow.codec import parts_of as parts_of
from eventflow.codec import size_of as size_of
from eventflow.errors import CodecError, LinkError
from eventflow.messages import StreamInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

COPY_BELOW_BYTES = 128 * 1024
"""Smaller frames are copied: uncopied small ones arrive unaligned, and cost more than the copy."""


class Hello(Header, frozen=True, tag="hello"):
    """First message of a sender: who it is, and its stream."""

    token: str
    name: str
    info: dict[str, Any]


class Watermark(Header, frozen=True, tag="watermark"):
    """No message with time < t (µs) will come."""

    t: int
    ingest_ns: int


class Barrier(Header, frozen=True, tag="barrier"):
    """A cut through the streams for a consistent snapshot (Chandy and Lamport 1985)."""

    id: int


class Eos(Header, frozen=True, tag="eos"):
    """The stream is over: `seq` messages were numbered, and it reached time `t_end` (µs)."""

    seq: int
    t_end: int


class EosAck(Header, frozen=True, tag="eos-ack"):
    """The receiver has everything up to the end; only now may the sender close."""

    seq: int


class Credit(Header, frozen=True, tag="credit"):
    """The receiver is done with so many packets and bytes; the sender may have that many more outstanding."""

    packets: int
    bytes: int


class Beat(Header, frozen=True, tag="beat"):
    """The peer is alive."""

    monotonic_ns: int


class Error(Header, frozen=True, tag="error"):
    """The peer gives up, and why."""

    text: str


class Reset(Header, frozen=True, tag="reset"):
    """Time starts anew at the source; what follows is unrelated to what came before."""

    reason: str


AnyHeader = Hello | Data | Watermark | Barrier | Eos | EosAck | Credit | Beat | Error | Reset


_decoder = msgspec.msgpack.Decoder(AnyHeader)


def encode_header(header: AnyHeader) -> bytes:
    """Return frame 0."""
    return codec.encoder.encode(header)


def decode_header(frame: bytes | memoryview) -> AnyHeader:
    """Return the header in frame 0.

    Raises:
        LinkError: no header, or one of another protocol version.
    """
    try:
        header: AnyHeader = _decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError(f"not an eventflow message: {error}") from None
    if header.v != VERSION:
        raise LinkError(f"the peer speaks version {header.v} of the wire format, this program version {VERSION}")
    return header


def message_from_frames(header: Data, frames: Sequence[bytes | memoryview]) -> Any:
    """Return the message that a data header and its frames hold; its arrays share the frames' memory.

    Raises:
        LinkError: the frames are not what the header says, or break an invariant of the message.
    """
    try:
        return codec.message_from_frames(header, frames)
    except CodecError as error:
        raise LinkError(f"edge {header.edge}, seq {header.seq}: {error}") from None


def check_events(message: Any) -> None:
    """Check what a stranger's events claim: pixels within the sensor, polarity, order, pad bytes.

    Raises:
        LinkError: they break it.
    """
    try:
        codec.check_events(message)
    except CodecError as error:
        raise LinkError(str(error)) from None


_INFO_FIELDS = {field.name for field in dataclasses.fields(StreamInfo)}


def plain_from_info(info: StreamInfo) -> dict[str, Any]:
    """Return a StreamInfo as MessagePack holds it."""
    return {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}


def info_from_plain(plain: dict[str, Any]) -> StreamInfo:
    """Return the StreamInfo that `plain_from_info` described.

    Raises:
        LinkError: it is none.
    """
    try:
        return msgspec.convert(plain, StreamInfo, strict=True) if plain.keys() <= _INFO_FIELDS else StreamInfo(**plain)
    except (msgspec.ValidationError, TypeError) as error:
        raise LinkError(f"not a stream description: {error}") from None
