"""``ipfs config …``: the configuration read, changed, replaced, and changed by profiles.

Kubo's rules: keys are exact, secrets are neither shown nor set, a value keeps its type. Beside
Kubo's sections ``user`` holds the name and mail address that commits are made with.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import JiaoziError, Malformed, Misuse, NotFound

if TYPE_CHECKING:
    from jiaozi_node.node.config import Config

# Sections that Kubo knows and a new home has not.
_SECTIONS = frozenset(
    ("AutoNAT", "AutoTLS", "Bitswap", "Migration", "Mounts", "Plugins", "Provide", "Provider",
     "Pubsub", "Reprovider", "hooks", "trust", "user")
)  # fmt: skip
_TYPES = {
    "Import.CidVersion": "int64",
    "Import.UnixFSRawLeaves": "bool",
    "Import.UnixFSChunker": "string",
    "Import.HashFunction": "string",
    "Import.UnixFSFileMaxLinks": "int64",
    "Import.UnixFSDirectoryMaxLinks": "int64",
    "Import.UnixFSHAMTDirectoryMaxFanout": "int64",
    "Import.UnixFSHAMTDirectorySizeEstimation": "string",
    "Import.UnixFSDAGLayout": "string",
    "Import.BatchMaxNodes": "int64",
    "Import.BatchMaxSize": "int64",
    "Import.FastProvideRoot": "bool",
    "Import.FastProvideDAG": "bool",
    "Import.FastProvideWait": "bool",
}
MAX_BYTES = 4 * 1024 * 1024


def config(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Key", "Value"}``, after setting it when a value is given."""
    from jiaozi_node.commands.ipfs.go_text import quoted, sorted_deep

    key, value = call.args["key"], call.args["value"]
    if key.lower() in ("identity", "identity.privkey"):
        raise Misuse("cannot show or change private key through API")
    if _conceals(key):
        raise Misuse("cannot show or change pinning services credentials")
    if value is not None:
        if call.option("expand_auto"):
            raise Misuse(
                "--expand-auto can only be used for reading config values, not for setting them"
            )
        _set(call, key, value)
        if _authorizes(key):
            yield {"Key": key, "Value": None}
            return
    try:
        found = _look_up(_shown(call), key)
    except NotFound as fault:
        raise NotFound(f"failed to get config value: {quoted(str(fault))}") from None
    if key == "Bootstrap" and call.option("expand_auto"):
        found = found or []
    yield {"Key": key, "Value": sorted_deep(found)}


def _conceals(key: str) -> bool:
    """Tell whether *key* leads to or above the credentials of pinning services."""
    wanted = ("pinning", "remoteservices", "*", "api", "key")
    return all(
        want in ("*", part) for want, part in zip(wanted, key.lower().split("."), strict=False)
    )


def _authorizes(key: str) -> bool:
    """Tell whether *key* leads to or below the secrets that the RPC is called with."""
    return key.lower().split(".")[:2] == ["api", "authorizations"]


