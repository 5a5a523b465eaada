"""From a driver's name to its function (``specs/merge.md`` §5)."""

from jiaozi_node.versioning.attributes import Driver
from jiaozi_node.versioning.drivers import csv, jsonl, text
from jiaozi_node.versioning.drivers.outcome import Labels, Outcome, Unreadable

_LOOKED_AT = 8000  # bytes: git's buffer_is_binary


def merge(
    driver: Driver, base: bytes, ours: bytes, theirs: bytes, labels: Labels
) -> Outcome | None:
    """Merge three contents as *driver* does; None where they are nothing it can merge."""
    if driver.name == "union":
        return text.union(base, ours, theirs, labels)
    if driver.name == "auto" and any(_is_binary(data) for data in (base, ours, theirs)):
        return None
    try:
        if driver.name == "csv":
            key = tuple(driver.options["key"].split(","))
            mark = driver.options.get("delimiter", ",")
            return csv.merge(base, ours, theirs, key, mark)
        if driver.name == "jsonl":
            return jsonl.merge(base, ours, theirs, driver.options["key"])
    except Unreadable:
        pass  # §5.6: lines are still lines
    return text.merge(base, ours, theirs, labels)


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:_LOOKED_AT]
