"""``ipfs pin remote``: pins at services elsewhere, and which services there are."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.errors import Conflict, JiaoziError, Malformed, Misuse, Unavailable

if TYPE_CHECKING:
    from jiaozi_node.network.web.pinning import PinningService, RemotePin, Wanted

_ASK_EVERY_S = 0.5


def add(call: Call) -> Iterator[dict[str, str]]:
    """Yield the pin, once the service has it unless in the background."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.pin import check_name
    from jiaozi_node.node.pinning_services import service

    shown = CidText.asked(call)
    with service(call.home.config, call.option("service")) as remote:
        cid = resolve_whole(call, call.args["ipfs_path"])
        name: str = call.option("name") or ""
        check_name(name)
        if call.rendered_text and call.home.blocks.has([cid])[0]:
            call.note(
                "WARNING: the local node is offline and remote pinning may fail if there is no "
                "other provider for this CID"
            )
        pin = remote.add(cid, name)
        if not call.option("background"):
            pin = _waited(call, remote, pin)
        yield _row(pin, shown)


def _waited(call: Call, remote: "PinningService", pin: "RemotePin") -> "RemotePin":
    """Ask until the service has the pin, or says that it failed."""
    request_id = pin.request_id
    while True:
        try:
            pin = remote.status(request_id)
        except Unavailable as fault:
            raise Unavailable(
                f'failed to check pin status for requestid="{request_id}" due to error: {fault}'
            ) from None
        if pin.status == "pinned":
            return pin
        if pin.status == "failed":
            raise Unavailable(f'remote service failed to pin requestid="{request_id}"')
        call.wait(_ASK_EVERY_S)


def ls(call: Call) -> Iterator[dict[str, str]]:
    """Yield the pins asked for, the service's newest first."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.node.pinning_services import service

    shown = CidText.asked(call)
    with service(call.home.config, call.option("service")) as remote:
        for pin in remote.pins(_wanted(call)):
            yield _row(pin, shown)


def rm(call: Call) -> Iterator[Any]:
    """Remove the pins asked for; several only with ``--force``."""
    from jiaozi_node.node.pinning_services import service

    with service(call.home.config, call.option("service")) as remote:
        try:
            found = [pin.request_id for pin in remote.pins(_wanted(call))]
        except JiaoziError as fault:
            raise Unavailable(f"error while listing remote pins: {fault}") from None
        if len(found) > 1 and not call.option("force"):
            raise Conflict(
                "multiple remote pins are matching this query, add --force to confirm the bulk "
                "removal"
            )
        for request_id in found:
            try:
                remote.remove(request_id)
            except Unavailable as fault:
                raise Unavailable(
                    f'removing pin identified by requestid="{request_id}" failed: {fault}'
                ) from None
    yield from ()


def _wanted(call: Call) -> "Wanted":
    """Read the filters of ``ls`` and ``rm``."""
    from jiaozi_node.commands.ipfs.content_path import immutable
    from jiaozi_node.commands.ipfs.go_text import quoted
    from jiaozi_node.dag.pin import check_name
    from jiaozi_node.network.web.pinning import STATUSES, Wanted

    name: str = call.option("name") or ""
    check_name(name)
    cids = []
    for text in _split(call.option("cid")):
        try:
            cids.append(immutable(text).root)
        except (Malformed, Misuse) as fault:
            raise Malformed(f"CID {quoted(text)} cannot be parsed: {fault}") from None
    statuses = _split(call.option("status")) or ["pinned"]
    for status in statuses:
        if status not in STATUSES:
            raise Misuse(f"status {quoted(status)} is not valid")
    return Wanted(cids, name, statuses)


def _split(given: tuple[str, ...] | None) -> list[str]:
    return [part for text in given or () for part in text.split(",")]


def _row(pin: "RemotePin", shown: Any) -> dict[str, str]:  # noqa: ANN401 - Cid → text
    return {"Status": pin.status, "Cid": shown(pin.cid), "Name": pin.name}


def service_add(call: Call) -> Iterator[Any]:
    """Note a service in the configuration."""
    from jiaozi_node.node.config import changing
    from jiaozi_node.node.pinning_services import add

    args = call.args
    with changing(call.home.path / "config") as config:
        add(config, args["service"], args["endpoint"], args["key"])
    yield from ()


def service_rm(call: Call) -> Iterator[Any]:
    """Forget a service."""
    from jiaozi_node.node.config import changing
    from jiaozi_node.node.pinning_services import remove

    with changing(call.home.path / "config") as config:
        remove(config, call.args["service"])
    yield from ()


def service_ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"RemoteServices"}``; ``--stat`` asks each for its counts."""
    from jiaozi_node.node.pinning_services import services

    config = call.home.config
    rows: list[dict[str, Any]] = []
    for name, endpoint in services(config).items():
        row: dict[str, Any] = {"Service": name, "ApiEndpoint": endpoint}
        if call.option("stat"):
            row["Stat"] = _stat(call, name)
        rows.append(row)
    yield {"RemoteServices": rows}


