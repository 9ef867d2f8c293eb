"""Published streams and those who listen to them: every message arrives or is counted, whatever peers do."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq

from eventflow.errors import LinkError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Reset, StreamInfo
from eventflow.runtime.client import connect
from eventflow.runtime.curve import load_key, make_keys
from eventflow.runtime.publish import Publisher, address_of
from eventflow_nodes.network.subscribe import Subscribe

_INFO = StreamInfo(16, 16, source="test")


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def packet(number: int, events: int = 4) -> Events:
    records = np.zeros(events, EVENT_DTYPE)
    records["t"] = number
    return Events(records, 16, 16, ordered=True)


def numbers(stream: Any, count: int | None = None) -> list[int]:
    """The numbers of the packets that come, until the end or until so many came."""
    found: list[int] = []
    while not stream.ended and (count is None or len(found) < count):
        message = stream.receive(5.0)
        if message is not None:
            found.append(int(message.t[0]))
    return found


class Cut:
    """A cable between two sockets that can be pulled and put back."""

    def __init__(self, target: str) -> None:
        self._target = int(target.rpartition(":")[2])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._pairs: list[socket.socket] = []
        self.whole = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.whole:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            return

    def pull(self) -> None:
        self.whole = False
        for each in self._pairs:
            each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pairs.clear()

    def close(self) -> None:
        self._listener.close()
        self.pull() if self._pairs else None


def test_late_listeners_get_what_comes_from_then_on_each_by_its_own_policy() -> None:
    publisher = Publisher(free_address(), _INFO, may_block=True)
    for number in range(5):
        publisher(packet(number))
    time.sleep(0.2)
    with (
        connect(publisher.address, policy="block") as every,
        connect(publisher.address, policy="latest") as newest,
        connect(publisher.address) as oldest_go,
    ):
        found: list[int] = []
        reading = threading.Thread(target=lambda: found.extend(numbers(every)))
        reading.start()
        for number in range(5, 405):
            publisher(packet(number))
        threading.Thread(target=publisher.close).start()
        reading.join(20)
        assert every.info.width == 16
        assert found == list(range(5, 405))
        assert every.missed == 0
        latest, lossy = numbers(newest), numbers(oldest_go)
        assert latest[-1] == lossy[-1] == 404
        assert len(latest) + newest.missed == len(lossy) + oldest_go.missed == 400
        assert len(latest) < len(lossy) < 400  # 32 packets of credit, then what the queue of each policy holds
    time.sleep(0.1)
    assert publisher.totals()["sent"] == 400 + len(latest) + len(lossy)
    assert publisher.totals()["missed"] == newest.missed + oldest_go.missed


def test_a_listener_that_stops_reading_is_waited_for_so_long_and_no_longer() -> None:
    publisher = Publisher(free_address(), _INFO, may_block=True, patience_s=0.2)
    with connect(publisher.address, policy="block") as stream:
        for number in range(300):
            publisher(packet(number))
        assert publisher.stalled == 1
        publisher.close()  # nobody reads: after a second the rest is given up
        found = numbers(stream)
        assert found == list(range(32))
        assert stream.missed == publisher.totals()["missed"] == 300 - 32


def test_who_may_not_block_does_not() -> None:
    publisher = Publisher(free_address(), _INFO)
    with connect(publisher.address, policy="block") as stream:
        begun = time.monotonic()
        for number in range(300):
            publisher(packet(number))
            time.sleep(0.0002)
        assert time.monotonic() - begun < 5
        threading.Thread(target=publisher.close).start()
        assert len(numbers(stream)) + stream.missed + publisher.dropped == 300


def test_a_pulled_cable_is_a_counted_gap_and_a_mark_on_the_next_message() -> None:
    publisher = Publisher(free_address(), _INFO)
    cable = Cut(publisher.address)
    with connect(cable.address, patience_s=10) as stream:
        publisher(packet(0))
        assert numbers(stream, 1) == [0]
        cable.pull()
        for number in range(1, 30):
            publisher(packet(number))
        time.sleep(0.3)
        cable.whole = True
        while stream.breaks == 0:
            assert stream.receive(0.05) is None
        publisher(packet(30))
        assert numbers(stream, 1) == [30]
        assert (stream.gap, stream.missed, stream.breaks) == (29, 29, 1)
        assert stream.after_break
        assert not stream.restarted
        publisher(packet(31))
        assert numbers(stream, 1) == [31]
        assert not stream.after_break
        cable.close()
    publisher.close()


def test_a_cable_that_stays_pulled_ends_in_an_error_that_says_so() -> None:
    publisher = Publisher(free_address(), _INFO)
    cable = Cut(publisher.address)
    with connect(cable.address, patience_s=0.2) as stream:
        cable.pull()
        with pytest.raises(LinkError, match=r"connection broke after 0 messages and did not come back within 0\.2 s"):
            numbers(stream)
        cable.close()
    publisher.close()


def test_another_run_at_the_same_address_is_a_new_stream() -> None:
    address = free_address()
    first = Publisher(address, _INFO)
    cable = Cut(address)
    with connect(cable.address) as stream:
        first(packet(7))
        assert numbers(stream, 1) == [7]
        cable.pull()
        first.close()
        second = Publisher(address, _INFO)
        cable.whole = True
        while stream.breaks == 0:
            assert stream.receive(0.05) is None
        second(packet(3))
        assert numbers(stream, 1) == [3]
        assert stream.restarted
        assert stream.after_break
        assert stream.missed == 0
        cable.close()
    second.close()


def test_peers_that_speak_something_else_are_counted_and_nothing_else_happens() -> None:
    publisher = Publisher(free_address(), _INFO)
    port = int(publisher.address.rpartition(":")[2])
    silent = socket.create_connection(("127.0.0.1", port))
    rude = socket.create_connection(("127.0.0.1", port))
    rude.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 50)
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.LINGER, 0)
    stranger.connect(publisher.address)
    future = msgspec.msgpack.encode(["hello", 2, 0, "", "later", {}])
    for frame in (b"", b"\xff" * 40, future, msgspec.msgpack.encode(["credit", 1, 0, 1 << 60, -5])):
        stranger.send(frame)
    said = msgspec.msgpack.decode(stranger.recv_multipart()[0])
    assert said[0] == "error"
    with connect(publisher.address) as stream:
        for number in range(20):
            publisher(packet(number))
        publisher.close()
        assert numbers(stream) == list(range(20))
    assert publisher.strangers >= 4  # the browser's bytes look like ZeroMQ's oldest protocol in part
    answers = [said]
    while stranger.poll(100):
        answers.append(msgspec.msgpack.decode(stranger.recv_multipart()[0]))
    assert "version 2" in answers[2][3]
    for each in (silent, rude):
        each.close()
    stranger.close()
    context.term()


@pytest.mark.parametrize("peer", ["http", "silent", "publisher of other things", "nobody"])
def test_a_client_at_the_wrong_address_says_so(peer: str) -> None:
    address = free_address()
    port = int(address.rpartition(":")[2])
    context = zmq.Context()
    other, server = context.socket(zmq.PUB), None
    other.setsockopt(zmq.LINGER, 0)
    if peer == "publisher of other things":
        other.bind(address)
    elif peer != "nobody":
        server = socket.create_server(("127.0.0.1", port))
        if peer == "http":

            def answer() -> None:
                client, _ = server.accept()
                with client:
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

            threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(LinkError, match=r"no eventflow stream answered within|another protocol"):
        connect(address, timeout_s=0.6)
    if server is not None:
        server.close()
    other.close()
    context.term()


def test_other_hosts_need_keys(tmp_path: Path) -> None:
    for address in ("tcp://0.0.0.0:5560", "tcp://*:5560", "tcp://192.168.1.2:5560"):
        with pytest.raises(ParameterError, match="eventflow keys"):
            Publisher(address, _INFO)
        assert address_of(address, encrypted=True) == address
    server, _ = make_keys(tmp_path, "server")
    with pytest.raises(ParameterError, match="holds no secret key"):
        Publisher(free_address(), _INFO, key=server)
    with pytest.raises(ParameterError, match="keys are not replaced"):
        make_keys(tmp_path, "server")
    (tmp_path / "wrong.key").write_text("nothing")
    with pytest.raises(ParameterError, match=r"wrong\.key: no key can be read"):
        load_key(tmp_path / "wrong.key")
    assert (tmp_path / "server.key_secret").stat().st_mode & 0o077 == 0


def test_an_encrypted_stream_is_read_by_those_with_keys_and_by_nobody_else(tmp_path: Path) -> None:
    server, server_secret = make_keys(tmp_path / "server", "server")
    friend, friend_secret = make_keys(tmp_path / "friends", "friend")
    friend_secret = friend_secret.rename(tmp_path / "friend.key_secret")
    other, other_secret = make_keys(tmp_path / "others", "other")
    publisher = Publisher(free_address(), _INFO, key=server_secret, allowed=friend.parent)
    for keys in ({}, {"server_key": server}, {"server_key": server, "key": other_secret}, {"server_key": other}):
        with pytest.raises(LinkError, match=r"refuses us|no eventflow stream answered"):
            connect(publisher.address, timeout_s=0.5, **keys)  # type: ignore[arg-type]
    with connect(publisher.address, server_key=server, key=friend_secret) as stream:
        publisher(packet(1))
        publisher.close()
        assert numbers(stream) == [1]


class _Services:
    graph_text = ""

    def subscription(self, url: str, **options: Any) -> Any:
        return connect(url, **options)


def test_the_node_counts_what_was_missed_and_starts_anew_after_a_break() -> None:
    publisher = Publisher(free_address(), _INFO)
    cable = Cut(publisher.address)
    node = Subscribe(url=cable.address)
    node.services = _Services()  # type: ignore[assignment]
    assert node.start().width == 16
    publisher(packet(5))
    seen: list[Any] = []
    for item in node.run():
        seen.append(item)
        events = getattr(item, "events", None)
        if events is not None and int(events.t[0]) == 5:
            cable.pull()
            publisher(packet(6))
            time.sleep(0.2)
            cable.whole = True
        if node._stream.breaks and len(seen) and not publisher._ended:
            publisher(packet(7))
            threading.Thread(target=publisher.close).start()
    node.close(complete=True)
    kinds = [
        each if isinstance(each, Reset) else int(each.events.t[0])
        for each in seen
        if hasattr(each, "reason") or getattr(each, "events", None) is not None
    ]
    assert kinds == [5, Reset("the connection was broken; 1 messages were missed"), 7]
    assert node.skipped == {"missed messages": 1, "breaks": 1}
    cable.close()
