"""Speed claims, one file a claim, each beside the peers. Run with `pytest tests/bench --benchmark-only`."""

import pytest


def pytest_ignore_collect(collection_path, config):
    """Keep the claims out of an ordinary test run: they measure, and a busy machine is no bug."""
    return None if config.getoption("--benchmark-only", default=False) else True


@pytest.fixture(scope="session")
def scene():
    """Two million events of a 346x260 sensor."""
    from eventflow.bench import inputs

    return inputs.stream("small", 2_000_000)
