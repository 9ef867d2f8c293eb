"""A hand in a running graph: look at its counters, pause, step, seek, change a live parameter, end it.

Each run that may be steered listens on a socket named by its id in a folder of this user's own. A request and its
answer are one MessagePack map each; docs/wire.md lists them. Whatever changed the run stands in its summary under
`steering`, and its outputs are then no longer called reproducible.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zmq

from eventflow.errors import EventflowError, LinkError, ParameterError
from eventflow.graph.node import Source, did_you_mean
from eventflow.runtime.sockets import own_folder
from eventflow.units import duration_from_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from eventflow.graph.graph import Graph

_ANSWER_MS: Final = 10_000
_LARGEST_REQUEST: Final = 1 << 16
ORDERS: Final = ("summary", "pause", "resume", "step", "seek", "set", "stop")


def runs() -> list[str]:
    """Return the ids of this user's runs that can be steered, oldest first; sockets of dead ones are removed."""
    found = []
    for path in sorted(own_folder("runs").iterdir()):
        if Path(f"/proc/{path.name.rpartition('-')[2]}").exists() or not Path("/proc").exists():
            found.append(path.name)
        else:
            path.unlink(missing_ok=True)
    return found


def checked_order(graph: Graph, request: dict[str, Any]) -> dict[str, Any]:
    """Return the order that a request stands for, its values parsed.

    Raises:
        ParameterError: it cannot be done, and why.
    """
    kind = request.get("do")
    if kind == "step":
        packets = request.get("packets", 1)
        if not isinstance(packets, int) or packets < 1:
            raise ParameterError(f"step {packets!r}: expected a number of packets, at least 1")
        return {"do": "step", "packets": packets}
    if kind == "seek":
        for name, spec in graph.nodes.items():
            if spec.is_source and spec.node_class.seek is Source.seek:  # type: ignore[attr-defined]
                raise ParameterError(f"source {name!r} ({spec.use}) cannot go to another time")
        t = request.get("t")
        return {"do": "seek", "t": duration_from_text(t) if isinstance(t, str) else int(t or 0)}
    if kind == "set":
        return _checked_set(graph, str(request.get("name", "")), request.get("value"))
    if kind not in ORDERS:
        raise ParameterError(f"{kind!r} is no order; known: {', '.join(ORDERS)}")
    return {"do": kind}


def _checked_set(graph: Graph, name: str, value: Any) -> dict[str, Any]:
    node, _, parameter = name.rpartition(".")
    if node not in graph.nodes:
        raise ParameterError(f"no node {node!r} in {graph.name!r}" + did_you_mean(node, graph.nodes))
    declared = graph.nodes[node].node_class.declaration.parameters
    if parameter not in declared:
        raise ParameterError(f"node {node!r} has no parameter {parameter!r}" + did_you_mean(parameter, declared))
    if not declared[parameter].live:
        may = ", ".join(each.name for each in declared.values() if each.live) or "none"
        raise ParameterError(f"{name} cannot change while the graph runs; of node {node!r} these can: {may}")
    return {"do": "set", "node": node, "parameter": parameter, "value": declared[parameter].parse(value)}


class Steering:
    """The socket of one run, served by a thread.

    Args:
        graph: the running graph.
        run_id: names the socket; ends with the process id.
        apply: does an order; called from the serving thread.
        summary: returns the summary as it stands.
    """

    def __init__(
        self,
        graph: Graph,
        run_id: str,
        *,
        apply: Callable[[dict[str, Any]], None],
        summary: Callable[[], dict[str, Any]],
        log: list[dict[str, Any]],
    ) -> None:
        self._graph, self._apply, self._summary = graph, apply, summary
        self._log = log
        self._begun = time.monotonic()
        self._path = own_folder("runs") / run_id
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="steering", daemon=True)

    def __enter__(self) -> Steering:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.setsockopt(zmq.LINGER, 200)
            socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST_REQUEST)
            try:
                socket.bind(f"ipc://{self._path}")
            except zmq.ZMQError:
                return  # a path too long for a socket: the run goes on and cannot be steered
            while not self._ending.is_set():
                if socket.poll(50):
                    peer, *frames = socket.recv_multipart()
                    answer = self._answer(frames[-1] if frames else b"")
                    socket.send_multipart([peer, msgspec.msgpack.encode(answer, enc_hook=str)])

    def _answer(self, frame: bytes) -> dict[str, Any]:
        try:
            request = msgspec.msgpack.decode(frame, type=dict[str, Any])
            if request.get("do") == "summary":
                return {"graph": self._graph.name, "summary": self._summary()}
            order = checked_order(self._graph, request)
            self._apply(order)
        except (msgspec.MsgspecError, EventflowError, ValueError, TypeError) as error:
            return {"error": str(error)}
        self._log.append({"wall_s": round(time.monotonic() - self._begun, 3), **order})
        return {"done": order}


def steering(graph: Graph, run_id: str, **hooks: Any) -> AbstractContextManager[object]:
    """Return a `Steering`, or nothing where the run has no id to be found by."""
    return Steering(graph, run_id, **hooks) if run_id else nullcontext()


class RunHandle:
    """A running graph, seen from outside: `ef.attach()`.

    Args:
        run: id of the run; None is the only one there is.
    """

    def __init__(self, run: str | None = None) -> None:
        self.run = _chosen(run)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"ipc://{own_folder('runs') / self.run}")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            ParameterError: the run refuses it, and why.
            LinkError: no answer came.
        """
        self._socket.send(msgspec.msgpack.encode(request))
        if not self._socket.poll(_ANSWER_MS):
            raise LinkError(f"run {self.run} does not answer; it may have ended")
        answer: dict[str, Any] = msgspec.msgpack.decode(self._socket.recv())
        if "error" in answer:
            raise ParameterError(answer["error"])
        return answer

    def summary(self) -> dict[str, Any]:
        """Return the summary as it stands."""
        summary: dict[str, Any] = self.ask(do="summary")["summary"]
        return summary

    def set(self, name: str, value: Any) -> None:
        """Change a live parameter: `set("clean.window", "3ms")`."""
        self.ask(do="set", name=name, value=value)

    def pause(self) -> None:
        """Hold the sources back."""
        self.ask(do="pause")

    def resume(self) -> None:
        """Let the sources go on."""
        self.ask(do="resume")

    def step(self, packets: int = 1) -> None:
        """Let each source send some packets in spite of a pause."""
        self.ask(do="step", packets=packets)

    def seek(self, t: int | str) -> None:
        """Have every source go on with the first event at or after `t` (µs, or a text such as 2.5s)."""
        self.ask(do="seek", t=t)

    def stop(self) -> None:
        """End the sources; what they sent is still processed, and outputs are finished."""
        self.ask(do="stop")

    def close(self) -> None:
        """Let go of the run."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> RunHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _chosen(run: str | None) -> str:
    known = runs()
    if run is None and len(known) == 1:
        return known[0]
    for each in known:
        if run and (each == run or each.endswith(f"-{run}")):
            return each
    there = f"running: {', '.join(known)}" if known else "nothing runs"
    raise ParameterError(f"no run {run!r}; {there}" if run else f"which run? {there}")
