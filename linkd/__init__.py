"""linkd: a daemon that owns one wheel cache and makes Python environments appear from it."""

__version__ = "0.1.0"
