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
from eventflow.io import evt_state
from eventflow.io import log_kernels as log
from eventflow.io import ros_kernels as ros
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKETS: Final = frozenset(("event_camera_msgs/EventPacket", "event_array_msgs/EventArray"))
ARRAYS: Final = frozenset(("dvs_msgs/EventArray", "prophesee_event_msgs/EventArray"))
EVENT_TYPES: Final = PACKETS | ARRAYS
_LATEST_NS: Final = 1 << 62
_LITTLE_CDR: Final = (b"\0\1", b"\0\3")
_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Packet:
    """A message with events, its payload not decoded.

    Attributes:
        data: the message.
        stamp_ns: time in its header.
        frame: where its header names the frame of reference.
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

    data: NDArray[np.uint8]
    stamp_ns: int
    frame: slice
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

    @property
    def sensor(self) -> str:
        """The frame of reference: usually the camera's name."""
        return self.data[self.frame].tobytes().rstrip(b"\0").decode("utf-8", "replace")


def packet_of(data: NDArray[np.uint8], type: str, encoding: str) -> Packet:
    """Return the packet in a message.

    Args:
        data: the message.
        type: one of EVENT_TYPES.
        encoding: "ros1" or "cdr".

    Raises:
        ValueError: it is damaged, or of an encoding of events that is not known.
    """
    aligned = encoding != "ros1"
    said = np.empty(log.FIELDS, np.int64)
    if aligned and bytes(data[:2]) not in _LITTLE_CDR:
        raise ValueError("no little-endian CDR of the plain kind")
    if not log.parse_packet(data, aligned, type in PACKETS, said):
        raise ValueError(f"{len(data)} bytes are not a whole {type}")
    seconds, nanoseconds, frame, frame_bytes, height, width, seq, base_ns, kind, kind_bytes, big, at, count = (
        said.tolist()
    )
    stamp = seconds * _NS + nanoseconds
    place = slice(frame, frame + frame_bytes)
    if type in ARRAYS:
        return Packet(data, stamp, place, width, height, "dvs", data, count=count, aligned=aligned, at=at)
    name = data[kind : kind + kind_bytes].tobytes().rstrip(b"\0").decode("latin-1")
    reader = READERS.get(name)
    if reader is None or not 0 <= base_ns < _LATEST_NS:
        raise ValueError(f"events encoded as {name!r} from {base_ns} ns")
    items = _items(data[at : at + count], reader.item, bool(big))
    return Packet(data, stamp, place, width, height, name, items, count % reader.item.itemsize, seq, base_ns)


def _items(payload: NDArray[np.uint8], item: np.dtype[Any], big: bool) -> NDArray[Any]:
    """Return a payload as whole numbers, which lie aligned."""
    payload = payload[: len(payload) // item.itemsize * item.itemsize]
    items: NDArray[Any] = payload.view(item)
    if big:
        items = items.byteswap()
    elif not items.flags.aligned:
        items = payload.copy().view(item)
    items.flags.writeable = False
    return items


class PayloadReader:
    """Decodes the payloads of one topic. A class for each encoding gives the item and the kernel.

    Attributes:
        item: dtype of an item.
        has_triggers: whether the encoding has edges of trigger lines.
        counts: slots of the state that count what is left out, by reason.
        state: what is remembered.
        began_us: sensor time near the stamp of the current packet, where that is of use.
    """

    item: ClassVar[np.dtype[Any]] = np.dtype("u1")
    has_triggers: ClassVar[bool] = False
    counts: ClassVar[dict[str, int]] = {"outside": ros.OUTSIDE, "reserved": ros.RESERVED}
    steps_back_slot: ClassVar[int] = ros.STEPS_BACK

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self.began_us: int | None = None
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

    item: ClassVar[np.dtype[Any]] = np.dtype("<i8")

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_mono(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class Libcaer(PayloadReader):
    """Eight bytes an event as libcaer has them in memory."""

    item: ClassVar[np.dtype[Any]] = np.dtype("<i8")

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_libcaer(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class LibcaerCmp(PayloadReader):
    """Codes of 16 bits."""

    item: ClassVar[np.dtype[Any]] = np.dtype("<u2")

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        return ros.decode_libcaer_cmp(packet.items, at, out, n, packet.base_ns, *self.size, self.state)  # type: ignore[no-any-return]


class Dvs(PayloadReader):
    """An array of dvs_msgs/Event."""

    item: ClassVar[np.dtype[Any]] = np.dtype("u1")

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

    item: ClassVar[np.dtype[Any]] = np.dtype("<u2")
    has_triggers = True
    counts: ClassVar[dict[str, int]] = evt3.SKIPPED
    steps_back_slot = evt_state.STEPS_BACK

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self.state = np.zeros(evt3.SLOTS, np.int64)
        self.state[evt_state.HIGH] = self.state[evt3.BASE] = -1
        self.state[evt_state.LAST] = BEFORE_ALL_TIME
        self._begun = False

    def begin(self, packet: Packet, *, gap: bool, elapsed_us: int) -> None:
        """Prepare for a packet; see PayloadReader. A `time_base` is what a writer that fills it counts from."""
        state = self.state
        if not self._begun:
            state[evt_state.EPOCH] += packet.base_ns // 1000
            self._begun = True
        began_us = None if state[evt_state.LAST] == BEFORE_ALL_TIME else int(state[evt_state.LAST])
        if gap:
            now = int(state[evt_state.EPOCH] + (state[evt_state.HIGH] << 12))
            before = now if self.began_us is None else self.began_us
            known = state[evt_state.HIGH] >= 0
            state[[evt_state.HIGH, evt3.BASE]] = -1
            state[[evt3.ADDRESS, evt3.HAS_ROW, evt3.POLARITY, evt3.MASK, evt3.STEP]] = 0
            high = evt3.survey(packet.items)[1]
            if known and high >= 0:
                behind = before + max(elapsed_us, 0) - (int(state[evt_state.EPOCH]) + (high << 12))
                state[evt_state.EPOCH] += max(round(behind / evt3.WRAP_US), 0) * evt3.WRAP_US
                began_us = int(state[evt_state.EPOCH]) + (high << 12)
        self.began_us = began_us

    def decode(self, packet: Packet, at: int, out: NDArray[np.int64], n: int) -> tuple[int, int]:
        """See PayloadReader."""
        arguments = out, n, len(out) // 2, *self.size, self.state, evt3.BY_KIND, evt3.PLACES
        return evt3.decode(packet.items, at, *arguments)  # type: ignore[no-any-return]

    @property
    def pending(self) -> bool:
        """Whether events are left of a vector."""
        return bool(self.state[evt3.STEP])

    def collect(self, packet: Packet, at: int, columns: tuple[NDArray[Any], ...], n: int) -> tuple[int, int]:
        """Collect trigger edges from item `at` on into columns from row n on; return where both stopped."""
        return evt3.collect_triggers(packet.items, at, *columns, n, self.state)  # type: ignore[no-any-return]


READERS: Final[dict[str, type[PayloadReader]]] = {
    "evt3": Evt3,
    "mono": Mono,
    "libcaer": Libcaer,
    "libcaer_cmp": LibcaerCmp,
    "dvs": Dvs,
}
