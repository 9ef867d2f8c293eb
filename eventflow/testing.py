"""The published test kit: whoever writes a node subclasses NodeConformance and has its promises checked.

```python
class TestMyFilter(NodeConformance):
    node = MyFilter
    parameters = {"window": "5ms"}
```

Checked with hypothesis, the same examples every time: results do not depend on how the stream was cut nor on where
watermarks fall, a node restored from its state goes on with the same bytes, inputs are not written, outputs are of the
declared types, read-only, never changed afterwards, in time order and not older than promised, an empty stream ends
well, and parameters survive the way through a graph file.
"""

from __future__ import annotations

import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventflow.digest import content_hash
from eventflow.errors import EventflowError, missing_extra
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.drive import Driver, drive, end_of, in_engine_order, recut, routed, watched
from eventflow.graph.node import _is_plain
from eventflow.messages import (
    Frame,
    Grid,
    Label,
    Message,
    Reset,
    Slice,
    StreamInfo,
    Tracks,
    Watermark,
    first_time_of,
    time_of,
)

try:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
except ImportError:
    raise missing_extra("hypothesis", "dev", "eventflow.testing") from None

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from eventflow.graph.node import Node, Source
    from eventflow.graph.ports import Port

__all__ = [
    "Driver",
    "NodeConformance",
    "SourceConformance",
    "content_hash",
    "cuts",
    "drive",
    "events",
    "labels",
    "messages",
    "slices",
    "streams",
    "tracks",
    "watermarks",
]

_STEPS_US = st.one_of(st.just(0), st.integers(0, 30), st.integers(100, 12_000), st.just(1_000), st.just(250_000))


@st.composite
def events(
    draw: DrawFn,
    *,
    width: int = 12,
    height: int = 9,
    max_size: int = 60,
    ordered: bool = True,
    labels: bool = False,
    scores: bool = False,
) -> Events:
    """Draw a packet: repeated times, jumps, negative times, events on the border, few pixels so that they meet."""
    x = st.one_of(st.sampled_from([0, width - 1]), st.integers(0, width - 1))
    y = st.one_of(st.sampled_from([0, height - 1]), st.integers(0, height - 1))
    rows = draw(st.lists(st.tuples(_STEPS_US, x, y, st.integers(0, 1)), max_size=max_size))
    records = np.zeros(len(rows), EVENT_DTYPE)
    if rows:
        records["t"], records["x"], records["y"], records["p"] = np.array(rows, np.int64).T
        records["t"] = np.cumsum(records["t"]) + draw(st.sampled_from([0, 1, 9_999, 10_000, -10_001, 1 << 40]))
    if not ordered and len(rows) > 1:
        records["t"] = records["t"][draw(st.permutations(range(len(rows))))]
    count = len(rows)
    return Events(
        records,
        width,
        height,
        labels=np.arange(count, dtype=np.uint8) % 3 if labels else None,
        scores=np.arange(count, dtype=np.float32) if scores else None,
    )


