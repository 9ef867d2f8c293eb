"""Representations on slices of events in memory, each beside the libraries that have it."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.bench import inputs, peer_events, peers
from eventflow.bench.model import OURS, AtLeast, Case, Contender
from eventflow.kernels import (
    distance,
    ergo,
    frames,
    hats,
    ordinal_surfaces,
    recent,
    representations,
    sparse,
    voxels,
    warping,
)
from eventflow.kernels.accumulator import Accumulator
from eventflow.kernels.receptive_fields import ReceptiveFields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.model import Row
    from eventflow.bench.suite import Bench
    from eventflow.events import Events

_BINS: Final = 5
_SLICE_EVENTS: Final = 10_000
_CACHE_EVENTS: Final = 65_536
_LEAST_RATE: Final = 5.0  # Mev/s, of every fixed representation
_TAU_US: Final = 30_000
_SLOW_EVENTS: Final = 4_000  # what a peer of microseconds an event is given


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row for every representation that is not among the rows of `signal`."""
    slices = _Slices(min(bench.events, 1_000_000))
    makers: dict[str, Callable[[], Case]] = {
        "count_in_cache": lambda: _count_in_cache(slices),
        "voxel_slices": lambda: _voxel_slices(slices),
        "voxel_grid_tonic": lambda: _voxel_grid_tonic(slices),
        "tencode": lambda: _tencode(slices),
        "mcts": lambda: _mcts(slices),
        "accumulator": lambda: _accumulator(slices),
        "bina_rep": lambda: _bina_rep(slices),
        "hats": lambda: _hats(slices),
    }
    makers |= {name: partial(_alone, slices, name, run) for name, run in _others(slices).items()}
    for name, make in makers.items():
        if bench.wants(f"represent.{name}"):
            case = make()
            if not bench.peers:
                del case.contenders[1:]
            row = bench.race(case, on_one_core=True)
            if row.ours is not None:
                sentence = f"{row.ours.best:.3g} Mev/s (≥ {_LEAST_RATE:g})"
                row.verdicts.append((sentence, row.ours.best >= _LEAST_RATE))
            yield row


class _Slices:
    """The stream of a 346x260 sensor in slices of 10 ms, in every container that a contender wants."""

    def __init__(self, count: int) -> None:
        self.count = count

    @cached_property
    def events(self) -> Events:
        return inputs.stream("small", self.count)

    @cached_property
    def all(self) -> list[tuple[Events, int, int]]:
        return [_window(piece) for piece in self._pieces(_SLICE_EVENTS)]

    @cached_property
    def in_cache(self) -> list[Events]:
        return self._pieces(_CACHE_EVENTS)

    @cached_property
    def eventcv(self) -> list[Any]:
        return [peer_events.eventcv_stream(events) for events, _, _ in self.all]

    @cached_property
    def eventcv_in_cache(self) -> list[Any]:
        return [peer_events.eventcv_stream(events) for events in self.in_cache]

    @cached_property
    def dv(self) -> list[Any]:
        return peer_events.dv_packets(self.events, _SLICE_EVENTS)

    @cached_property
    def tonic(self) -> list[Any]:
        return [peer_events.tonic_array(events) for events, _, _ in self.all]

    @cached_property
    def evlib(self) -> list[Any]:
        return [peer_events.polars_frame(events) for events, _, _ in self.all]

    def _pieces(self, size: int) -> list[Events]:
        return [self.events[start : start + size] for start in range(0, self.count, size)]


def _window(piece: Events) -> tuple[Events, int, int]:
    return piece, int(piece.t[0]), int(piece.t[-1])


def _add(case: Case, **runs: Callable[[], Any]) -> Case:
    names = {"dv": "dv-processing", "eventcv": "EventCV"}
    for key, run in runs.items():
        if peers.load(names.get(key, key)) is not None:
            case.contenders.append(Contender(names.get(key, key), run))
    return case


def _case(slices: _Slices, name: str, what: str, run: Callable[[], Any], *targets: AtLeast, note: str = "") -> Case:
    case = Case(f"represent.{name}", what, slices.count, [Contender(OURS, run)])
    case.targets, case.note = list(targets), note
    return case


