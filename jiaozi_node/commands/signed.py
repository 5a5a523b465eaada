"""Signatures as `log`, `show` and `verify` tell of them."""

from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.shown import quoted

if TYPE_CHECKING:
    from jiaozi_node.versioning.commit import Commit
    from jiaozi_node.versioning.tag import Tag

_SAID = {
    "good": "good signature by",
    "bad": "BAD signature by",
    "unknown": "signature that can't be checked by",
}


def judged(value: "Commit | Tag", trusted: frozenset[str] | None) -> list[dict[str, Any]]:
    """Return what each signature of *value* comes to; with *trusted* keys, whether it is theirs."""
    if not value.sig:
        return []
    from jiaozi_node.versioning import signing

    found = []
    for one, verdict in signing.verify(value):
        row: dict[str, Any] = {"key": one.key, "alg": one.alg, "verdict": verdict.value}
        if trusted is not None:
            row["trusted"] = one.key in trusted
        found.append(row)
    return found


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return *rows* for a person, one line each."""
    return [
        f"Signed: {_SAID[row['verdict']]} {quoted(row['key'])}"
        f"{'' if row.get('trusted', True) else ', which is not trusted'}"
        for row in rows
    ]
