"""Freed blocks are reused where the C library can be told so."""

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from jiaozi_node.cli.memory import reuse_freed
if sys.argv[1] == "tuned":
    reuse_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(100):
    pieces = [bytes(1024 * 1024) for _ in range(8)]
    del pieces
print(faults() - before)
"""


def _faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CODE, how], capture_output=True, check=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_pages_of_freed_blocks_fault_once_and_not_each_time() -> None:
    once = 8 * 256  # pages of 4 KiB
    assert _faults("tuned") < 2 * once
    # How much of it comes each time depends on where in the heap the blocks came to lie.
    assert _faults("plain") > 4 * once, "without it the test shows nothing"
