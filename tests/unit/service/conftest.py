"""A store and an environment on one file system."""

from tests.unit.link.conftest import environment, store

__all__ = ["environment", "store"]