@st.composite
def slices(draw: DrawFn, *, width: int = 12, height: int = 9, every_us: int = 10_000) -> list[Slice]:
    """Draw a stream of slices by time, as `slice_time` gives them, from one packet."""
    packet = draw(events(width=width, height=height))
    if not len(packet):
        return []
    numbers = range(int(packet.t[0]) // every_us, int(packet.t[-1]) // every_us + 1)[:12]
    bounds = [(number, number * every_us, (number + 1) * every_us) for number in numbers]
    return [Slice(packet.between(t0, t1), t0, t1, number, complete=number != numbers[-1]) for number, t0, t1 in bounds]


@st.composite
def tracks(draw: DrawFn, *, width: int = 12, height: int = 9, max_size: int = 8) -> list[Tracks]:
    """Draw a stream of tracks: some empty, identities that come and go, places outside the sensor too."""
    found = []
    t = draw(st.sampled_from([0, 5_000, 10_000]))
    for step in draw(st.lists(_STEPS_US, max_size=max_size)):
        t += step
        count = draw(st.integers(0, 3))
        rows = [[draw(st.floats(-2.0, size + 2.0, width=16)) for size in (width, height)] for _ in range(count)]
        places = np.array(rows, np.float64).reshape(count, 2)
        ids = np.array(draw(st.permutations(range(6)))[:count], np.int64)
        ones = np.ones(count, np.float64)
        found.append(
            Tracks(t, ids, places[:, 0].copy(), places[:, 1].copy(), ones * 0, ones * 0, ones * 3, ones * 3, ones)
        )
    return found


@st.composite
def labels(draw: DrawFn) -> list[Label]:
    """Draw a stream of labels, several of them at one time."""
    t, found = 0, []
    for step, label in draw(st.lists(st.tuples(_STEPS_US, st.integers(0, 9)), max_size=6)):
        t += step
        found.append(Label(t, label, 0.1 * label, name="" if label % 2 else str(label)))
    return found


@st.composite
def _planes(draw: DrawFn, *, width: int, height: int, kind: type) -> list[Any]:
    found: list[Any] = []
    t = 0
    for step in draw(st.lists(_STEPS_US, max_size=6)):
        image = np.full((height, width), draw(st.integers(0, 255)), np.uint8)
        image[0, :] = np.arange(width)
        if kind is Frame:
            found.append(Frame(image, t + step))
        else:
            found.append(Grid(image[None].astype(np.float32), t, t + step, ("count",)))
        t += step
    return found


def messages(kind: type, *, width: int = 12, height: int = 9) -> SearchStrategy[list[Any]]:
    """Return a strategy for one stream of messages of a kind, in time order."""
    if kind is Slice:
        return slices(width=width, height=height)
    if kind is Tracks:
        return tracks(width=width, height=height)
    if kind is Label:
        return labels()
    if kind in (Frame, Grid):
        return _planes(width=width, height=height, kind=kind)
    if kind in (Events, Message):
        return events(width=width, height=height).map(lambda packet: [packet] if len(packet) else [])
    raise TypeError(f"no strategy for streams of {kind.__name__}; give the conformance class `inputs`")


def streams(ports: dict[str, Port], *, width: int = 12, height: int = 9) -> SearchStrategy[dict[str, list[Any]]]:
    """Return a strategy for the inputs of a node: one stream a port, of any of the types it takes."""

    def stream(port: Port) -> SearchStrategy[list[Any]]:
        return st.one_of([messages(kind, width=width, height=height) for kind in port.types])

    return st.fixed_dictionaries({name: stream(port) for name, port in ports.items()})


def cuts() -> SearchStrategy[list[int]]:
    """Return a strategy for packet sizes, used in turn: single events, empty packets, any mixture."""
    return st.one_of(
        st.just([1]),
        st.just([0, 1]),
        st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any),
        st.just([1 << 20]),
    )


def watermarks() -> SearchStrategy[list[float | None]]:
    """Return a strategy for watermarks between messages: how far each lies towards the next message."""
    return st.lists(st.sampled_from([None, 0.0, 0.5, 0.9, 1.0]), min_size=1, max_size=5)


_settings = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),  # explaining a failure takes many times as long as finding it
    # one test method serves every subclass; the kernels compile during the first example
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class _Kit:
    geometry: ClassVar[tuple[int, int]] = (12, 9)
    """Sensor size of the streams, px."""
    parameters: ClassVar[dict[str, Any]] = {}
    """Parameters of the node; "{folder}" in a text is a new temporary folder."""

    def _make(self, node: type[Node], folder: str, **changed: Any) -> Any:
        given = self.parameters | changed
        return node(**{k: v.replace("{folder}", folder) if isinstance(v, str) else v for k, v in given.items()})


