"""A worker process: `python -m eventflow.runtime.worker CONTROL NAME`, started by the supervisor and by nobody else.

Its main thread runs the tasks; a second one speaks with the supervisor. It ignores SIGINT, which is the supervisor's to
handle, and does not outlive it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import zmq

from eventflow.errors import EventflowError, NodeFailedError
from eventflow.graph.graph import graph_from_plain
from eventflow.io.parts import keep_journal
from eventflow.kernels.jit import announce_compilation
from eventflow.runtime.group import TaskGroup
from eventflow.runtime.memory import keep_freed_memory
from eventflow.runtime.options import RunOptions
from eventflow.runtime.plan import Plan, WorkerPlan
from eventflow.runtime.running import SWITCH_INTERVAL_S

BEAT_S = 0.1
TOKEN_VARIABLE = "EVENTFLOW_TOKEN"
_PR_SET_PDEATHSIG = 1


class Control:
    """This worker's end of the control channel. Its thread owns the socket; others leave what they want said."""

    def __init__(self, address: str, name: str, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.group: TaskGroup | None = None
        self.closing = threading.Event()
        self.complete = False
        self.said_everything = threading.Event()
        self._to_say: deque[dict[str, Any]] = deque()
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 2000)
        self._socket.setsockopt(zmq.IDENTITY, name.encode())
        self._socket.connect(address)
        self._parent = os.getppid()

    def ask_for_work(self) -> dict[str, Any]:
        """Say hello and return what the supervisor wants done."""
        self._send({"kind": "hello", "pid": os.getpid(), "token": os.environ.pop(TOKEN_VARIABLE, "")})
        while not self._socket.poll(200):
            self._die_with_parent()
        work: dict[str, Any] = msgspec.msgpack.decode(self._socket.recv())
        return work

    def say(self, kind: str, **what: Any) -> None:
        """Have something sent, in order, by the control thread."""
        self._to_say.append({"kind": kind, **what})

    def serve(self) -> None:
        """Speak with the supervisor until everything is said. Runs in a thread of its own."""
        next_beat = 0.0
        while not (self.said_everything.is_set() and not self._to_say):
            self._die_with_parent()
            while self._to_say:
                self._send(self._to_say.popleft())
            if self._socket.poll(20):
                self._obey(msgspec.msgpack.decode(self._socket.recv()))
            if time.monotonic() >= next_beat and self.group is not None:
                next_beat = time.monotonic() + BEAT_S
                self._send({"kind": "beat", "snapshot": self.group.snapshot()})
        self._socket.close()

    def _obey(self, order: dict[str, Any]) -> None:
        kind = order["kind"]
        group = self.group
        if group is None:
            return
        if kind == "go":
            group.control.start(order["anchor_ns"], order["anchor_t"])
        elif kind == "drain":
            group.control.drain()
        elif kind == "steer":
            group.steer(order["order"])
        elif kind == "grow":
            group.grow(order["edge"])
        elif kind == "close":
            self.complete = order["complete"]
            if not self.complete:
                group.control.abort()
            self.closing.set()

    def _send(self, what: dict[str, Any]) -> None:
        self._socket.send(msgspec.msgpack.encode(what))

    def _die_with_parent(self) -> None:
        if os.getppid() != self._parent:
            os._exit(1)


def plain_from_error(error: BaseException) -> dict[str, Any]:
    """Return an error as MessagePack holds it."""
    plain: dict[str, Any] = {"type": type(error).__name__, "text": str(error)}
    if isinstance(error, NodeFailedError):
        plain["failed"] = [error.node, error.place, error.seq, error.cause, error.traceback, error.folder]
    elif not isinstance(error, EventflowError):
        plain["text"] = f"{type(error).__name__}: {error}"
        plain["traceback"] = "".join(traceback.format_exception(error))
    return plain


def work(control: Control, orders: dict[str, Any], name: str) -> None:
    """Do what the supervisor ordered, from building the tasks to closing the nodes."""
    keep_journal(Path(orders["sockets"]) / f"{os.getpid()}.parts")
    graph = graph_from_plain(orders["graph"])
    plan = Plan([WorkerPlan(each["name"], each["tasks"]) for each in orders["plan"]])
    options = RunOptions.from_plain(orders["options"])
    group = TaskGroup(
        graph,
        plan,
        name,
        options.control(),
        folder=lambda: options.folder,
        sockets=orders["sockets"],
        token=orders["token"],
        on_started=lambda: control.say("ready", t_start=group.t_start),
    )
    control.group = group
    group.run()
    if group.failure is not None:
        control.say("failed", error=plain_from_error(group.failure), snapshot=group.snapshot())
    else:
        control.say("done", snapshot=group.snapshot())
    control.closing.wait()
    group.close(complete=control.complete and group.failure is None)
    problem = plain_from_error(group.failure) if control.complete and group.failure is not None else None
    control.say("closed", snapshot=group.snapshot(), report=group.report(), error=problem)


def main() -> None:
    """Run one worker process."""
    address, name = sys.argv[1:3]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    faulthandler.enable()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_freed_memory()
    context = zmq.Context()
    control = Control(address, name, context)
    orders = control.ask_for_work()
    speaking = threading.Thread(target=control.serve, name="control", daemon=True)
    announce_compilation(lambda text: control.say("notice", text=text))
    speaking.start()
    try:
        work(control, orders, name)
    except Exception as error:
        control.say("failed", error=plain_from_error(error), snapshot=None)
        control.closing.wait(10)
        control.say("closed", snapshot=None, report=None, error=None)
    control.said_everything.set()
    speaking.join()
    context.term()


if __name__ == "__main__":
    main()
