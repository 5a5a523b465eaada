"""From a driver's name to its function (``specs/merge.md`` §5)."""

from jiaozi_node.versioning.attributes import Driver
from jiaozi_node.versioning.drivers import csv, jsonl, text
from jiaozi_node.versioning.drivers.outcome import Labels, Outcome, Unreadable

_LOOKED_AT = 8000  # bytes: git's buffer_is_binary


def merge(
    driver: Driver,
    base: bytes,
    ours: bytes,
    theirs: bytes,
    labels: Labels,
    favour: str | None = None,
) -> Outcome | None:
    """Merge three contents as *driver* does; None where they are nothing it can merge.

    *favour* names the side that is taken where they are in dispute.
    """
    if driver.name == "union":
        return text.union(base, ours, theirs, labels)
    if driver.name == "auto" and any(_is_binary(data) for data in (base, ours, theirs)):
        return None
    try:
        if driver.name == "csv":
            key = tuple(driver.options["key"].split(","))
            mark = driver.options.get("delimiter", ",")
            return csv.merge(base, ours, theirs, key, mark, favour)
        if driver.name == "jsonl":
            return jsonl.merge(base, ours, theirs, driver.options["key"], favour)
    except Unreadable:
        pass  # §5.6: lines are still lines
    if favour is not None:
        return text.favoured(base, ours, theirs, favour)
    return text.merge(base, ours, theirs, labels)


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:_LOOKED_AT]
