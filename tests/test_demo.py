"""The demonstration is a user's whole session on a real table and images: it checks itself."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_demonstration_comes_out_right_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.penguins"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "CONFLICT (both-modified): images/0/0001.png" in done.stdout
    assert "CONFLICT (both-modified): penguins.csv" in done.stdout
    assert list(tmp_path.iterdir()) == []
