"""The inputs of benchmarks, made once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow import io
from eventflow.bench.streams import STREAMS, VERSION
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.table import format_named
from eventflow.kernels.jit import cache_folder

if TYPE_CHECKING:
    from types import ModuleType

_SIZES = {"sparse": (640, 480), "small": (346, 260), "tiny": (240, 180), "vectors": (1280, 720)}


def folder() -> Path:
    """Return the folder that inputs are kept in."""
    path = cache_folder().parent / "bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def stream(name: str, count: int) -> Events:
    """Return the first `count` events of a generated stream, mapped into memory."""
    path = stream_path(name, count)
    records = np.load(path).view(EVENT_DTYPE)
    width, height = _SIZES[name]
    return Events(records, width, height, ordered=True)


def stream_path(name: str, count: int) -> Path:
    """Return the .npy file of a generated stream: its records as bytes V16."""
    path = folder() / f"{name}-{count}-v{VERSION}.npy"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, STREAMS[name](count).records.view("V16"))
        os.replace(part, path)
    return path


def recording(name: str, count: int, format: str, **options: Any) -> Path:
    """Return a recording of a generated stream in one of our formats, as our encoder writes it now."""
    row = format_named(format)
    text = "".join(f"-{key}-{value}" for key, value in sorted(options.items()))
    key = _fingerprint(row.load())
    path = folder() / f"{name}-{count}-v{VERSION}-{key}-{format}{text}{row.suffixes[0]}"
    if not path.exists():
        io.write(stream(name, count), path, format=format, **options)
    return path


def tiled(source: Events, count: int) -> Events:
    """Return `source` again and again, each time later, until there are `count` events."""
    copies = -(-count // len(source))
    records = np.tile(source.records.view("V16"), copies).view(EVENT_DTYPE)
    span = int(source.t.max()) - int(source.t.min()) + 1
    records["t"] += np.repeat(np.arange(copies, dtype=np.int64) * span, len(source))
    return Events(records[:count], source.width, source.height)


def samples() -> Path | None:
    """Return the folder of sample recordings, or None where it is absent."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
    found = Path(os.environ.get("EVENTFLOW_SAMPLES") or beside)
    return found if found.is_dir() else None


def real_recording(relative: str, count: int, format: str, **options: Any) -> Path | None:
    """Return a sample recording, tiled to `count` events and written in `format`; None where it is absent."""
    root = samples()
    if root is None or not (root / relative).exists():
        return None
    row = format_named(format)
    text = "".join(f"-{key}-{value}" for key, value in sorted(options.items()))
    name = relative.replace("/", "_")
    path = folder() / f"real-{name}-{count}-v{VERSION}-{_fingerprint(row.load())}-{format}{text}{row.suffixes[0]}"
    if not path.exists():
        events = io.read(root / relative, backwards="clamp", origin="raw" if format == "aedat4" else "zero")
        io.write(tiled(events, count), path, format=format, **options)
    return path


def _fingerprint(module: ModuleType) -> str:
    """Return what the encoder in a format's module depends on, in one word."""
    digest = hashlib.blake2b(digest_size=4)
    stem = Path(str(module.__file__)).stem
    for source in sorted(Path(str(module.__file__)).parent.glob(f"{stem}*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
