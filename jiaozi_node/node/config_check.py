"""Whether a configuration has the shape of ours and Kubo's, told before anything hangs on it.

Kubo decodes into structs, and refuses a file as a whole; a key of a wrong type that we passed over
would be a default that nobody asked for. null and ``{}`` stand for "as it comes" anywhere, since
tools write them; keys that we don't know are nobody's business.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from jiaozi_node.errors import Malformed
from jiaozi_node.node.config import fresh

_ONE_OR_MORE: Final = ("addresses.api", "addresses.gateway")


class BadValue(Malformed):
    """A key of the configuration holds a value of another type."""

    def __init__(self, key: str, value: object, wanted: str) -> None:
        super().__init__(f"{key} in the configuration is {json.dumps(value)[:40]}, not {wanted}")
        self.key = key


def check(values: Mapping[str, Any]) -> None:
    """Raise `BadValue` for the first key whose value is not of its type."""
    _check("", values, fresh("", ""))


def _check(above: str, values: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    known = {name.lower(): name for name in wanted}
    for name, value in values.items():
        usual = wanted.get(known.get(name.lower(), ""))
        if usual is None or value is None or value == {}:
            continue
        key = f"{above}{name}"
        if isinstance(usual, Mapping):
            if not isinstance(value, Mapping):
                raise BadValue(key, value, "an object")
            _check(f"{key}.", value, usual)
        elif not _fits(key, value, usual):
            raise BadValue(key, value, _KINDS[type(usual)])


def _fits(key: str, value: object, usual: object) -> bool:
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(usual, bool) and isinstance(value, bool)
    if isinstance(usual, int):
        return isinstance(value, int | float)
    if isinstance(value, list):
        texts = all(isinstance(one, str) for one in value)
        return texts and (isinstance(usual, list) or key.lower() in _ONE_OR_MORE)
    return isinstance(usual, str) and isinstance(value, str)


_KINDS: Final = {bool: "true or false", int: "a number", str: "text", list: "a list of texts"}
