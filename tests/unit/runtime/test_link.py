"""An edge between processes, over real ipc sockets: order, no loss, credits that never stall, peers that misbehave."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_parts import FakeInlet, FakeTask, edge, events_at

from eventflow.errors import EdgeFullError, LinkError
from eventflow.messages import StreamInfo
from eventflow.runtime import wire
from eventflow.runtime.control import Aborted, RunControl
from eventflow.runtime.counters import EdgeCounts
from eventflow.runtime.link import LinkInlet, LinkOutlet, LinkReceiver

TOKEN = "secret"


class Link:
    """Both ends of an edge in one process, each with a context of its own."""

    def __init__(self, folder: str, token: str = TOKEN, **policy: Any) -> None:
        self.edge = edge(3, "a.events", "b.events", **policy)
        address = f"ipc://{folder}/link"
        self.sending, self.receiving = zmq.Context(), zmq.Context()
        self.control, self.sender = RunControl(), FakeTask()
        self.outlet = LinkOutlet(self.edge, EdgeCounts(), self.sender, self.control, address, token)
        self.receiver = LinkReceiver(address, TOKEN)
        self.inlet = FakeInlet(self.edge)
        self.link_inlet = LinkInlet(self.edge, self.inlet, self.receiver, RunControl())
        self.receiver.inlets[self.edge.index] = self.link_inlet
        self.receiver.open(self.receiving)
        self.outlet.open(self.sending)
        self.address = address
        self.failure: BaseException | None = None

    def send(self, messages: list[Any], *, wait: bool = True) -> threading.Thread:
        def feed() -> None:
            try:
                self.outlet.start(StreamInfo(640, 480))
                for message in messages:
                    self.outlet.message(message, len(message), 1)
                    self.outlet.advance(int(message.t[-1]), 1)
                self.outlet.end(int(messages[-1].t[-1]) if messages else 0)
                if wait:
                    self.outlet.wait_for_acknowledgement()
            except BaseException as error:
                self.failure = error

        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        return thread

    def receive(self, *, until: Any = None, seconds: float = 30.0, pause_s: float = 0.0) -> None:
        """Deliver what comes until the end of the stream, or until `until()`."""
        deadline = time.monotonic() + seconds
        done = until or (lambda: any(kind == "end" for kind, _ in self.inlet.got))
        while not done():
            assert time.monotonic() < deadline, f"stalled after {len(self.inlet.messages)} messages"
            self.receiver.socket.poll(10)
            self.receiver.read()
            while self.link_inlet.waiting and not done():
                self.link_inlet.deliver()
                time.sleep(pause_s)

    def close(self) -> None:
        self.outlet.close()
        self.receiver.close()
        self.sending.destroy(0)
        self.receiving.destroy(0)


@contextlib.contextmanager
def linked(**how: Any) -> Iterator[Link]:
    with tempfile.TemporaryDirectory(prefix="ef-") as folder:
        link = Link(folder, **how)
        try:
            yield link
        finally:
            link.control.abort()
            link.close()


def packets(sizes: list[int]) -> list[Any]:
    made, t = [], 0
    for size in sizes:
        made.append(events_at(list(range(t, t + size))))
        t += size
    return made


def times(messages: list[Any]) -> list[int]:
    return [int(t) for message in messages for t in message.t]


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    sizes=st.lists(st.one_of(st.integers(1, 50), st.integers(1_000, 20_000)), min_size=1, max_size=40),
    limit_packets=st.integers(1, 8),
    limit_bytes=st.sampled_from([1, 100, 4_000, 16_000, 1 << 20]),
)
def test_credits_never_stall(sizes: list[int], limit_packets: int, limit_bytes: int) -> None:
    """Whatever the sizes, messages larger than the whole window included."""
    with linked(packets=limit_packets, bytes=limit_bytes) as link:
        sent = packets(sizes)
        thread = link.send(sent)
        link.receive()
        thread.join(5)
        assert link.failure is None
        assert not thread.is_alive()
        assert times(link.inlet.messages) == times(sent)
        assert [len(each) for each in link.inlet.messages] == sizes
        assert link.inlet.got[0] == ("start", StreamInfo(640, 480))
        assert link.outlet.counts.max_fill <= limit_packets
        assert link.link_inlet._control.held_bytes == 0


def test_the_tail_survives_a_slow_receiver() -> None:
    """The sender waits for the acknowledgement of the end and only then closes; ipc alone would lose the tail."""
    with linked(packets=1 << 16, bytes=1 << 30) as link:
        sent = packets([30] * 3_000)
        thread = link.send(sent)
        time.sleep(0.3)
        assert thread.is_alive()
        link.receive(until=lambda: len(link.inlet.messages) >= 10, pause_s=0.01)
        thread.join(10)
        link.outlet.close()
        link.sending.term()
        link.receive()
        assert link.failure is None
        assert len(link.inlet.messages) == 3_000
        assert link.inlet.got[-1] == ("end", 89_999)


def test_the_sender_waits_as_long_as_the_receiver_works() -> None:
    """A receiver may be busy with one message for longer than any time-out; who watches processes is the supervisor."""
    with linked() as link:
        thread = link.send(packets([5] * 3))
        time.sleep(1.0)
        assert thread.is_alive(), link.failure
        link.receive()
        thread.join(5)
        assert link.failure is None


def test_what_is_under_way_stays_in_the_window() -> None:
    with linked(packets=4, bytes=1 << 30) as link:
        link.send(packets([10] * 50))
        link.receive(until=lambda: link.receiver._peers)
        link.inlet.has_room = False
        for _ in range(20):
            link.receiver.socket.poll(10)
            link.receiver.read()
        data = [item for item in link.link_inlet._items if isinstance(item[0], wire.Data)]
        assert len(data) <= 4
        assert link.sender.blocked_on is link.outlet
        link.link_inlet.grow()
        for _ in range(20):
            link.receiver.socket.poll(10)
            link.receiver.read()
        data = [item for item in link.link_inlet._items if isinstance(item[0], wire.Data)]
        assert 4 < len(data) <= 8
        link.inlet.has_room = True
        link.receive()
        assert times(link.inlet.messages) == list(range(500))


def test_a_limit_in_time_is_enlarged_with_the_others() -> None:
    with linked(packets=100, time_us=5) as link:
        link.send(packets([10] * 3))
        link.receive(until=lambda: link.receiver._peers)
        link.inlet.has_room = False
        for _ in range(8):
            link.receiver.socket.poll(10)
            link.receiver.read()
        before = len(link.link_inlet._items)
        link.link_inlet.grow()
        link.link_inlet.grow()
        for _ in range(20):
            link.receiver.socket.poll(10)
            link.receiver.read()
        assert len(link.link_inlet._items) > before


def test_growing_is_left_to_the_thread_that_owns_the_socket() -> None:
    """A socket used by two threads at once aborts the process."""
    with linked(packets=1) as link:
        link.send(packets([1] * 3_000))
        link.receive(until=lambda: link.receiver._peers)
        asking = threading.Thread(target=lambda: [link.link_inlet.grow() for _ in range(12)], daemon=True)
        send = link.receiver.send
        threads = set()
        link.receiver.send = lambda *what: (threads.add(threading.current_thread()), send(*what))[1]
        asking.start()
        asking.join(5)
        link.receive()
        assert threads == {threading.current_thread()}
        assert link.link_inlet.room.limit_packets == 1 << 12


@pytest.mark.parametrize("policy", ["drop_oldest", "latest"])
def test_drops_are_counted_and_no_watermark_overtakes_a_message(policy: str) -> None:
    with linked(when_full=policy, packets=4) as link:
        sent = packets([3] * 400)
        thread = link.send(sent)
        random = Random(2)
        while not link.inlet.got or link.inlet.got[-1][0] != "end":
            link.receiver.socket.poll(20)
            link.receiver.read()
            if link.link_inlet.waiting and random.random() < 0.5:
                link.link_inlet.deliver()
            else:
                time.sleep(0.0005)
        thread.join(5)
        assert link.failure is None
        counts = link.outlet.counts
        assert counts.messages_sent == 400
        assert counts.messages_dropped > 0
        assert counts.messages_sent == counts.messages_dropped + len(link.inlet.messages)
        assert counts.events_sent == counts.events_dropped + len(times(link.inlet.messages))
        assert link.inlet.watermark == 1_199
        reached = -1
        for kind, payload in link.inlet.got:
            if kind == "watermark":
                reached = payload
            elif kind == "message":
                assert int(payload.t[0]) >= reached, "a watermark promised that no such message would come"


def test_fail_says_which_edge() -> None:
    with linked(when_full="fail", packets=2) as link:
        thread = link.send(packets([1] * 10))
        thread.join(5)
        assert isinstance(link.failure, EdgeFullError)
        assert "edge a.events -> b.events is full at t=2 µs" in str(link.failure)


def test_an_end_of_the_run_ends_every_wait() -> None:
    with linked(packets=1) as link:
        thread = link.send(packets([1] * 10))
        time.sleep(0.2)
        assert link.sender.blocked_on is not None
        link.control.abort()
        thread.join(5)
        assert isinstance(link.failure, Aborted)


def test_a_lost_message_is_an_error_that_says_so() -> None:
    with linked() as link:
        link.send(packets([1] * 2), wait=False).join(5)
        link.receive()
        peer = link.link_inlet.peer
        header, arrays = wire.data_header(events_at([5]), 3, 7, 0, 0, 0)
        frame = type("F", (), {"buffer": memoryview(arrays[0].tobytes())})
        with pytest.raises(LinkError, match=r"edge a\.events -> b\.events: message 7 came after 1 with 0 dropped"):
            link.link_inlet.take(peer, header, [frame])


def test_strangers_are_counted_and_change_nothing() -> None:
    """Garbage, other programs, wrong tokens, a second sender: whatever connects, the link goes on."""
    random = Random(3)
    with linked() as link:
        context = zmq.Context()
        rogues = [context.socket(zmq.DEALER) for _ in range(4)]
        for rogue in rogues:
            rogue.setsockopt(zmq.LINGER, 0)
            rogue.connect(link.address)
        sent = packets([20] * 200)
        thread = link.send(sent)
        header, arrays = wire.data_header(events_at([5]), 3, 0, 0, 0, 0)
        for number in range(50):
            rogues[0].send_multipart([random.randbytes(random.randrange(60)) for _ in range(random.randrange(1, 4))])
            rogues[1].send(wire.encode_header(wire.Hello(1, 3, "wrong", "x", {})))
            rogues[2].send_multipart([wire.encode_header(header), arrays[0].tobytes()])
            rogues[3].send(
                wire.encode_header(
                    [wire.Eos(1, 3, 0, 0), wire.EosAck(1, 3, 0), wire.Hello(9, 3, TOKEN, "", {})][number % 3]
                )
            )
        link.receive(until=lambda: link.receiver.strangers >= 200)
        rogues[1].send(wire.encode_header(wire.Hello(1, 3, TOKEN, "second", {})))
        rogues[1].send(wire.encode_header(wire.Hello(1, 99, TOKEN, "no such edge", {})))
        link.receive()
        link.receive(until=lambda: link.receiver.strangers == 202)
        thread.join(5)
        assert link.failure is None
        assert times(link.inlet.messages) == times(sent)
        context.destroy(0)


def test_a_program_that_speaks_no_zeromq_is_nobody() -> None:
    import socket

    with linked() as link:
        plain = socket.socket(socket.AF_UNIX)
        plain.connect(link.address.removeprefix("ipc://"))
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        thread = link.send(packets([5] * 20))
        link.receive()
        thread.join(5)
        plain.close()
        assert times(link.inlet.messages) == list(range(100))


def test_a_known_peer_that_breaks_the_protocol_ends_the_run() -> None:
    with linked() as link:
        link.send([], wait=False).join(5)
        link.receive()
        link.outlet.socket.send(b"\xc1 not a header")
        with pytest.raises(LinkError, match="not an eventflow message"):
            link.receive(until=lambda: False)


def test_a_peer_killed_in_the_middle_leaves_whole_messages() -> None:
    """A message is taken whole or not at all, whenever its sender dies."""
    script = """
