"""Cases of the node itself: config, version, log, diag, commands, shutdown."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said
from interop.kubo.rpc.masks import (
    DATASTORE,
    ENDPOINT,
    JSON_FAULT,
    KEYS,
    MACHINE,
    NUMBER,
    PEER_ID,
    TIMES,
)

_SHOWN: Final = (DATASTORE, PEER_ID, ENDPOINT)

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "commands": (
        *said("commands", "commands --flags"),
        *refused("commands x", "commands --nonsense"),
    ),
    "config": (
        *said(
            "config Import",
            "config --json Import.CidVersion 1",
            "config Import.CidVersion",
            "config --json Import.CidVersion null",
            "config Import.CidVersion",
            "config --bool Swarm.DisableNatPortMap false",
            "config Swarm.DisableNatPortMap",
            "config --bool Swarm.DisableNatPortMap true",
            "config Gateway.RootRedirect /there",
            "config Gateway.RootRedirect",
            "config Gateway.RootRedirect ''",
            "config Addresses.Swarm",
            "config Bootstrap",
            "config Routing.Type",
            "config --json API.HTTPHeaders.X-A '[\"b\"]'",
            "config API",
            "config --json API.HTTPHeaders {{}}",
            "config Datastore.StorageMax",
            "config --expand-auto Bootstrap",
        ),
        *refused(
            "config No.Such.Key",
            "config Made.Up value",
            "config --json Import.CidVersion '\"text\"'",
            "config Import.CidVersion text",
            "config --bool Datastore.StorageGCWatermark true",
            "config Identity.PrivKey",
            "config Identity.PrivKey x",
            "config Identity",
            "config Identity.PeerID {peer}",
            "config Pinning.RemoteServices.x.API.Key",
            "config Pinning",
            "config API.Authorizations",
            "config --expand-auto Bootstrap x",
            "config Bootstrap.x",
            "config",
        ),
        *refused("config --json Import.CidVersion not-json", masks=(JSON_FAULT,)),
    ),
    "config/profile/apply": (
        *said("config profile apply unixfs-v1-2025", masks=(*_SHOWN, KEYS)),
        *said("config Import"),
        *said("config profile apply --dry-run unixfs-v0-2015", masks=(*_SHOWN, KEYS)),
        *said("config profile apply unixfs-v0-2015", masks=(*_SHOWN, KEYS)),
        *said("config Import"),
        *refused("config profile apply nonsense", "config profile apply"),
    ),
    "config/replace": (
        *said("config replace good.json"),
        *said("config show", masks=_SHOWN),
        *refused(
            "config replace t/small.txt",
            "config replace key.json",
            "config replace services.json",
            "config replace t/none",
            "config replace",
        ),
    ),
    "config/show": (
        *said("config show", masks=_SHOWN),
        *refused("config show x", "config show --nonsense"),
    ),
    "diag/cmds": (
        *said("diag cmds clear"),
        *said("diag cmds", masks=(TIMES,)),
        *said("diag cmds -v", masks=(TIMES, NUMBER)),
        *refused("diag cmds x", "diag cmds --nonsense"),
    ),
    "diag/cmds/clear": (*said("diag cmds clear"), *refused("diag cmds clear x")),
    "diag/cmds/set-time": (
        *said("diag cmds set-time 1h"),
        *refused("diag cmds set-time x", "diag cmds set-time"),
    ),
    "diag/healthy": (*said("diag healthy"), *refused("diag healthy x", "diag healthy --nonsense")),
    "diag/sys": (
        *said("diag sys", masks=(MACHINE,)),
        *refused("diag sys x", "diag sys --nonsense"),
    ),
    "log/level": (
        *said(
            "log level all error",
            "log level",
            "log level '*' info",
            "log level",
            "log level all error",
            "log level pin debug",
            "log level pin",
            "log level pin default",
            "log level pin",
        ),
        *refused(
            "log level all nonsense",
            "log level nonsense",
            "log level pin nonsense",
            "log level all all error",
        ),
    ),
    "log/ls": (
        Case("log ls", differs="the parts of another program"),
        *refused("log ls x", "log ls --nonsense"),
    ),
    "log/tail": refused("--timeout=200ms log tail", "log tail --log-level=nonsense"),
    "mount": refused("mount", "mount -f /nope"),
    "shutdown": (*refused("shutdown x", "shutdown --nonsense"), *said("shutdown")),
    "version": (
        *said("version", "version -n", "version --repo", "version --commit", "version --all"),
        *refused("version x", "version --nonsense"),
    ),
    "version/deps": (Case("version deps", differs="another program of other parts"),),
}
