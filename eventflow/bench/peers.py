"""Which other libraries are here, and how to get those that are not."""

from __future__ import annotations

import os
import re
import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any, Final

MODULES: Final = {
    "aedat": "aedat",
    "dv-processing": "dv_processing",
    "EventCV": "eventcv",
    "evlib": "evlib",
    "evt3": "evt3",
    "evutils": "evutils.io",
    "expelliarmus": "expelliarmus",
    "faery": "faery",
    "h5py": "h5py",
    "mcap": "mcap",
    "rosbags": "rosbags",
    "lens-vpr": "lens.src.blitnet",
    "norse": "norse.torch",
    "sinabs": "sinabs",
    "snntorch": "snntorch",
    "spikingjelly": "spikingjelly.activation_based",
    "tonic": "tonic",
    "vprtempo": "vprtempo.src.blitnet",
}


@cache
def load(name: str) -> Any | None:
    """Return a peer's module, or None where it is not installed or does not import."""
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module(MODULES[name])
        except ImportError:
            return None


def versions() -> dict[str, str]:
    """Return the peers that are here, with their versions."""
    found = {}
    for name in MODULES:
        try:
            found[name] = version(name.lower())
        except PackageNotFoundError:
            continue
    return found


def missing() -> dict[str, str]:
    """Return the peers that are not here, with the command that installs each."""
    return {name: install_command(name) for name in MODULES if load(name) is None}


def install_command(name: str) -> str:
    """Return what installs a peer, in the version it is compared in."""
    return f"pip install '{_requirement(name)}'"


def _requirement(name: str) -> str:
    try:
        listed = requires("eventflow-dvs") or []
    except PackageNotFoundError:
        listed = []
    for line in listed:
        text = line.split(";")[0].strip()
        if re.split(r"[<>=!~ ]", text)[0].lower() == name.lower():
            return text
    return name.lower()
