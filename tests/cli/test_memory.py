"""Freed blocks are reused where the C library can be told so."""

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from jiaozi_node.cli.memory import reuse_freed
if sys.argv[1] == "tuned":
    reuse_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(400):
    piece = bytes(1024 * 1024)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_blocks_of_one_size_fault_their_pages_once() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, check=True,
                                text=True).stdout)
        for how in ("tuned", "plain")
    }  # fmt: skip
    assert faults["tuned"] <= faults["plain"]
    assert faults["tuned"] < 400 * 256 // 4, "a quarter of what mapping each anew would cost"