def _each(slices: _Slices, represent: Callable[[Events, int, int], Any]) -> Callable[[], None]:
    def run() -> None:
        for window in slices.all:
            represent(*window)

    return run


def _count_in_cache(slices: _Slices) -> Case:
    def ours() -> None:
        for piece in slices.in_cache:
            representations.count_frame(piece)

    def eventcv() -> None:
        for piece in slices.eventcv_in_cache:
            piece.count().numpy()

    case = _case(slices, "count_in_cache", "count frame, packets of 64 k events", ours, AtLeast(1, "EventCV"))
    return _add(case, eventcv=eventcv)


def _voxel_slices(slices: _Slices) -> Case:
    def eventcv() -> None:
        for piece, (_, t0, t1) in zip(slices.eventcv, slices.all, strict=True):
            piece.voxel(bins=_BINS, window_us=t1 - t0).numpy()

    run = _each(slices, lambda events, t0, t1: representations.voxel_grid(events, t0, t1, _BINS))
    case = _case(slices, "voxel_slices", "voxel grid, 5 bins, 10 ms slices", run, AtLeast(1.5, "EventCV"))
    return _add(case, eventcv=eventcv)


def _voxel_grid_tonic(slices: _Slices) -> Case:
    def tonic() -> None:
        library: Any = peers.load("tonic")
        for piece in slices.tonic:
            library.functional.to_voxel_grid_numpy(piece, (slices.events.width, slices.events.height, 2), _BINS)

    def evlib() -> None:
        library: Any = peers.load("evlib")
        for piece in slices.evlib:
            library.representations.create_voxel_grid(piece, slices.events.height, slices.events.width, _BINS)

    run = _each(slices, lambda events, t0, t1: voxels.voxel_grid_tonic(events, t0, t1, _BINS))
    targets = (AtLeast(5, "tonic"), AtLeast(5, "evlib"))
    note = (
        "evlib gives a table of voxels, not a grid; of ours, clearing 1.8 MB a slice takes nearly half and adding to "
        "two pixels an event nearly all the rest"
    )
    case = _case(slices, "voxel_grid_tonic", "voxel grid of tonic and evlib, 10 ms slices", run, *targets, note=note)
    return _add(case, tonic=tonic, evlib=evlib)


def _tencode(slices: _Slices) -> Case:
    def eventcv() -> None:
        for piece, (_, t0, t1) in zip(slices.eventcv, slices.all, strict=True):
            piece.tencode(window_us=t1 - t0).numpy()

    case = _case(slices, "tencode", "tencode, 10 ms slices", _each(slices, recent.tencode), AtLeast(1, "EventCV"))
    return _add(case, eventcv=eventcv)


def _mcts(slices: _Slices) -> Case:
    size = (slices.events.width, slices.events.height)
    spans = recent.mcts_windows(1_000, _TAU_US, 5)

    def ours() -> None:
        state = representations.time_map(*size)
        for events, _, t1 in slices.all:
            recent.multi_channel_surface(events, t1, spans, state=state)

    def eventcv() -> None:
        for piece in slices.eventcv:
            piece.mcts(max_window_us=_TAU_US).numpy()

    note = "ours remembers the slices before"
    case = _case(slices, "mcts", "multi-channel time surface, 10 ms slices", ours, AtLeast(1, "EventCV"), note=note)
    return _add(case, eventcv=eventcv)


def _accumulator(slices: _Slices) -> Case:
    size = (slices.events.width, slices.events.height)

    def ours() -> None:
        potentials = Accumulator(*size)
        for events, _, t1 in slices.all:
            potentials.push(events)
            potentials.image(t1)

    def dv() -> None:
        library: Any = peers.load("dv-processing")
        potentials = library.Accumulator(size)
        for piece in slices.dv:
            potentials.accept(piece)
            potentials.generateFrame()

    what = "accumulator, exponential, an image every 10 ms"
    return _add(_case(slices, "accumulator", what, ours, AtLeast(2, "dv-processing")), dv=dv)


