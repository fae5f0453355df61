"""The same daemon, index and environments as the end-to-end tests have."""

from tests.e2e.conftest import daemon, environment, index, place, wheels

__all__ = ["daemon", "environment", "index", "place", "wheels"]