def _look_up(values: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value at *key*, its parts taken exactly; raises `NotFound`."""
    value: Any = values
    parts = key.split(".")
    for at, part in enumerate(parts):
        if not isinstance(value, dict):
            raise NotFound(f"{'.'.join(parts[:at])} key is not a map")
        if part not in value:
            raise NotFound(f"{'.'.join(parts[: at + 1])} not found")
        value = value[part]
    return value


def _set(call: Call, key: str, text: str) -> None:
    from jiaozi_node.node.config import changing

    if key.lower() == "identity.peerid":
        _check_peer_id(call, text)
        return
    value: Any = text
    if call.option("json"):
        import json

        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise Malformed(f"failed to unmarshal json. {_json_fault(text, fault)}") from None
    elif call.option("bool"):
        value = text == "true"
    try:
        with changing(call.home.path / "config") as settings:
            _check_type(settings.shown(), key, value)
            settings.set(key, value)
    except JiaoziError as fault:
        raise Misuse(f"failed to set config value: {fault} (maybe use --json?)") from None


def _json_fault(text: str, fault: Exception) -> str:
    if isinstance(fault, RecursionError):
        return "exceeded max depth"
    position = getattr(fault, "pos", 0)
    if position >= len(text.rstrip()):
        return "unexpected end of JSON input"
    return str(fault)


def _check_peer_id(call: Call, text: str) -> None:
    """Take no other peer id than the node's own."""
    from jiaozi_node.formats.peer_id import PeerId
    from jiaozi_node.node.local_home import identity_of

    asked = text.strip('"') if call.option("json") else text
    try:
        same = PeerId.parse(asked) == PeerId.parse(identity_of(call.home.config))
    except JiaoziError:
        same = False
    if not same:
        raise Misuse(
            "cannot set Identity.PeerID to a value that does not match the node's private key; "
            "use 'ipfs key rotate' to change the node identity"
        )


def _check_type(values: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401 - JSON
    """Refuse a section that nobody knows, and a value of another type than the one it replaces."""
    section = key.partition(".")[0]
    if section not in values and section not in _SECTIONS:
        raise NotFound(f"{section} not found")
    if value is None:
        return
    wanted = _TYPES.get(key)
    if wanted is None:
        try:
            wanted = _go_type(_look_up(values, key))
        except NotFound:
            return
    if wanted == "" or wanted == _go_type(value) or (wanted == "int64" and _whole(value)):
        return
    if key in ("Addresses.API", "Addresses.Gateway") and isinstance(value, list):
        return
    kind = {"int64": "number", "[]string": "array", "map[string]interface {}": "object"}
    found = kind.get(_go_type(value), _go_type(value))
    parent = key.split(".")[-2] if "." in key else "Config"
    raise Misuse(
        f"failure to decode config: json: cannot unmarshal {found} into Go struct field "
        f"{parent}.{key} of type {wanted}"
    )


def _whole(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, float) and value.is_integer()


def _go_type(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return Go's type for *value*, empty for null."""
    if isinstance(value, bool):
        return "bool"
    for python, go in (((int, float), "int64"), (str, "string"), (list, "[]string")):
        if isinstance(value, python):
            return go
    return "map[string]interface {}" if isinstance(value, dict) else ""


def _human(value: Any) -> str:  # noqa: ANN401 - JSON
    from jiaozi_node.commands.ipfs.go_text import indented

    return f"{value}\n" if isinstance(value, str) else indented(value) + "\n"


def show(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the whole configuration without its secrets."""
    from jiaozi_node.commands.ipfs.go_text import sorted_deep

    yield sorted_deep(_shown(call))


def _shown(call: Call) -> dict[str, Any]:
    return call.home.config.shown()


def replace(call: Call) -> Iterator[dict[str, Any]]:
    """Take a file for the configuration, the node's identity and its secrets excepted."""
    from jiaozi_node.node.config import changing, parse

    if call.files is None:
        raise Misuse("expected a file")
    for _name, file in call.files.streams():
        data = file.read(MAX_BYTES + 1)
        try:
            values = parse(data, "the file")
        except JiaoziError:
            raise Malformed("failed to decode file as config") from None
        with changing(call.home.path / "config") as settings:
            _replace(settings, values)
    yield from ()


def _replace(settings: "Config", values: dict[str, Any]) -> None:
    from jiaozi_node.node.config_check import check
    from jiaozi_node.node.local_home import identity_of

    try:
        check(values)
    except JiaoziError as fault:
        told = Malformed("failed to decode file as config")
        told.add_note(str(fault))
        raise told from None
    services = _services(values, settings.find("Pinning.RemoteServices", {}))
    identity = values.setdefault("Identity", {})
    if not isinstance(identity, dict):
        raise Malformed("failed to decode file as config")
    if not identity.get("PrivKey"):
        identity.pop("PrivKey", None)
    identity["PeerID"] = identity_of(settings)
    if services:
        values.setdefault("Pinning", {})["RemoteServices"] = services
    authorizations = settings.find("API.Authorizations")
    if authorizations:  # 'config show' conceals them: what came of it would open the RPC to all
        api = values.setdefault("API", {})
        if isinstance(api, dict):
            api.setdefault("Authorizations", authorizations)
    settings.replace(values)


def _services(values: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return the pinning services of *values* with the credentials of *old* put back."""
    pinning = values.get("Pinning")
    new = (pinning.get("RemoteServices") if isinstance(pinning, dict) else None) or {}
    if not isinstance(new, dict) or set(new) != set(old):
        raise Misuse("cannot add or remove remote pinning services with 'config replace'")
    for name, service in new.items():
        api = service.get("API") if isinstance(service, dict) else None
        before = old[name].get("API", {})
        if isinstance(api, dict) and (
            api.get("Key") or api.get("Endpoint", before.get("Endpoint")) != before.get("Endpoint")
        ):
            raise Misuse("cannot change remote pinning services api info with `config replace`")
        if isinstance(service, dict):
            service["API"] = before
    return new


def edit(call: Call) -> Iterator[dict[str, Any]]:
    """Open the file in $EDITOR, and check what it left."""
    import shlex
    import subprocess

    from jiaozi_node.node import layout
    from jiaozi_node.node.config import Config
    from jiaozi_node.node.config_check import check
    from jiaozi_node.node.home import home_path

    home = home_path(call.environ)
    layout.check(home)
    editor = call.environ.get("EDITOR")
    if not editor:
        raise Misuse("ENV variable $EDITOR not set")
    path = home / "config"
    try:
        words = shlex.split(editor)
        done = subprocess.run([*words, str(path)], check=False)
    except (ValueError, OSError) as fault:
        raise Misuse(f"cannot run $EDITOR: {fault}") from None
    if done.returncode:
        raise Misuse(f"exit status {done.returncode}")
    check(Config.load(path).whole())
    yield from ()


def profile_apply(call: Call) -> Iterator[dict[str, Any]]:
    """Change the configuration by a profile; yield it as it was and as it is."""
    from jiaozi_node.commands.ipfs.go_text import sorted_deep
    from jiaozi_node.node.config import changing
    from jiaozi_node.node.config_profiles import apply

    name = call.args["profile"]
    with changing(call.home.path / "config") as settings:
        whole, old = settings.whole(), settings.shown()
        if not call.option("dry_run"):
            changed = apply(name, whole)
            _back_up(call, name)
            for section, value in changed.items():
                if value != whole.get(section):
                    settings.set(section, value)
    yield {"OldCfg": sorted_deep(old), "NewCfg": sorted_deep(apply(name, old))}


def _back_up(call: Call, name: str) -> None:
    """Keep the file as it was, beside it."""
    import secrets

    from jiaozi_node.stores.atomic import replace_file

    path = call.home.path / "config"
    kept = path.with_name(f"config-pre-{name}-{secrets.randbelow(10**10)}")
    replace_file(kept, path.read_bytes(), 0o600)


def _diff_text(value: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.json_diff import diff

    return diff(value["OldCfg"], value["NewCfg"])


CONFIG = Command(
    path=("ipfs", "config"),
    tagline="Get and set IPFS config values.",
    handler=config,
    arguments=(
        Argument("key", 'The key of the config entry (e.g. "Addresses.API").'),
        Argument("value", "The value to set the config entry to.", required=False),
    ),
    options=(
        Option("bool", Kind.BOOL, "Set a boolean value."),
        Option("json", Kind.BOOL, "Parse stringified JSON."),
        Option("expand-auto", Kind.BOOL, "Taken: nothing here is 'auto'."),
    ),
    answer=Answer.VALUE,
    secret=True,
    text=lambda row, call: None if call.args["value"] is not None else _human(row["Value"]),
)

SHOW = Command(
    path=("ipfs", "config", "show"),
    tagline="Output config file contents.",
    handler=show,
    options=(Option("expand-auto", Kind.BOOL, "Taken: nothing here is 'auto'."),),
    answer=Answer.VALUE,
    text=lambda value, _call: _human(value),
)

REPLACE = Command(
    path=("ipfs", "config", "replace"),
    tagline="Replace the config with <file>.",
    handler=replace,
    arguments=(Argument("file", "The file to use as the new config.", file=True),),
)

EDIT = Command(
    path=("ipfs", "config", "edit"),
    tagline="Open the config file for editing in $EDITOR.",
    handler=edit,
    needs=Needs.NOTHING,
)

PROFILE_APPLY = Command(
    path=("ipfs", "config", "profile", "apply"),
    tagline="Apply profile to config.",
    handler=profile_apply,
    arguments=(Argument("profile", "The profile to apply to the config."),),
    options=(Option("dry-run", Kind.BOOL, "Print the difference and change nothing."),),
    answer=Answer.VALUE,
    text=_diff_text,
    help="""
    server, local-discovery, test, default-networking, lowpower, announce-on, announce-off,
    randomports, autoconf-off, unixfs-v0-2015 (legacy-cid-v0), unixfs-v1-2025 as in Kubo;
    public joins the public network, which a new home does not.
    """,
)
