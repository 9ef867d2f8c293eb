"""The loops over the records of logs: where the messages of a chunk are, bounds checked before every read."""

from __future__ import annotations

from typing import Any, Final

from eventflow.kernels.jit import jit

# Columns of a row of an index; RECORD is where the record itself begins.
KIND, CHANNEL, TIME_NS, START, STOP, RECORD, SEQUENCE, COLUMNS = range(8)

MCAP_MESSAGE: Final = 5
_MCAP_HEAD: Final = 9
_MCAP_MESSAGE_HEAD: Final = 22
_NS: Final = 1_000_000_000
_OP, _CONN, _TIME = 0x3D706F, 0x6E6E6F63, 0x656D6974  # "op=", "conn", "time"


@jit
def _u32(data: Any, at: int) -> int:  # pragma: no cover
    low = data[at] | data[at + 1] << 8
    return low | data[at + 2] << 16 | data[at + 3] << 24  # type: ignore[no-any-return]


@jit
def _u64(data: Any, at: int) -> int:  # pragma: no cover
    return _u32(data, at) | _u32(data, at + 4) << 32  # type: ignore[no-any-return]


@jit
def index_mcap(data: Any, at: int, rows: Any) -> Any:  # pragma: no cover
    """Write a row for each record of data[at:]; return rows written, where it stopped, and whether it is damaged."""
    n = 0
    while n < len(rows) and at < len(data):
        if at + _MCAP_HEAD > len(data):
            return n, at, True
        size = _u64(data, at + 1)
        start = at + _MCAP_HEAD
        if size < 0 or size > len(data) - start:
            return n, at, True
        kind = data[at]
        if kind == 0:  # there is none: this is zeros
            return n, at, True
        rows[n, KIND], rows[n, RECORD], rows[n, START], rows[n, STOP] = kind, at, start, start + size
        rows[n, CHANNEL] = rows[n, TIME_NS] = rows[n, SEQUENCE] = -1
        if kind == MCAP_MESSAGE:
            if size < _MCAP_MESSAGE_HEAD:
                return n, at, True
            rows[n, CHANNEL] = data[start] | data[start + 1] << 8
            rows[n, SEQUENCE] = _u32(data, start + 2)
            rows[n, TIME_NS] = _u64(data, start + 6)
            rows[n, START] = start + _MCAP_MESSAGE_HEAD
        n += 1
        at = start + size
    return n, at, False


@jit
def index_ros1(data: Any, at: int, rows: Any) -> Any:  # pragma: no cover
    """Write a row for each record of data[at:]; see index_mcap. A record is a header of named fields, and data."""
    n = 0
    while n < len(rows) and at < len(data):
        if at + 8 > len(data):
            return n, at, True
        field, end = at + 4, at + 4 + _u32(data, at)
        if end + 4 > len(data):
            return n, at, True
        rows[n, KIND] = rows[n, CHANNEL] = rows[n, TIME_NS] = rows[n, SEQUENCE] = -1
        while field + 4 <= end:
            size = _u32(data, field)
            value = field + 4
            field = value + size
            if field > end:
                return n, at, True
            if size == 4 and data[value] | data[value + 1] << 8 | data[value + 2] << 16 == _OP:
                rows[n, KIND] = data[value + 3]
            elif size == 9 and _u32(data, value) == _CONN:
                rows[n, CHANNEL] = _u32(data, value + 5)
            elif size == 13 and _u32(data, value) == _TIME:
                rows[n, TIME_NS] = _u32(data, value + 5) * _NS + _u32(data, value + 9)
        size = _u32(data, end)
        start = end + 4
        if size > len(data) - start or rows[n, KIND] < 0:
            return n, at, True
        rows[n, RECORD], rows[n, START], rows[n, STOP] = at, start, start + size
        n += 1
        at = start + size
    return n, at, False


# Slots of what a packet of events says of itself.
SECONDS, NANOSECONDS, FRAME, FRAME_BYTES, HEIGHT, WIDTH, SEQ, BASE_NS, KIND_AT, KIND_BYTES, BIG, AT, BYTES, FIELDS = (
    range(14)
)


@jit
def _text(data: Any, at: int, limit: int) -> Any:  # pragma: no cover
    """Return where a text begins and how long it is, or a negative length where it goes beyond the limit."""
    if at + 4 > limit:
        return at, -1
    size = _u32(data, at)
    return at + 4, size if size <= limit - at - 4 else -1


@jit
def parse_packet(data: Any, aligned: bool, numbered: bool, said: Any) -> bool:  # pragma: no cover
    """Write what a packet of events says of itself into `said` and return whether it is whole.

    `aligned`: little-endian CDR behind its four bytes of head, else ROS 1. `numbered`: event_camera_msgs/EventPacket,
    whose payload BYTES counts; else dvs_msgs/EventArray, and BYTES counts events.
    """
    size = len(data)
    at = 4  # the number of a ROS 1 header, or the head of CDR
    if at + 8 > size:
        return False
    said[SECONDS], said[NANOSECONDS] = _u32(data, at), _u32(data, at + 4)
    said[FRAME], said[FRAME_BYTES] = _text(data, at + 8, size)
    if said[FRAME_BYTES] < 0:
        return False
    at = said[FRAME] + said[FRAME_BYTES]
    at += -at & 3 if aligned else 0
    if at + 8 > size:
        return False
    said[HEIGHT], said[WIDTH] = _u32(data, at), _u32(data, at + 4)
    at += 8
    if numbered:
        at += -(at - 4) & 7 if aligned else 0
        if at + 16 > size:
            return False
        said[SEQ], said[BASE_NS] = _u64(data, at), _u64(data, at + 8)
        said[KIND_AT], said[KIND_BYTES] = _text(data, at + 16, size)
        if said[KIND_BYTES] < 0:
            return False
        at = said[KIND_AT] + said[KIND_BYTES]
        if at >= size:
            return False
        said[BIG] = data[at]
        at += 1
        at += -at & 3 if aligned else 0
    if at + 4 > size:
        return False
    said[AT], said[BYTES] = at + 4, _u32(data, at)
    return bool(said[BYTES] <= (size - at - 4 if numbered else (size - at - 4) // 13))