class NodeConformance(_Kit):
    """Subclass it with `node`, and what else the node needs; pytest does the rest."""

    node: ClassVar[type[Node]]
    inputs: ClassVar[SearchStrategy[dict[str, list[Any]]] | None] = None
    """Streams by port; by default drawn from the types of the ports."""
    resumable: ClassVar[bool] = True
    """Whether the node goes on from its state; False for sinks whose file cannot be cut."""

    def _streams(self) -> SearchStrategy[dict[str, list[Any]]]:
        if self.inputs is not None:
            return self.inputs
        width, height = self.geometry
        return streams(self.node.declaration.inputs, width=width, height=height)

    def _infos(self) -> dict[str, StreamInfo]:
        return {port: StreamInfo(*self.geometry) for port in self.node.declaration.inputs}

    def _drive(self, inputs: dict[str, list[Any]], **how: Any) -> dict[str, Any]:
        """What a run shows: hashes of the outputs, of the files, and what the node reports."""
        with tempfile.TemporaryDirectory() as folder:
            node = self._make(self.node, folder)
            outputs = drive(node, inputs, infos=self._infos(), **how)
            return {
                **_shown(outputs),
                "files": {path.name: blake2b(Path(path).read_bytes()).hexdigest() for path in node.outputs},
                "results": repr(node.results),
            }

    @_settings
    @given(data=st.data())
    def test_results_do_not_depend_on_cuts(self, data: Any) -> None:
        """The same bytes come out however the stream is cut into packets."""
        inputs = data.draw(self._streams())
        sizes = data.draw(cuts())
        assert self._drive(inputs, cuts=sizes) == self._drive(inputs), f"cut to {sizes}"

    @_settings
    @given(data=st.data())
    def test_watermarks_change_nothing(self, data: Any) -> None:
        """A watermark may make output earlier, never different."""
        inputs = data.draw(self._streams())
        sizes, marks = data.draw(cuts()), data.draw(watermarks())
        assert self._drive(inputs, cuts=sizes, watermarks=marks) == self._drive(inputs), f"{marks=}, {sizes=}"

    @_settings
    @given(data=st.data())
    def test_goes_on_from_its_state(self, data: Any) -> None:
        """A new node given the state goes on as the old one does, and neither disturbs the other."""
        if not self.resumable:
            return
        inputs = data.draw(self._streams())
        ports = list(self.node.declaration.inputs)
        sizes = data.draw(cuts())
        steps = list(in_engine_order({port: recut(each, sizes) for port, each in inputs.items()}, ports))
        stop = data.draw(st.integers(0, len(steps)))
        with tempfile.TemporaryDirectory() as old_folder, tempfile.TemporaryDirectory() as new_folder:
            old = Driver(self._make(self.node, old_folder), self._infos())
            new = Driver(self._make(self.node, new_folder), self._infos())
            for step in steps[:stop]:
                old.feed(*step)
            state = old.node.state()
            assert _is_plain(state), "state() holds something that is no array and no plain value"
            for port, found in old.outputs.items():
                new.outputs[port] += found
            new.node.restore(state)
            for driver in (old, new):
                driver.play(steps[stop:], end_of(inputs))
                driver.node.close(complete=False)
            assert _shown(new.outputs) == _shown(old.outputs), f"state taken before step {stop} of {len(steps)}"

    @_settings
    @given(data=st.data())
    def test_keeps_its_word(self, data: Any) -> None:
        """Inputs are not written; outputs are as declared, read-only, lasting, in order and never too old."""
        inputs = data.draw(self._streams())
        sizes, marks = data.draw(cuts()), data.draw(watermarks())
        cut = {port: recut(each, sizes) for port, each in inputs.items()}
        steps = list(in_engine_order(cut, list(self.node.declaration.inputs)))
        before = [content_hash([message]) for _, message in steps]
        with tempfile.TemporaryDirectory() as folder:
            driver = Driver(self._make(self.node, folder), self._infos())
            hashes: dict[str, list[str]] = {port: [] for port in driver.outputs}
            for step, watermark in watched(steps, marks):
                if watermark is not None:
                    self._observe(driver, hashes, "advance", watermark)
                self._observe(driver, hashes, "feed", *step)
            self._observe(driver, hashes, "finish", end_of(inputs))
            driver.node.close(complete=False)
        assert [content_hash([message]) for _, message in steps] == before, "the node wrote into its input"
        for port, found in driver.outputs.items():
            after = [content_hash([message]) for message in found]
            assert after == hashes[port], f"output {port!r}: a message was changed after it was handed on"

    def _observe(self, driver: Driver, hashes: dict[str, list[str]], call: str, *arguments: Any) -> None:
        seen = driver.watermark
        getattr(driver, call)(*arguments)
        for port, found in driver.outputs.items():
            for message in found[len(hashes[port]) :]:
                _check_output(self.node, port, message)
                if seen is not None:
                    oldest = seen - self.node.holdback_us
                    assert first_time_of(message) >= oldest, (
                        f"output {port!r} at {first_time_of(message)} µs, older than the watermark {seen} µs less "
                        f"holdback_us={self.node.holdback_us}"
                    )
                hashes[port].append(content_hash([message]))
            times = [time for message in found for time in (first_time_of(message), time_of(message))]
            assert times == sorted(times), f"output {port!r} is not in time order: {times}"

    def test_an_empty_stream_ends_well(self) -> None:
        """A node that saw nothing finishes without an error."""
        for packets in ([], [Events.empty(*self.geometry)]):
            takes_events = {p for p, port in self.node.declaration.inputs.items() if port.any or Events in port.types}
            self._drive({port: packets for port in takes_events})

    def test_parameters_survive_a_graph_file(self) -> None:
        """Every parameter reads back from what is written of it."""
        check_parameters(self._make(self.node, "folder"))

    def test_unordered_events_are_refused_or_documented(self) -> None:
        """Events whose time steps back are an error, unless the docstring says what is done with `unordered` ones."""
        ports = [name for name, port in self.node.declaration.inputs.items() if Events in port.types]
        if not ports or "unordered" in self.node.declaration.doc.lower():
            return
        records = np.zeros(4, EVENT_DTYPE)
        records["t"] = [50_000, 10, 40_000, 20]
        packet = Events(records, *self.geometry)
        with tempfile.TemporaryDirectory() as folder:
            driver = Driver(self._make(self.node, folder), self._infos())
            try:
                driver.feed(ports[0], packet)
            except EventflowError:
                return
            finally:
                driver.node.close(complete=False)
        raise AssertionError(f"port {ports[0]!r} takes unordered events without an error and without a word about it")


