"""ROS 2 topics with events, live: serialised messages in and out through rclpy, which comes with a ROS installation.

rclpy is asked for the messages' bytes and given bytes; what is in them the decoders and encoders of bags know.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import LinkError, MissingExtraError
from eventflow.io.decoder import Batch
from eventflow.io.ros_packets import READERS, Evt3, Packet, PayloadReader, packet_of
from eventflow.io.stream import mended_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.events import Events
    from eventflow.io.order import TimeOrder
    from eventflow.messages import Reset

_SPIN_S: Final = 0.1
_BATCH_EVENTS: Final = 1 << 16
_WAITING: Final = 4096


class Topic:
    """A topic through rclpy, with a thread that serves it.

    Args:
        name: of the topic.
        type: package/msg/Name of its messages.
        depth: how many messages the middleware keeps.
        reliable: whether lost messages are sent again; a publisher that is not is then not heard.

    Raises:
        MissingExtraError: rclpy, or the package of the messages, cannot be imported.
    """

    def __init__(self, name: str, type: str, *, depth: int, reliable: bool) -> None:
        try:
            self._rclpy: Any = import_module("rclpy")
            qos, executors = import_module("rclpy.qos"), import_module("rclpy.executors")
        except ImportError:
            raise MissingExtraError(
                "live ROS 2 topics need rclpy, which is not on PyPI: install ROS 2 and run "
                "`source /opt/ros/DISTRO/setup.bash` first; recorded bags are read without it"
            ) from None
        package, _, kind = type.partition("/msg/")
        try:
            self._kind = getattr(import_module(f"{package}.msg"), kind)
        except (ImportError, AttributeError):
            raise MissingExtraError(
                f"ROS 2 has no {type}: install ros-$ROS_DISTRO-{package.replace('_', '-')}, or source the workspace "
                "that holds it"
            ) from None
        if not self._rclpy.ok():
            self._rclpy.init()
        policy = qos.ReliabilityPolicy.RELIABLE if reliable else qos.ReliabilityPolicy.BEST_EFFORT
        self._qos = qos.QoSProfile(depth=depth, reliability=policy)
        self._node = self._rclpy.create_node(f"eventflow_{name.strip('/').replace('/', '_')}")
        self._executor = executors.SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self.name, self.dropped = name, 0
        self._come: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._publisher: Any = None
        self._closing = False
        self._thread = threading.Thread(target=self._spin, name=f"ros {name}", daemon=True)

    def listen(self) -> None:
        """Take messages from now on."""
        self._node.create_subscription(self._kind, self.name, self._take, self._qos, raw=True)
        self._thread.start()

    def offer(self) -> None:
        """Publish messages from now on."""
        self._publisher = self._node.create_publisher(self._kind, self.name, self._qos)
        self._thread.start()

    def send(self, data: bytes) -> None:
        """Publish a serialised message."""
        self._publisher.publish(data)

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next serialised message, None where nothing came in time."""
        with self._changed:
            if not self._come:
                self._changed.wait(timeout_s)
            return self._come.popleft() if self._come else None

    def others(self) -> list[str]:
        """Return the topics that there are, with their types."""
        return [f"{name} ({', '.join(types)})" for name, types in self._node.get_topic_names_and_types()]

    def close(self) -> None:
        """Leave the topic."""
        self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def _take(self, data: bytes) -> None:
        with self._changed:
            if len(self._come) >= _WAITING:
                self._come.popleft()
                self.dropped += 1
            self._come.append(bytes(data))
            self._changed.notify()

    def _spin(self) -> None:
        while not self._closing:
            self._executor.spin_once(timeout_sec=_SPIN_S)


class PacketStream:
    """Events out of the messages of one topic, as they come.

    Attributes:
        size: width and height, px, once the first message has come.
        counts: what was left out or missed, by reason.
    """

    def __init__(self, type: str) -> None:
        self._type = type.replace("/msg/", "/")
        self.size: tuple[int, int] | None = None
        self.counts: Counter[str] = Counter()
        self._reader: PayloadReader | None = None
        self._encoding = ""
        self._last: tuple[int, int] | None = None

    def parse(self, data: bytes) -> Packet | None:
        """Return the packet in a message; a damaged one, or one unlike the first, is counted.

        Raises:
            LinkError: the first message tells no sensor size.
        """
        try:
            packet = packet_of(np.frombuffer(data, np.uint8), self._type, "cdr")
        except ValueError:
            self.counts["damaged messages"] += 1
            return None
        if self._reader is None:
            self.size = packet.width, packet.height
            if not (0 < packet.width <= 1 << 15 and 0 < packet.height <= 1 << 15):
                raise LinkError(f"the messages say a sensor of {packet.width}x{packet.height} px")
            self._reader, self._encoding = READERS[packet.encoding](*self.size), packet.encoding
        if (packet.encoding, packet.width, packet.height) != (self._encoding, *(self.size or ())):
            self.counts["messages of another encoding or sensor"] += 1
            return None
        return packet

    def events(self, packet: Packet, order: TimeOrder) -> Iterator[Events | Reset]:
        """Yield the events of a packet, mended by `order`."""
        reader, size = self._reader, self.size
        assert reader is not None
        assert size is not None
        self._begin(reader, packet)
        at, more = packet.at, True
        while more:
            batch = Batch(_BATCH_EVENTS)
            at, made = reader.decode(packet, at, batch.records.view(np.int64), 0)
            yield from mended_packets(order, batch, made, *size)
            more = at < len(packet.items) or (isinstance(reader, Evt3) and reader.pending)
        for reason, slot in reader.counts.items():
            if reader.state[slot]:
                self.counts[reason] = int(reader.state[slot])

    def _begin(self, reader: PayloadReader, packet: Packet) -> None:
        gap, elapsed_us = False, 0
        if self._last is not None:
            missed = packet.seq - self._last[0] - 1 if packet.seq >= 0 else 0
            gap, elapsed_us = missed != 0, (packet.stamp_ns - self._last[1]) // 1000
            self.counts["missed messages"] += max(missed, 0)
        reader.begin(packet, gap=gap, elapsed_us=elapsed_us)
        self._last = packet.seq, packet.stamp_ns
