"""What the daemon does not need it gives back."""

import subprocess
import sys

PROGRAM = """
import os
from linkd.memory import give_back, limit_arenas

def resident():
    with open("/proc/self/statm") as facts:
        return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

limit_arenas()
# Beyond the interpreter's own pools, too small to be mapped one by one; the last holds the rest.
held = [b"x" * (4000 + number % 2) for number in range(20_000)]
last = held[-1]
full = resident()
del held
before = resident()
give_back()
print(full - resident() > 40_000_000, resident() <= before)
"""


def test_freed_memory_goes_back() -> None:
    """After many small things have been freed, the process is smaller by most of their size."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == ["True", "True"]
