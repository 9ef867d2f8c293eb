"""Draw every representation of one slice of a recording on one sheet, to be looked at.

python tools/representation_page.py RECORDING SHEET.png [--start 0s] [--span 10ms]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import eventflow as ef
from eventflow.events import Events
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
from eventflow.units import duration_from_text

Planes = dict[str, np.ndarray]
CELL_WIDTH, COLUMNS, LABEL_HEIGHT = 230, 8, 16
_MOST_PLANES = 3
_TAU_US = 30_000


def pictures(before: Events, events: Events, t0: int, t1: int) -> dict[str, np.ndarray]:
    """Return every representation of a window; those that remember have seen the events before it."""
    size = (events.width, events.height)
    shape = (events.height, events.width)
    everything = Events.concat([before, events])
    window = (events, t0, t1)
    surface, eros = np.zeros((1, *shape), np.uint8), np.zeros((1, *shape), np.float32)
    fields = ReceptiveFields(*size)
    fields.push(everything)
    coordinates, features = sparse.sparse_voxels(*window, 5, stride=4)
    coarse = np.zeros((5, -(-shape[0] // 4), -(-shape[1] // 4)), np.float32)
    coarse[tuple(coordinates.T)] = features[:, :2].sum(1)
    found = {
        "count": representations.count_frame(events),
        "histogram": frames.histogram(events, most=3),
        "signed": frames.signed_frame(events),
        "binary": frames.binary_frame(events),
        "bina-rep": frames.bina_rep(*window),
        "timestamp last": frames.timestamp_image(*window),
        "timestamp mean": frames.timestamp_image(*window, moment="mean"),
        "voxel Zhu": representations.voxel_grid(*window, 5),
        "voxel tonic": voxels.voxel_grid_tonic(*window, 5),
        "event cube": voxels.event_cube(*window, 3),
        "stacked histogram": voxels.stacked_histogram(*window, 3),
        "mixed density": voxels.mixed_density(*window, 4),
        "time surface": representations.time_surface(everything, t1, _TAU_US),
        "speed-invariant": ordinal_surfaces.speed_invariant_surface(everything, np.zeros((2, *shape), np.uint8)),
        "TOS": ordinal_surfaces.threshold_ordinal_surface(everything, surface),
        "EROS": ordinal_surfaces.exponential_reduced_surface(everything, eros),
        "SCARF": fields.picture(0.3),
        "HATS (0, 0)": hats.hats(events)[[12, 37]],
        "TORE": recent.tore(everything, t1, state=recent.recent_times(*size, 3)),
        "tencode": recent.tencode(*window),
        "MCTS": recent.multi_channel_surface(
            everything, t1, recent.mcts_windows(1_000, _TAU_US, 3), state=representations.time_map(*size)
        ),
        "ERGO-12": ergo.ergo12(*window)[[0, 6, 9]],
        "distance": distance.distance_surface(events),
        "warped, no flow": warping.warped_events(*window, 0.0, 0.0),
        "sparse, stride 4": coarse,
    }
    for decay in ("none", "linear", "exponential", "step"):
        potentials = Accumulator(*size, decay=decay, tau=_TAU_US, slope=10.0, neutral=0.5, synchronous=True)
        potentials.push(events if decay == "step" else everything)
        found[f"accumulator {decay}"] = potentials.image(t1)[None]
    return found


def grey(plane: np.ndarray) -> np.ndarray:
    """Return a plane as RGB: grey from 0 up, or red and blue round white where it has a sign."""
    values = plane.astype(np.float64)
    scale = max(np.percentile(np.abs(values[values != 0]), 99) if values.any() else 1.0, 1e-9)
    level = np.clip(values / scale, -1, 1)
    if values.min() < 0:
        return np.stack([1 - np.maximum(-level, 0), 1 - np.abs(level), 1 - np.maximum(level, 0)], axis=-1)
    return np.repeat(level[..., None], 3, axis=-1)


def drawn(found: dict[str, np.ndarray]) -> list[tuple[str, Image.Image]]:
    """Return the first planes of each representation as labelled pictures of one size."""
    cells = []
    for name, data in found.items():
        if not np.isfinite(data).all():
            raise ValueError(f"{name} is not finite everywhere")
        planes = [grey(plane) for plane in data[:_MOST_PLANES]]
        if name == "tencode":
            planes = [np.moveaxis(data, 0, -1) / 255]
        for number, plane in enumerate(planes):
            image = Image.fromarray((plane * 255).astype(np.uint8))
            height = round(CELL_WIDTH * image.height / image.width)
            label = name if len(data) == 1 or name == "tencode" else f"{name} {number}/{len(data)}"
            cells.append((label, image.resize((CELL_WIDTH, height), Image.Resampling.NEAREST)))
    return cells


def sheet(cells: list[tuple[str, Image.Image]]) -> Image.Image:
    """Return all pictures on one sheet, with their names above them."""
    height = max(image.height for _, image in cells) + LABEL_HEIGHT
    rows = -(-len(cells) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (CELL_WIDTH + 4), rows * (height + 4)), "dimgray")
    draw = ImageDraw.Draw(page)
    for number, (label, image) in enumerate(cells):
        left, top = number % COLUMNS * (CELL_WIDTH + 4), number // COLUMNS * (height + 4)
        draw.text((left + 2, top + 2), label, fill="white")
        page.paste(image, (left, top + LABEL_HEIGHT))
    return page


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--start", default="100ms", help="from the first event to the slice")
    parser.add_argument("--span", default="20ms", help="length of the slice")
    options = parser.parse_args()
    events = ef.read(options.recording).sorted()
    t0 = int(events.t[0]) + duration_from_text(options.start)
    t1 = t0 + duration_from_text(options.span)
    found = pictures(events.between(int(events.t[0]), t0), events.between(t0, t1), t0, t1)
    sheet(drawn(found)).save(options.sheet)
    print(f"{len(found)} representations of {len(events.between(t0, t1))} events: {options.sheet}")


if __name__ == "__main__":
    main()
