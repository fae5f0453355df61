"""Values and pure computations: no IO, no event loop, no framework."""
