"""Values as lines of JSON, as Go writes them: what ``--json`` prints and the RPC sends."""

import json
from typing import Any


def line(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return *value* as one line, escaping what Go's encoder escapes.

    A byte of a name that is not UTF-8 comes out as its surrogate, ``\\udcff``: the line stays
    UTF-8 and `os.fsencode` has the byte back, where Go's encoder would lose it.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for char, escape in _GO_ESCAPES:
        if char in text:
            text = text.replace(char, escape)
    return text.encode("utf-8", "backslashreplace") + b"\n"


_GO_ESCAPES = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)
