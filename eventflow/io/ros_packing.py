"""Events as packets of event_camera_msgs, or arrays of dvs_msgs: cut by their number alone, whatever they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import evt3_encoding
from eventflow.io.evt_encoding import FULL, LOW, ROW, SLOTS, STUCK, TIME
from eventflow.io.ros_serial import Builder

if TYPE_CHECKING:
    from numpy.typing import NDArray

EventEncoding = Literal["evt3", "mono", "dvs"]
_TURN_US: Final = 1 << 24
_TIME_HIGH, _TIME_LOW, _TRIGGER = (kind << 12 for kind in (8, 6, 10))
_WORDS_AN_EVENT: Final = 5
_ROOM_WORDS: Final = 64
_EVENTS_AT_ONCE: Final = 1 << 16
_MONO_SPAN_US: Final = 4_294_967


_MOST_SIDES: Final = {"evt3": 1 << 11, "mono": 1 << 15, "dvs": 1 << 16}


class Packer:
    """Makes messages of events and trigger edges.

    Args:
        encoding: of the events: "evt3" and "mono" of event_camera_msgs, "dvs" of dvs_msgs.
        width: sensor width, px.
        height: sensor height, px.
        cdr: for ROS 2, else ROS 1.
        frame: frame of reference in the headers.

    Attributes:
        type: type of the messages.
        has_triggers: whether they hold trigger edges.
    """

    def __init__(self, encoding: EventEncoding, *, width: int, height: int, cdr: bool, frame: str) -> None:
        if encoding not in get_args(EventEncoding):
            raise ParameterError(f"encoding={encoding!r} is not allowed; choose {', '.join(get_args(EventEncoding))}")
        most = _MOST_SIDES[encoding]
        if not (1 <= width <= most and 1 <= height <= most):
            raise ParameterError(f"{encoding} holds sensors of 1x1 to {most}x{most} pixels, not {width}x{height}")
        self.type = "dvs_msgs/msg/EventArray" if encoding == "dvs" else "event_camera_msgs/msg/EventPacket"
        self._encoding, self._size, self._cdr, self._frame = encoding, (height, width), cdr, frame
        self._seq = 0
        self._words = Evt3Words(width) if encoding == "evt3" else None
        self.has_triggers = self._words is not None

    def pack(self, records: NDArray[np.void]) -> list[tuple[int, bytes]]:
        """Return (time in ns, bytes) of the messages with these events, at least one."""
        halves = records.view(np.int64)
        if self._words is not None:
            self._words.add(halves)
            return self.rest()
        if self._encoding == "mono":
            return [self._mono(part) for part in _within_span(halves)]
        build = self._begin(int(halves[0]))
        return [(int(halves[0]) * 1000, build.events(halves).finish())]

    def add(self, records: NDArray[np.void]) -> None:
        """Take events into the next message, which `rest` gives. For "evt3" alone, before a trigger edge."""
        assert self._words is not None
        self._words.add(records.view(np.int64))

    def trigger(self, time: int, line: int, value: int) -> None:
        """Take a trigger edge into the next message; see `add`."""
        assert self._words is not None
        self._words.trigger(time, line, value)

    def rest(self) -> list[tuple[int, bytes]]:
        """Return the message with what was added, if there is anything."""
        if self._words is None or self._words.first is None:
            return []
        first, base, payload = self._words.take()
        return [(first * 1000, self._packet(first, base * 1000, payload))]

    def _mono(self, halves: NDArray[np.int64]) -> tuple[int, bytes]:
        time, place = halves[0::2], halves[1::2]
        base = int(time.min())
        words = (time - base) * 1000 | (place & 0x7FFF_FFFF) << 32 | (place >> 32) << 63
        return base * 1000, self._packet(base, base * 1000, words.astype("<i8").tobytes())

    def _begin(self, first: int) -> Builder:
        if first < 0:
            raise RecordingError(f"an event has t={first} µs, and ROS has no time before 0; pass origin='zero'")
        build = Builder(cdr=self._cdr, time_ns=first * 1000, frame=self._frame)
        return build.numbers("I", *self._size)

    def _packet(self, first: int, base_ns: int, payload: bytes) -> bytes:
        build = self._begin(first).numbers("Q", self._seq, base_ns).text(self._encoding).numbers("B", 0)
        self._seq += 1
        return build.block(payload).finish()


def _within_span(halves: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut events into runs whose times a mono packet can hold."""
    time = halves[0::2]
    if len(time) < 2 or int(time.max()) - int(time.min()) <= _MONO_SPAN_US:
        return [halves]
    middle = len(time) // 2 * 2
    return [*_within_span(halves[:middle]), *_within_span(halves[middle:])]


class Evt3Words:
    """EVT 3.0 words of packets that can each be read alone, and one after another.

    Times count from whole turns of the 24-bit clock below the first one, which every packet's `time_base` says.

    Attributes:
        first: time of the first event or edge since the last packet, µs, or None.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._state = np.full(SLOTS, -1, np.int64)
        self._base: int | None = None
        self._parts: list[NDArray[np.uint16]] = []
        self.first: int | None = None

    def add(self, halves: NDArray[np.int64]) -> None:
        """Append events."""
        if not len(halves):
            return
        base = self._begin(int(halves[0]))
        at, count = 0, len(halves) // 2
        while at < count:
            words = np.empty(_WORDS_AN_EVENT * min(count - at, _EVENTS_AT_ONCE) + _ROOM_WORDS, "<u2")
            at, used, end = evt3_encoding.encode(halves, at, True, words, self._state, base, self._width)
            if end == STUCK:
                raise RecordingError(_backwards(int(halves[2 * at])))
            self._parts.append(words[:used])

    def trigger(self, time: int, line: int, value: int) -> None:
        """Append a trigger edge."""
        t = time - self._begin(time)
        end = FULL
        while end == FULL:
            words = np.empty(_ROOM_WORDS, "<u2")
            used, end = evt3_encoding.advance(words, 0, self._state, t >> 12)
            if end == STUCK or t < 0:
                raise RecordingError(_backwards(time))
            self._parts.append(words[:used])
        self._parts.append(np.array([_TIME_LOW | (t & 0xFFF), _TRIGGER | (line & 15) << 8 | value & 1], "<u2"))
        self._state[LOW] = t & 0xFFF

    def take(self) -> tuple[int, int, bytes]:
        """Return first time and base, µs, and the words since the last packet."""
        assert self.first is not None
        assert self._base is not None
        first, self.first = self.first, None
        payload = b"".join(part.tobytes() for part in self._parts)
        self._parts.clear()
        return first, self._base, payload

    def _begin(self, first: int) -> int:
        if self._base is None:
            self._base = first // _TURN_US * _TURN_US
        if self.first is None:
            self.first = first
            # said anew, so that who has lost the packet before knows time and row
            self._state[[LOW, ROW]] = -1
            if self._state[TIME] >= 0:
                self._parts.append(np.array([_TIME_HIGH | (int(self._state[TIME]) & 0xFFF)], "<u2"))
        return self._base


def _backwards(t: int) -> str:
    return f"t={t} µs is a step back that evt3 cannot tell from the end of its clock: pass backwards='clamp' or 'drop'"
