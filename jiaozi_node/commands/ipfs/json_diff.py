"""The difference of two JSON maps, in the coloured form that ``ipfs config profile apply`` prints.

``<>`` and ``**`` mark a value before and after, ``<<`` what was added, ``>>`` what was removed.
Colours are always written, as Kubo does.
"""

from typing import Any

from jiaozi_node.commands.ipfs.go_text import compact

_YELLOW, _RED, _GREEN, _RESET = "\x1b[33m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_MISSING = object()
_INDENT = "    "


def diff(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return the text of what *new* changes in *old*; nested no deeper than a config is (64)."""
    return _braced("", _pairs(old, new))


def _pairs(old: Any, new: Any) -> list[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON
    """Return key, old and new value of every entry; entries of lists have empty keys."""
    if isinstance(old, dict):
        keys = sorted({**old, **new})
        return [(key, old.get(key, _MISSING), new.get(key, _MISSING)) for key in keys]
    size = max(len(old), len(new))
    one = [*old, *[_MISSING] * (size - len(old))]
    other = [*new, *[_MISSING] * (size - len(new))]
    return [("", a, b) for a, b in zip(one, other, strict=True)]


def _braced(prefix: str, pairs: list[tuple[str, Any, Any]]) -> str:
    out = ["{"]
    for at, (key, old, new) in enumerate(pairs):
        comma = "," if at < len(pairs) - 1 else ""
        out.append("\n")
        if old is _MISSING:
            out.append(_GREEN + _item(prefix + "<< ", key, new) + comma + _RESET)
        elif new is _MISSING:
            out.append(_RED + _item(prefix + ">> ", key, old) + comma + _RESET)
        elif old == new and type(old) is type(new):
            out.append(_item(prefix, key, old) + comma)
        elif type(old) is type(new) and isinstance(old, dict | list):
            inner = _braced(prefix + _INDENT, _pairs(old, new))
            out.append(f'{prefix}"{key}": {inner}{comma}')
        else:
            before = _item(prefix + "<> ", key, old)
            after = _item(prefix + "** ", key, new)
            out.append(f"{_YELLOW}{before}{comma}\n{after}{comma}{_RESET}")
    out.append(f"\n{prefix}}}")
    return "".join(out)


def _item(prefix: str, key: str, value: Any) -> str:  # noqa: ANN401 - JSON
    return f'{prefix}"{key}": {compact(value)}'
