"""Which form of the content is asked for: ``?format=`` before ``Accept`` (IPIP-523).

Of ``Accept`` the first explicit media type counts, and its parameters; weights are not looked at,
and the general types that browsers send ask for the form that fits the content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from jiaozi_node.http.gateway.problem import Problem

RAW: Final = "application/vnd.ipld.raw"
CAR: Final = "application/vnd.ipld.car"
TAR: Final = "application/x-tar"
JSON: Final = "application/json"
CBOR: Final = "application/cbor"
DAG_JSON: Final = "application/vnd.ipld.dag-json"
DAG_CBOR: Final = "application/vnd.ipld.dag-cbor"
IPNS_RECORD: Final = "application/vnd.ipfs.ipns-record"

BY_NAME: Final = {
    "raw": RAW, "car": CAR, "tar": TAR, "json": JSON, "cbor": CBOR,
    "dag-json": DAG_JSON, "dag-cbor": DAG_CBOR, "ipns-record": IPNS_RECORD,
}  # fmt: skip
NAMES: Final = {media: name for name, media in BY_NAME.items()}
_EXPLICIT: Final = ("application/vnd.ipld", "application/vnd.ipfs", TAR, JSON, CBOR)


@dataclass(frozen=True, slots=True)
class Form:
    """A media type that was asked for, "" for the one that fits; *params* as ``Accept`` has them.

    *by_accept* tells that the URL doesn't name it, so that the answer says where it does.
    """

    media: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    by_accept: bool = False


IMPLICIT: Final = Form()


def form_of(query: Mapping[str, str], accept: str) -> Form:
    """Return the form that *query* or the ``Accept`` header asks for; raises `Problem`."""
    named = BY_NAME.get(query.get("format", ""), "") if query else ""
    if not named and "application/" not in accept:
        return IMPLICIT
    media, params = _explicit(accept)
    if named:
        return Form(named, params if media == named else {})
    if not media:
        return IMPLICIT
    if media not in NAMES:
        raise Problem(400, f"no such response format as {media[:64]!r}; see ?format= instead")
    return Form(media, params, by_accept=True)


def _explicit(accept: str) -> tuple[str, dict[str, str]]:
    """Return the first media type of *accept* that isn't general, and its parameters."""
    for value in accept.split(","):
        value = value.strip()
        if not value.startswith(_EXPLICIT):
            continue
        media, *rest = value.split(";")
        params = {}
        for text in rest:
            name, equals, given = text.partition("=")
            name, given = name.strip().lower(), given.strip().strip('"')
            if not (equals and name.isascii() and name.isidentifier() and given.isprintable()):
                raise Problem(
                    400, f"error while processing the Accept header: invalid parameter {text!r}"
                )
            params[name] = given
        return media.strip().lower(), params
    return "", {}


def location(path: str, query: Mapping[str, str], form: Form) -> str:
    """Return the URL under which *form* is had without an ``Accept`` header."""
    name = NAMES[form.media]
    all_of_it = {**query, "format": name}
    for key, value in form.params.items():
        all_of_it.setdefault(f"{name}-{key}", value)
    return f"{path}?{urlencode(sorted(all_of_it.items()))}"
