"""Opens the user's editor on a text and returns what was saved."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from jiaozi_node.errors import Unavailable


def edit(text: str) -> str:
    """Let the user edit *text* with $JIAOZI_EDITOR, $VISUAL or $EDITOR; raises `Unavailable`."""
    command = next(
        (
            os.environ[name]
            for name in ("JIAOZI_EDITOR", "VISUAL", "EDITOR")
            if os.environ.get(name)
        ),
        "vi",
    )
    with tempfile.TemporaryDirectory(prefix="jiaozi-") as folder:
        path = Path(folder) / "COMMIT_EDITMSG"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*shlex.split(command), str(path)], check=False)
        except OSError as fault:
            raise Unavailable(f"the editor {command!r} can't be started: {fault}") from None
        if done.returncode:
            raise Unavailable(f"the editor {command!r} ended with exit code {done.returncode}")
        return path.read_text(encoding="utf-8", errors="surrogateescape")
