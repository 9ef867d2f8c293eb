"""How other libraries read ROS bags and MCAP: to arrays of events, and deserialised alone, which bounds any reader."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_RECORD: Final = np.dtype(
    {"names": list("txyp"), "formats": ["<i8", "<u2", "<u2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
_ALIGNMENT: Final = 8


def ros_messages(path: str) -> Iterator[tuple[str, Any]]:
    """Yield type and message for every message of a bag, deserialised by rosbags."""
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    with AnyReader([Path(path)], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as bag:
        for connection, _, raw in bag.messages():
            yield connection.msgtype, bag.deserialize(raw, connection.msgtype)


def ros_events(path: str) -> SimpleNamespace:
    """Return the events of dvs_msgs/EventArray, or of event_camera_msgs/EventPacket whose encoding is mono.

    A word of mono has 32 bits of time after the packet's base, ns, then 16 of x, 15 of y, and the polarity.
    """
    found: list[Any] = []
    for kind, message in ros_messages(path):
        if kind.endswith("EventPacket"):
            words = np.frombuffer(bytes(message.events), "<u8").astype(np.int64)
            t = (message.time_base + (words & 0xFFFFFFFF)) // 1000
            found.append(np.stack([t, words >> 32 & 0xFFFF, words >> 48 & 0x7FFF, words >> 63 & 1]))
        else:
            each = [(e.ts.sec * 10**6 + e.ts.nanosec // 1000, e.x, e.y, e.polarity) for e in message.events]
            found.append(np.array(each, np.int64).reshape(-1, 4).T)
    return SimpleNamespace(**dict(zip("txyp", np.concatenate(found, axis=1), strict=True)))


def deserialised(path: str) -> int:
    """Deserialise every message of a bag and nothing else; return how many there are."""
    return sum(1 for _ in ros_messages(path))


def mcap_packets(path: str) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the records of a container's messages, read with Foxglove's library, its checksums checked.

    Where they lie in a message docs/wire.md says.
    """
    from mcap.reader import make_reader
    from msgspec.msgpack import decode

    with Path(path).open("rb") as file:
        for _, channel, message in make_reader(file, validate_crcs=True).iter_messages():
            start = 4 + int.from_bytes(message.data[:4], "little")
            if channel.topic == "/events":
                (_, _, (count,)), *_ = decode(message.data[4:start])[-1]
                yield np.frombuffer(message.data, _RECORD, count, offset=start + -start % _ALIGNMENT)
