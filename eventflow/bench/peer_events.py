"""Events in the containers of each peer, made before the clock starts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow import io
from eventflow.bench import peers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events


def dv_packets(events: Events, packet_events: int) -> list[Any]:
    """Return dv-processing's EventStores of `packet_events` events; its Python side can only fill them from a file."""
    dv: Any = peers.load("dv-processing")
    with TemporaryDirectory() as place:
        path = Path(place) / "events.aedat4"
        io.write(events, path, compression="none")
        reader = dv.io.MonoCameraRecording(str(path))
        whole = dv.EventStore()
        while (batch := reader.getNextEventBatch()) is not None:
            whole.add(batch)
    starts = range(0, whole.size(), packet_events)
    return [whole.slice(start, min(packet_events, whole.size() - start)) for start in starts]


def eventcv_stream(events: Events) -> Any:
    """Return EventCV's stream of the events."""
    eventcv: Any = peers.load("EventCV")
    size = (events.width, events.height)
    return eventcv.from_numpy(four_columns(events), sensor_size=size, time_unit="us", order="txyp")


def four_columns(events: Events) -> NDArray[np.uint64]:
    """Return t, x, y, p as columns of one array."""
    return np.stack([events.records[name].astype(np.uint64) for name in "txyp"], axis=1)


def tonic_array(events: Events) -> NDArray[Any]:
    """Return tonic's structured array, polarity as the integers it wants."""
    array = np.zeros(len(events), [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")])
    for name in "txyp":
        array[name] = events.records[name]
    return array


def polars_frame(events: Events) -> Any:
    """Return the table that evlib's representations take."""
    polars: Any = import_module("polars")  # comes with evlib
    kinds = {"t": np.int64, "x": np.int16, "y": np.int16}
    columns = {name: events.records[name].astype(kind) for name, kind in kinds.items()}
    frame = polars.DataFrame(columns | {"polarity": events.p.astype(np.int8)})
    return frame.with_columns(polars.col("t").cast(polars.Duration("us")))
