"""The manifests in memory: those used last, as many as fit."""

from linkd.core.wheel import StoredWheel


class Shelf:
    """Wheels by sha256, bounded by the files that their manifests list (some 450 bytes each)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._wheels: dict[str, StoredWheel] = {}
        self._files = 0

    def get(self, sha256: str) -> StoredWheel | None:
        wheel = self._wheels.pop(sha256, None)
        if wheel is not None:
            self._wheels[sha256] = wheel
        return wheel

    def put(self, wheel: StoredWheel) -> None:
        """Add it as the one used last, and drop others from the far end. One always stays."""
        sha256 = wheel.manifest.sha256
        self.drop(sha256)
        self._wheels[sha256] = wheel
        self._files += len(wheel.manifest.files)
        while self._files > self._limit and len(self._wheels) > 1:
            self.drop(next(iter(self._wheels)))

    def drop(self, sha256: str) -> None:
        wheel = self._wheels.pop(sha256, None)
        if wheel is not None:
            self._files -= len(wheel.manifest.files)
