"""Speed claims, one file a claim, each beside the peers. Run with `pytest tests/bench --benchmark-only`."""

import pytest


def pytest_collection_modifyitems(config, items):
    """Leave the claims out of an ordinary test run: they measure, and a busy machine is no bug."""
    if not config.getoption("--benchmark-only", default=False):
        for item in items:
            if "benchmark" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason="a speed claim: run with --benchmark-only"))


@pytest.fixture(scope="session")
def scene():
    """Two million events of a 346x260 sensor."""
    from eventflow.bench import inputs

    return inputs.stream("small", 2_000_000)
