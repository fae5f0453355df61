"""The cache on disk: sealed wheels, their manifests, and what the daemon remembers."""
