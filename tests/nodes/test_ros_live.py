"""Live ROS 2 topics without ROS: rclpy's face in memory, the messages serialised and read by rosbags' types."""

from __future__ import annotations

import sys
import threading
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import LinkError, MissingExtraError
from eventflow.graph.file import graph_from_dict
from eventflow.io.ros_definitions import typestore
from eventflow.messages import StreamInfo, Watermark
from eventflow_nodes.network.ros_receive import RosReceive
from eventflow_nodes.network.ros_send import RosSend

pytest.importorskip("rosbags")
_PACKET = "event_camera_msgs/msg/EventPacket"


class Middleware:
    """What rclpy does with serialised messages, in one process."""

    def __init__(self) -> None:
        self.listeners: list[tuple[str, Any]] = []
        self.sent: list[tuple[str, bytes]] = []

    def create_node(self, name: str) -> Any:
        def create_subscription(kind: Any, topic: str, callback: Any, qos: Any, *, raw: bool) -> None:
            assert raw
            self.listeners.append((topic, callback))

        return SimpleNamespace(
            create_subscription=create_subscription,
            create_publisher=lambda kind, topic, qos: SimpleNamespace(publish=lambda data: self.publish(topic, data)),
            get_topic_names_and_types=lambda: [("/other", ["std_msgs/msg/String"])],
            destroy_node=lambda: None,
        )

    def publish(self, topic: str, data: bytes) -> None:
        self.sent.append((topic, data))
        for name, callback in self.listeners:
            if name == topic:
                callback(data)


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Middleware:
    middleware = Middleware()
    rclpy = ModuleType("rclpy")
    vars(rclpy).update(ok=lambda: True, create_node=middleware.create_node)
    qos = ModuleType("rclpy.qos")
    vars(qos).update(ReliabilityPolicy=SimpleNamespace(RELIABLE=1, BEST_EFFORT=2), QoSProfile=lambda **options: options)
    executors = ModuleType("rclpy.executors")
    vars(executors).update(
        SingleThreadedExecutor=lambda: SimpleNamespace(
            add_node=lambda node: None, spin_once=lambda timeout_sec: time.sleep(0.01), shutdown=lambda: None
        )
    )
    for name, module in {"rclpy": rclpy, "rclpy.qos": qos, "rclpy.executors": executors}.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name, kind in (("event_camera_msgs", "EventPacket"), ("dvs_msgs", "EventArray")):
        module = ModuleType(f"{name}.msg")
        setattr(module, kind, object)
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, f"{name}.msg", module)
    return middleware


@pytest.fixture(scope="module")
def scene() -> ef.Events:
    scene = ef.synth.render("crossing", seed=8, duration=60_000)
    return ef.Events(scene.records, scene.width, scene.height, ordered=True)


@pytest.mark.parametrize("encoding", ["evt3", "mono", "dvs"])
def test_what_one_node_publishes_the_other_receives(ros: Middleware, scene: ef.Events, encoding: str) -> None:
    kind = "dvs_msgs/msg/EventArray" if encoding == "dvs" else _PACKET
    source = RosReceive(type=kind, silence="200ms")
    sink = RosSend(encoding=encoding)
    sink.start(StreamInfo(scene.width, scene.height))
    parts = [scene[i : i + 3000] for i in range(0, len(scene), 3000)]

    def publish() -> None:
        while not ros.listeners:
            time.sleep(0.005)
        for part in parts:
            sink.events(part)

    thread = threading.Thread(target=publish)
    thread.start()
    info = source.start()
    assert (info.width, info.height) == (346, 260)
    got = [each for each in source.run() if isinstance(each, ef.Events)]
    thread.join()
    source.close(complete=True)
    sink.close(complete=True)
    assert ef.Events.concat(got).records.tobytes() == scene.records.tobytes()
    assert not source.skipped


def test_rosbags_reads_what_is_published_and_what_it_writes_is_received(ros: Middleware, scene: ef.Events) -> None:
    store = typestore(ros2=True)
    sink = RosSend(encoding="mono")
    sink.start(StreamInfo(scene.width, scene.height))
    sink.events(scene[:500])
    sink.close(complete=True)
    ((topic, data),) = ros.sent
    said = store.deserialize_cdr(data, _PACKET)
    assert (topic, said.encoding, said.width, said.height) == ("/event_camera/events", "mono", 346, 260)
    words = np.frombuffer(said.events.tobytes(), "<i8")
    assert np.array_equal((words & 0xFFFF_FFFF) // 1000 + said.time_base // 1000, scene.t[:500])

    source = RosReceive(silence="100ms")
    messages = []
    for number in (0, 1, 3):  # one is lost on its way
        said.seq = number
        messages.append(bytes(store.serialize_cdr(said, _PACKET)))

    def publish() -> None:
        while not ros.listeners:
            time.sleep(0.005)
        for each in (b"", b"\0\1\0\0garbage", *messages, messages[0][:-9]):
            ros.publish("/event_camera/events", each)

    thread = threading.Thread(target=publish)
    thread.start()
    source.start()
    seen = list(source.run())
    thread.join()
    source.close(complete=True)
    packets = [each for each in seen if isinstance(each, ef.Events)]
    assert packets[0].records.tobytes() == scene.records[:500].tobytes()
    assert isinstance(seen[-1], Watermark)
    assert source.skipped["missed messages"] == 1
    assert source.skipped["damaged messages"] == 3


def test_silence_at_the_start_names_the_topics_there_are(ros: Middleware) -> None:
    source = RosReceive(patience=1)
    with pytest.raises(LinkError, match=r"/event_camera/events: no .* came in time; .* /other \(std_msgs/msg/String\)"):
        source.start()
    source.close(complete=False)


def test_without_ros_the_message_says_what_to_do() -> None:
    if "rclpy" in sys.modules:
        pytest.skip("ROS is here")
    with pytest.raises(MissingExtraError, match=r"source /opt/ros/DISTRO/setup\.bash.*bags are read without it"):
        RosReceive().start()


def test_without_the_messages_package_it_is_named(ros: Middleware, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "event_camera_msgs.msg", None)
    with pytest.raises(MissingExtraError, match=r"ros-\$ROS_DISTRO-event-camera-msgs"):
        RosReceive().start()


@pytest.mark.samples
@pytest.mark.parametrize("bag", ["evt3_packets.bag", "evt3_packets_rosbag2"])
def test_a_bag_is_replayed_as_live_with_ages(samples: Any, tmp_path: Any, bag: str) -> None:
    nodes = {
        "bag": {"use": "read", "path": str(samples / "ros" / bag), "end": "7300ms"},
        "file": {"use": "write", "path": str(tmp_path / "out.npz")},
    }
    summary = ef.run(
        graph_from_dict({"name": "bag", "nodes": nodes, "flow": ["bag -> file"]}), speed=4, place="threads"
    )
    recorded = ef.read(samples / "ros" / bag, end=7_300_000)
    assert ef.read(tmp_path / "out.npz").records.tobytes() == recorded.records.tobytes()
    assert summary["wall_s"] >= 0.9 * (int(recorded.t[-1]) - int(recorded.t[0])) / 4e6
    assert summary["latency_us"]["max"] > 0