def _stat(call: Call, name: str) -> dict[str, Any]:
    from jiaozi_node.network.web.pinning import STATUSES
    from jiaozi_node.node.pinning_services import service

    try:
        with service(call.home.config, name) as remote:
            counts = {status.capitalize(): remote.count(status) for status in STATUSES}
    except JiaoziError:  # `ls` of it says why
        return {"Status": "invalid"}
    return {"Status": "valid", "PinCount": counts}


def _details(row: dict[str, str], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import table

    rows = [("CID:", row["Cid"]), ("Name:", row["Name"]), ("Status:", row["Status"])]
    return table([tuple(cells) for cells in rows], 0)


def _line(row: dict[str, str], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import escaped

    return f"{row['Cid']}\t{row['Status']}\t{escaped(row['Name'])}\n"


def _services(value: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import table

    rows: list[tuple[str, ...]] = []
    for one in value["RemoteServices"]:
        cells = [one["Service"], one["ApiEndpoint"]]
        if stat := one.get("Stat"):
            counts = stat.get("PinCount")
            cells.append("/".join(map(str, counts.values())) if counts else stat["Status"])
        rows.append(tuple(cells))
    return table(rows, 1)


_SERVICE = Option("service", Kind.TEXT, "Name of the remote pinning service to use (mandatory).")
_FILTERS = (
    _SERVICE,
    Option("name", Kind.TEXT, "Only pins of exactly this name."),
    Option("cid", Kind.TEXTS, "Only pins of these CIDs (comma-separated)."),
    Option(
        "status", Kind.TEXTS, "Of these statuses (queued,pinning,pinned,failed); pinned if absent."
    ),
)

ADD = Command(
    path=("ipfs", "pin", "remote", "add"),
    tagline="Pin object to remote pinning service.",
    handler=add,
    arguments=(Argument("ipfs-path", "CID or Path to be pinned."),),
    options=(
        _SERVICE,
        Option("name", Kind.TEXT, "An optional name for the pin."),
        Option("background", Kind.BOOL, "Don't wait until the service has it.", default=False),
    ),
    answer=Answer.VALUE,
    text=_details,
)

LS = Command(
    path=("ipfs", "pin", "remote", "ls"),
    tagline="List objects pinned to remote pinning service.",
    handler=ls,
    options=_FILTERS,
    text=_line,
)

RM = Command(
    path=("ipfs", "pin", "remote", "rm"),
    tagline="Remove pins from remote pinning service.",
    handler=rm,
    options=(
        *_FILTERS,
        Option("force", Kind.BOOL, "Remove several pins that match.", default=False),
    ),
)

SERVICE_ADD = Command(
    path=("ipfs", "pin", "remote", "service", "add"),
    tagline="Add remote pinning service.",
    secret=True,
    handler=service_add,
    arguments=(
        Argument("service", "Service name."),
        Argument("endpoint", "Service endpoint."),
        Argument("key", "Service key."),
    ),
    answer=Answer.VALUES,
)

SERVICE_LS = Command(
    path=("ipfs", "pin", "remote", "service", "ls"),
    tagline="List remote pinning services.",
    handler=service_ls,
    options=(Option("stat", Kind.BOOL, "Ask each for its counts of pins.", default=False),),
    answer=Answer.VALUE,
    text=_services,
)

SERVICE_RM = Command(
    path=("ipfs", "pin", "remote", "service", "rm"),
    tagline="Remove remote pinning service.",
    handler=service_rm,
    arguments=(Argument("service", "Name of remote pinning service to remove."),),
    answer=Answer.VALUES,
)