def _bina_rep(slices: _Slices) -> Case:
    def tonic() -> None:
        functional = peers.load("tonic").functional  # type: ignore[union-attr]
        for piece in slices.tonic[:10]:
            pictures = functional.to_frame_numpy(piece, (*_size(slices), 2), n_time_bins=8)
            functional.to_bina_rep_numpy(pictures, 1, 8)

    def ours() -> None:
        for window in slices.all[:10]:
            frames.bina_rep(*window)

    case = _case(slices, "bina_rep", "Bina-Rep, 8 bits, 10 ms slices", ours, AtLeast(5, "tonic"))
    case.events = sum(len(window[0]) for window in slices.all[:10])
    return _add(case, tonic=tonic)


def _hats(slices: _Slices) -> Case:
    piece = slices.events[:_SLOW_EVENTS]

    def tonic() -> None:
        functional = peers.load("tonic").functional  # type: ignore[union-attr]
        functional.to_averaged_timesurface_numpy(
            peer_events.tonic_array(piece), (*_size(slices), 2), 10, 5, 100_000, 50_000.0, "exp"
        )

    case = _case(slices, "hats", "HATS, cells of 10 px", lambda: hats.hats(piece), AtLeast(5, "tonic"))
    case.events = len(piece)
    case.note = "4000 events, because tonic takes milliseconds an event"
    return _add(case, tonic=tonic)


def _size(slices: _Slices) -> tuple[int, int]:
    return slices.events.width, slices.events.height


def _alone(slices: _Slices, name: str, run: Callable[[], Any]) -> Case:
    return _case(
        slices, name, f"{name.replace('_', ' ')}, 10 ms slices", run, note="no peer here has it, or none alike"
    )


def _others(slices: _Slices) -> dict[str, Callable[[], Any]]:
    """Return the representations that are measured for themselves."""
    width, height = _size(slices)
    fields = ReceptiveFields(width, height)
    times = recent.recent_times(width, height, 4)
    invariant = np.zeros((2, height, width), np.uint8)
    ordinal, reduced = np.zeros((1, height, width), np.uint8), np.zeros((1, height, width), np.float32)

    def scarf(events: Events, t0: int, t1: int) -> None:
        fields.push(events)
        fields.picture()

    def tore() -> None:
        times.fill(recent.NEVER)
        for events, _, t1 in slices.all:
            recent.tore(events, t1, state=times)

    windowed: dict[str, Callable[[Events, int, int], Any]] = {
        "histogram": lambda events, t0, t1: frames.histogram(events),
        "signed_frame": lambda events, t0, t1: frames.signed_frame(events),
        "binary_frame": lambda events, t0, t1: frames.binary_frame(events),
        "timestamp_image": frames.timestamp_image,
        "event_cube": lambda events, t0, t1: voxels.event_cube(events, t0, t1, _BINS),
        "stacked_histogram": lambda events, t0, t1: voxels.stacked_histogram(events, t0, t1, 10),
        "mixed_density": lambda events, t0, t1: voxels.mixed_density(events, t0, t1, 10),
        "hats_slices": lambda events, t0, t1: hats.hats(events),
        "ergo12": ergo.ergo12,
        "speed_invariant": lambda events, t0, t1: ordinal_surfaces.speed_invariant_surface(events, invariant),
        "tos": lambda events, t0, t1: ordinal_surfaces.threshold_ordinal_surface(events, ordinal),
        "eros": lambda events, t0, t1: ordinal_surfaces.exponential_reduced_surface(events, reduced),
        "scarf": scarf,
        "distance_surface": lambda events, t0, t1: distance.distance_surface(events),
        "warped_events": lambda events, t0, t1: warping.warped_events(events, t0, t1, 30.0, -20.0),
        "sparse_voxels": lambda events, t0, t1: sparse.sparse_voxels(events, t0, t1, _BINS),
    }
    return {"tore": tore} | {name: _each(slices, represent) for name, represent in windowed.items()}
