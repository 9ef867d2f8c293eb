"""A task: nodes that are run by one thread, one after the other, and the loop that feeds them."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import zmq

from eventflow.runtime.clock import wake_on_time
from eventflow.runtime.control import Aborted

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.runtime.control import RunControl
    from eventflow.runtime.link import LinkInlet, LinkOutlet, LinkReceiver
    from eventflow.runtime.queues import QueueEdge
    from eventflow.runtime.runner import Runner
    from eventflow.runtime.source import SourceRunner

_POLL_S = 0.1
_NAP_S = 0.05
_SHORT_NAP_S = 0.001  # while messages wait for credit


def _nothing() -> None:
    pass


class Task:
    """One thread's share of a graph.

    Attributes:
        runners: in topological order.
        arrivals: the edges from other threads and processes.
        blocked_on: the edge that is full, while the task waits for it.
        idle: whether the task waits for something to arrive.
        pacing: whether it waits for the time at which a source's next packet is due.
        orders: what somebody who steers the run wants done between two packets; any thread may append.
        steps: how often it did anything; a task whose count stands still makes no progress.
    """

    def __init__(self, names: list[str], control: RunControl) -> None:
        self.names = names
        self.control = control
        self.runners: list[Runner] = []
        self.sources: list[SourceRunner] = []
        self.arrivals: list[QueueEdge | LinkInlet] = []
        self.receiver: LinkReceiver | None = None
        self.link_outlets: list[LinkOutlet] = []
        self.inbox_lock = threading.RLock()
        self.blocked_on: QueueEdge | LinkOutlet | None = None
        self.idle = False
        self.pacing = False
        self.steps = 0
        self.orders: deque[Callable[[], None]] = deque()
        self.ended = False
        self.started = False
        self.on_started: Callable[[], None] = _nothing
        self._arrived = threading.Condition(self.inbox_lock)
        self._poller: zmq.Poller | None = None
        self._wake_fd = -1
        control.on_change(self._interrupt)

    @property
    def main_thread(self) -> bool:
        """Whether a node of the task draws a window."""
        return any(runner.node.main_thread for runner in self.runners)

    def run(self, context: zmq.Context[zmq.Socket[bytes]], failed: Callable[[BaseException], None]) -> None:
        """Work until every node has ended. An error goes to `failed`; nothing is raised."""
        try:
            wake_on_time()
            self._open(context)
            self._work()
            for outlet in self.link_outlets:
                outlet.wait_for_acknowledgement()
        except Aborted:
            pass
        except BaseException as error:
            failed(error)
        finally:
            self.ended = True
            self._close()

    def wake(self) -> None:
        """Tell the loop that something arrived. Called with `inbox_lock` held."""
        if not self.idle:
            return
        if self._poller is None:
            self._arrived.notify()
        else:
            os.eventfd_write(self._wake_fd, 1)

    def _open(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        if self.receiver is not None:
            self.receiver.open(context)
        for outlet in self.link_outlets:
            outlet.open(context)
        if self.receiver is not None or self.link_outlets:
            self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._poller = zmq.Poller()
            self._poller.register(self._wake_fd, zmq.POLLIN)
            if self.receiver is not None:
                self._poller.register(self.receiver.socket, zmq.POLLIN)
            for outlet in self.link_outlets:
                self._poller.register(outlet.socket, zmq.POLLIN)

    def _close(self) -> None:
        if self.receiver is not None:
            self.receiver.close()
        for outlet in self.link_outlets:
            outlet.close()
        with self.inbox_lock:
            self._poller = None
            if self._wake_fd >= 0:
                os.close(self._wake_fd)
                self._wake_fd = -1

    def _work(self) -> None:
        for each in self.sources:
            each.start({})
        waiting = list(self.runners)
        while True:
            self.control.check()
            self.steps += 1
            while self.orders:
                self.orders.popleft()()
            if not self.started:
                waiting = [runner for runner in waiting if not runner.started]
                if not waiting:
                    self.started = True
                    self.on_started()
            if self._deliver():
                continue
            if self.control.go.is_set() and (source := self._next_source()) is not None:
                if source.held_back:
                    self._wait(_POLL_S)
                    continue
                if source.alone and not (self.control.paced or self.control.steered):
                    source.run_alone()
                    continue
                delay = source.due_in()
                if delay <= 0 or self.control.draining.is_set():
                    source.step()
                else:
                    self.pacing = True
                    if self.arrivals:
                        self._wait(delay)
                    else:
                        self.tell_watermarks()
                        # exact to 0.1 ms, where a poll counts whole milliseconds
                        time.sleep(min(delay, _SHORT_NAP_S if self._sends_late else _NAP_S))
                    self.pacing = False
                continue
            if all(runner.ended for runner in self.runners):
                return
            self._wait(_POLL_S)

    def _next_source(self) -> SourceRunner | None:
        """The source that is furthest behind, so that joins below hold little."""
        running = [source for source in self.sources if not source.ended]
        return min(running, key=lambda source: source.watermark, default=None)

    def _deliver(self) -> bool:
        """Deliver one arrived item; of several edges the one that is furthest behind."""
        if self._poller is not None:
            self._read_links()
        ready = [arrival for arrival in self.arrivals if arrival.waiting]
        if not ready:
            return False
        arrival = ready[0] if len(ready) == 1 else min(ready, key=lambda each: each.inlet.watermark)
        arrival.deliver()
        return True

    def _read_links(self) -> None:
        if self.receiver is not None:
            self.receiver.read()
        for outlet in self.link_outlets:
            if outlet.pending:
                outlet.read()
                outlet.flush()

    @property
    def _sends_late(self) -> bool:
        return any(outlet.pending for outlet in self.link_outlets)

    def tell_watermarks(self) -> None:
        """Let every receiver know how far time has come; done before each wait."""
        for outlet in self.link_outlets:
            outlet.tell_watermark()

    def _wait(self, seconds: float) -> None:
        """Wait until something arrives, at most so long."""
        self.tell_watermarks()
        if self._poller is None:
            with self.inbox_lock:
                if any(arrival.waiting for arrival in self.arrivals) or self.control.aborted:
                    return
                self.idle = True
                self._arrived.wait(min(seconds, _POLL_S))
                self.idle = False
            return
        with self.inbox_lock:
            if any(arrival.waiting for arrival in self.arrivals):
                return
            self.idle = True
        # a poll counts whole milliseconds: the last one is left to the next, shorter wait
        ready: list[Any] = self._poller.poll(max(1, int(min(seconds, _POLL_S) * 1000)))
        self.idle = False
        if any(each == self._wake_fd for each, _ in ready):
            os.eventfd_read(self._wake_fd)
        for outlet in self.link_outlets:
            outlet.read()  # a credit left unread would end every later wait at once

    def _interrupt(self) -> None:
        with self.inbox_lock:
            if self._poller is None:
                self._arrived.notify_all()
            elif self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)