import sys, zmq
sys.path.insert(0, sys.argv[2])
from runtime_parts import FakeTask, edge, events_at
from eventflow.messages import StreamInfo
from eventflow.runtime.control import RunControl
from eventflow.runtime.counters import EdgeCounts
from eventflow.runtime.link import LinkOutlet
spec = edge(3, "a.events", "b.events")
outlet = LinkOutlet(spec, EdgeCounts(), FakeTask(), RunControl(), sys.argv[1], "secret")
outlet.open(zmq.Context())
outlet.start(StreamInfo(640, 480))
t = 0
while True:
    outlet.message(events_at(list(range(t, t + 5000))), 5000, 1)
    t += 5000
"""
    with linked() as link:
        here = str(Path(__file__).parent)
        process = subprocess.Popen([sys.executable, "-c", script, link.address, here])
        try:
            link.receive(until=lambda: len(link.inlet.messages) >= 50)
        finally:
            process.kill()
            process.wait()
        for _ in range(20):
            link.receiver.socket.poll(10)
            link.receiver.read()
            while link.link_inlet.waiting:
                link.link_inlet.deliver()
        assert all(len(each) == 5_000 for each in link.inlet.messages)
        assert times(link.inlet.messages) == list(range(5_000 * len(link.inlet.messages)))
        assert link.inlet.got[-1][0] != "end"
