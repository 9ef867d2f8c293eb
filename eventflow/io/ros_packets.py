"""The events of one topic of a log: packets parsed, their payloads decoded with the state that crosses packets.

EVT 3.0 packets go on where the one before ended; the other encodings start anew in each. Where the sequence numbers
leave a gap, EVT 3.0 waits for its next TIME_HIGH and row, and the turns of its 24-bit clock that the gap may hide are
found by the packets' stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.io import evt3_kernels as evt3
from eventflow.io import ros_kernels as ros
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.io.ros_messages import Stamp, cursor_of, stamp_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKETS: Final = frozenset(("event_camera_msgs/EventPacket", "event_array_msgs/EventArray"))
ARRAYS: Final = frozenset(("dvs_msgs/EventArray", "prophesee_event_msgs/EventArray"))
EVENT_TYPES: Final = PACKETS | ARRAYS
_LATEST_NS: Final = 1 << 62
_LEAST_EVENT_BYTES: Final = 13


@dataclass
class Packet:
    """A message with events, its payload not decoded.

    Attributes:
        stamp: its header.
        width: sensor width, px, as it says.
        height: sensor height, px.
        encoding: "evt3", "mono", "libcaer", "libcaer_cmp" or "dvs".
        items: the payload as what the encoding is made of.
        rest_bytes: bytes of the payload that fill no item.
        seq: number of the packet, -1 where it has none.
        base_ns: what its times count from.
        count: events in it, where it says so.
        aligned: whether events lie at multiples of their numbers' sizes.
        at: item where the events begin.
    """

    stamp: Stamp
    width: int
    height: int
    encoding: str
    items: NDArray[Any]
    rest_bytes: int = 0
    seq: int = -1
    base_ns: int = 0
    count: int = 0
    aligned: bool = False
    at: int = 0


def packet_of(data: NDArray[np.uint8], type: str, encoding: str) -> Packet:
    """Return the packet in a message.

    Args:
        data: the message.
        type: one of EVENT_TYPES.
        encoding: "ros1" or "cdr".

    Raises:
        ValueError: it is damaged, or of an encoding of events that is not known.
    """
    cursor = cursor_of(data, encoding)
    stamp = stamp_of(cursor)
    height, width = cursor.numbers("I", 2)
    if type in ARRAYS:
        count = cursor.number("I")
        if count * _LEAST_EVENT_BYTES > cursor.left or not cursor.little:
            raise ValueError(f"{count} events in {cursor.left} bytes")
        items = data.view()
        items.flags.writeable = False
        return Packet(stamp, width, height, "dvs", items, count=count, aligned=cursor.aligned, at=cursor.at)
    seq, base_ns = cursor.numbers("Q", 2)
    kind, big = cursor.text(), bool(cursor.number("B"))
    payload = cursor.block()
    reader = READERS.get(kind)
    if reader is None or base_ns >= _LATEST_NS:
        raise ValueError(f"events encoded as {kind!r} from {base_ns} ns")
    items, rest = _items(payload, reader.item, big)
    return Packet(stamp, width, height, kind, items, rest, seq, base_ns)


def _items(payload: memoryview, code: str, big: bool) -> tuple[NDArray[Any], int]:
    """Return a payload as whole numbers, in memory of their own where they lie aligned, and the bytes left over."""
    kind = np.dtype(code)
    count, rest = divmod(len(payload), kind.itemsize)
    items = np.empty(count, kind)
    items.view(np.uint8)[:] = np.frombuffer(payload[: len(payload) - rest], np.uint8)
    if big:
        items.byteswap(inplace=True)
    items.flags.writeable = False
    return items, rest


class PayloadReader:
    """Decodes the payloads of one topic. A class for each encoding gives the item and the kernel.

    Attributes:
        item: dtype of an item.
        has_triggers: whether the encoding has edges of trigger lines.
        counts: slots of the state that count what is left out, by reason.
        state: what is remembered.
    """

    item: ClassVar[str] = ""
    has_triggers: ClassVar[bool] = False
    counts: ClassVar[dict[str, int]] = {"outside": ros.OUTSIDE, "reserved": ros.RESERVED}
    steps_back_slot: ClassVar[int] = ros.STEPS_BACK

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self.state = np.zeros(ros.SLOTS, np.int64)
        self.state[ros.LAST] = BEFORE_ALL_TIME

    def begin(self, packet: Packet, *, gap: bool, elapsed_us: int) -> None:
        """Prepare for a packet, `elapsed_us` after the one before; `gap` where packets between are missing."""
        self.state[ros.PACKET_SLOTS] = 0

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """Decode items from `at` on to `out` from event n on; return the next item and event."""
        raise ValueError(f"events encoded as {packet.encoding!r} are not known")


class Mono(PayloadReader):
    """Eight bytes an event, ns."""

    item = "<i8"

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_mono(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class Libcaer(PayloadReader):
    """Eight bytes an event as libcaer has them in memory."""

    item = "<i8"

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_libcaer(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class LibcaerCmp(PayloadReader):
    """Codes of 16 bits."""

    item = "<u2"

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_libcaer_cmp(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class Dvs(PayloadReader):
    """An array of dvs_msgs/Event."""

    item = "u1"

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        arguments = packet.items, at, out, n, packet.aligned, packet.count, *self.size, self.state
        at, n, whole = ros.decode_dvs(*arguments)
        done = not whole or self.state[ros.MASK] == packet.count
        if not whole:
            packet.rest_bytes = len(packet.items) - at
        return len(packet.items) if done else at, n


class Evt3(PayloadReader):
    """EVT 3.0 words."""

    item = "<u2"
    has_triggers = True
    counts: ClassVar[dict[str, int]] = {
        "before_time": evt3.BEFORE_TIME,
        "before_address": evt3.BEFORE_ADDRESS,
        "outside": evt3.OUTSIDE,
        "reserved": evt3.RESERVED,
    }
    steps_back_slot = evt3.STEPS_BACK

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self.state = np.zeros(evt3.SLOTS, np.int64)
        self.state[evt3.HIGH] = self.state[evt3.BASE] = -1
        self.state[evt3.LAST] = BEFORE_ALL_TIME
        self._begun = False

    def begin(self, packet: Packet, *, gap: bool, elapsed_us: int) -> None:
        """Prepare for a packet; see PayloadReader. A `time_base` is what a writer that fills it counts from."""
        state = self.state
        if not self._begun:
            state[evt3.EPOCH] += packet.base_ns // 1000
            self._begun = True
        if gap:
            before = int(state[evt3.EPOCH] + (state[evt3.HIGH] << 12))
            known = state[evt3.HIGH] >= 0
            state[[evt3.HIGH, evt3.BASE]] = -1
            state[[evt3.ADDRESS, evt3.HAS_ROW, evt3.POLARITY, evt3.MASK, evt3.STEP]] = 0
            high = evt3.survey(packet.items)[1]
            if known and high >= 0:
                behind = before + max(elapsed_us, 0) - (int(state[evt3.EPOCH]) + (high << 12))
                state[evt3.EPOCH] += max(round(behind / evt3.WRAP_US), 0) * evt3.WRAP_US

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        arguments = out, n, len(out) // 2, *self.size, self.state, evt3.BY_KIND, evt3.PLACES
        return evt3.decode(packet.items, at, *arguments)  # type: ignore[no-any-return]

    @property
    def pending(self) -> bool:
        """Whether events are left of a vector."""
        return bool(self.state[evt3.STEP])

    def collect(self, packet: Packet, at: int, columns: tuple[NDArray[Any], ...], n: int) -> tuple[int, int]:
        """Collect edges of the trigger lines from item `at` on into columns from row n on; return where both stopped."""
        return evt3.collect_triggers(packet.items, at, *columns, n, self.state)  # type: ignore[no-any-return]


READERS: Final[dict[str, type[PayloadReader]]] = {
    "evt3": Evt3,
    "mono": Mono,
    "libcaer": Libcaer,
    "libcaer_cmp": LibcaerCmp,
    "dvs": Dvs,
}
