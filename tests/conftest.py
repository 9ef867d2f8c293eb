"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample recordings; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("EVENTFLOW_SAMPLES") or _BESIDE)
    if not folder.is_dir():
        pytest.skip("sample recordings are absent: set EVENTFLOW_SAMPLES or put them at ../shared/samples")
    return folder


@pytest.fixture(scope="session")
def peer() -> Callable[[str], Any]:
    """`peer(name)` is another library's module; where it is absent the test is skipped and says how to get it."""
    from eventflow.bench import peers

    def load(name: str) -> Any:
        module = peers.load(name)
        if module is None:
            pytest.skip(f"{name} is not installed: {peers.install_command(name)}")
        return module

    return load