class SourceConformance(_Kit):
    """Subclass it with `node` and `parameters`; the source is run to its end several times."""

    node: ClassVar[type[Source]]

    def _run(self, **changed: Any) -> tuple[dict[str, list[Any]], list[tuple[str, Any]]]:
        """All messages by port, and what came in the order it came; a Watermark or a Reset has the port ""."""
        with tempfile.TemporaryDirectory() as folder:
            source = self._make(self.node, folder, **changed)
            source.start()
            ports = source.declaration.outputs
            outputs: dict[str, list[Any]] = {name: [] for name in ports}
            steps: list[tuple[str, Any]] = []
            for each in source.run():
                steps += [("", each)] if isinstance(each, (Reset, Watermark)) else routed(each, ports)
            for port, message in steps:
                if port:
                    outputs[port].append(message)
            source.close(complete=True)
        return outputs, steps

    def test_says_what_comes(self) -> None:
        """`start` gives a StreamInfo for the output, or one by port."""
        with tempfile.TemporaryDirectory() as folder:
            source = self._make(self.node, folder)
            info = source.start()
            source.close(complete=False)
        infos = info if isinstance(info, dict) else dict.fromkeys(self.node.declaration.outputs, info)
        assert infos.keys() == self.node.declaration.outputs.keys()
        assert all(isinstance(each, StreamInfo) for each in infos.values())

    def test_gives_what_it_declares_in_time_order(self) -> None:
        """Messages are of the declared types, read-only, in time order, and never below a watermark."""
        outputs, steps = self._run()
        for port, found in outputs.items():
            for message in found:
                _check_output(self.node, port, message)
        reached: dict[str, int] = {}
        for port, message in steps:
            if isinstance(message, Reset):
                reached = {}
            elif isinstance(message, Watermark):
                reached = {name: max(message.t, reached.get(name, message.t)) for name in outputs}
            elif not isinstance(message, Events) or len(message):
                begin, oldest = first_time_of(message), reached.get(port, first_time_of(message))
                assert begin >= oldest, f"output {port!r} at {begin} µs comes after {oldest} µs was reached"
                assert not isinstance(message, Events) or message.ordered, f"output {port!r} has unordered events"
                reached[port] = time_of(message)

    def test_gives_the_same_again(self) -> None:
        """Two runs give the same content, whatever the packet size."""
        first = _shown(self._run()[0])
        assert _shown(self._run()[0]) == first
        assert _shown(self._run(packet_events=997)[0]) == first

    def test_parameters_survive_a_graph_file(self) -> None:
        """Every parameter reads back from what is written of it."""
        check_parameters(self._make(self.node, "folder"))


def check_parameters(node: Node) -> None:
    """Assert that every parameter of a node reads back from its JSON and from its text."""
    for name, parameter in node.declaration.parameters.items():
        value = getattr(node, name)
        assert parameter.parse(parameter.plain(value)) == value, f"parameter {name!r} changes on the way through JSON"
        if not isinstance(value, list):
            text = parameter.text(value)
            assert parameter.parse(text) == value, f"parameter {name!r} does not read back from {text!r}"
        assert parameter.schema()


def _shown(outputs: dict[str, Sequence[Any]] | dict[str, list[Any]]) -> dict[str, Any]:
    """The hash of every output, and the outputs in words so that a failure shows where they part."""
    return {
        port: [content_hash(found), [repr(m) if isinstance(m, Events) else (type(m).__name__, m.t) for m in joined]]
        for port, found in outputs.items()
        for joined in [recut(found, [1 << 40])]
    }


def _check_output(node: type[Node], port: str, message: Any) -> None:
    declared = node.declaration.outputs[port]
    kind = type(message).__name__
    assert declared.any or isinstance(message, declared.types), f"output {port!r} is {kind}, not {declared.kinds}"
    for name, value in _arrays(message).items():
        assert not value.flags.writeable, f"output {port!r}: {kind}.{name} can be written"


def _arrays(message: Any) -> dict[str, np.ndarray[Any, Any]]:
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name in Events.__slots__ if isinstance(message, Events) else message.__dataclass_fields__:
        value = getattr(message, name)
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, Events):
            found |= {f"{name}.{inner}": array for inner, array in _arrays(value).items()}
    return found
