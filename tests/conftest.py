"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample recordings; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("EVENTFLOW_SAMPLES") or _BESIDE)
    if not folder.is_dir():
        pytest.skip("sample recordings are absent: set EVENTFLOW_SAMPLES or put them at ../shared/samples")
    return folder
