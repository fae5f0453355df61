"""`make bench`: linkd beside uv and pip, on the file systems that there are; see docs/benchmarks.md."""
