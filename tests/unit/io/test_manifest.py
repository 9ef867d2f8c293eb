"""Sample recordings have the events of their manifest: counts, first and last event, the hash of each column."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from recording_kit import column_hashes

import eventflow.io as io
from eventflow.events import Events

RECORDINGS = [
    "evt/gen41_vectors.evt3.raw",
    "evt/imx636_time_wrap.evt3.raw",
    "evt/gen41_legacy.evt21.raw",
    "evt/gen41_little.evt21.raw",
    "evt/gen3.evt2.raw",
    "evt/gen3_fx3.evt2.raw",
    "dat/ncars_4397.dat",
    "dat/ncars_sample.dat",
    "aedat/davis346_demo01.aedat4",
    "aedat/davis346_frames_imu.aedat4",
    "aedat/dvxplorer_imu.aedat4",
    "aedat/dvxplorer_none.aedat4",
    "aedat/dvxplorer_zstd.aedat4",
    "aedat/dvxplorer_lz4_faery.aedat4",
    "es/dvs.es",
    "neuromorphic_datasets/nmnist_sample.bin",
    "neuromorphic_datasets/ncaltech101_faces_easy_0001.bin",
]
AS_ABOVE = {f"aedat/dvxplorer_{name}.aedat4": "aedat/dvxplorer_imu.aedat4" for name in ("none", "zstd", "lz4_faery")}
AS_ABOVE |= {f"evt/gen41_{layout}.evt21.raw": "evt/gen41_vectors.evt3.raw" for layout in ("legacy", "little")}
SENSOR = re.compile(r"(\d+)x(\d+)")  # DAT says none, and its manifest only that it is a crop


@dataclass(frozen=True)
class Row:
    """What the manifest says of a recording; events as (t, x, y, p)."""

    sensor: str
    events: int
    on: int
    first: tuple[int, ...]
    last: tuple[int, ...]
    hashes: str


@pytest.fixture(scope="module")
def manifest(samples):
    """The rows that give hashes, by file."""
    rows = {}
    for line in (samples / "MANIFEST.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        counts = re.fullmatch(r"(\d+) \((\d+)\)", cells[3]) if len(cells) == 8 else None
        if counts and cells[6]:
            first, last = (tuple(map(int, cell.split())) for cell in cells[4:6])
            rows[cells[0]] = Row(cells[2], int(counts[1]), int(counts[2]), first, last, cells[6])
    return rows


@pytest.mark.samples
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_events_are_those_of_the_manifest(manifest, samples, name):
    row = manifest[AS_ABOVE.get(name, name)]
    with io.open(samples / name, packet_events=10_000) as recording:
        events = Events.concat(list(recording))
        assert recording.skipped == {}
    found = len(events), int(events.p.sum()), *(tuple(events.records[at].item()[:4]) for at in (0, -1))
    assert found == (row.events, row.on, row.first, row.last)
    assert column_hashes(events.records) == row.hashes
    assert column_hashes(io.read(samples / name).records) == row.hashes
    if SENSOR.fullmatch(row.sensor):
        assert row.sensor == f"{events.width}x{events.height}"


@pytest.mark.samples
def test_every_recording_of_these_formats_is_checked(manifest):
    known = {".raw", ".dat", ".aedat4", ".es", ".bin"}
    assert {name for name in manifest if "." + name.rsplit(".", 1)[1] in known} <= {*RECORDINGS}


@pytest.mark.samples
def test_an_fpga_recording_has_rows_beyond_the_sensor(samples):
    with io.open(samples / "evt/fpga_tracker.evt21.raw") as recording:
        assert len(recording.all_events()) == 11263
        assert recording.skipped == {"outside": 4770}


@pytest.mark.samples
def test_ecf_has_the_events_of_the_recordings_it_was_made_from(samples):
    made = io.read(samples / "hdf5/prophesee_ecf_mode1.hdf5")
    source = io.read(samples / "evt/gen41_vectors.evt3.raw")
    assert column_hashes(made.records).split()[1:] == column_hashes(source.records).split()[1:]
    assert set((source.t - made.t).tolist()) == {11713656}, "times were shifted when it was made, and nothing else"
    made = io.read(samples / "hdf5/prophesee_ecf_mode2.hdf5")
    assert len(made) == 200_000
    assert column_hashes(made.records) == "58015f9c5a 22f783ad73 2b66026980 06a850eed0"
