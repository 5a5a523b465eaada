"""``jiaozi key``: the keys that sign commits and tags, listed or made."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command


def key(call: Call) -> Iterator[dict[str, Any]]:
    """List the keys of the home, or make one."""
    from jiaozi_node.node import signers
    from jiaozi_node.versioning.repositories import Repositories

    name = call.args["name"]
    if name is not None:
        made = signers.create(call.home, name)
        yield {"key": made.name, "did": made.did, "default": made.default, "created": True}
        return
    repositories = {found.id: found.alias for found in Repositories(call.home.names).list()}
    for found in signers.listed(call.home):
        value = {"key": found.name, "did": found.did, "default": found.default}
        if found.name in repositories:
            value["repository"] = repositories[found.name]
        yield value


def _text(value: dict[str, Any], _call: Call) -> str:
    if "created" in value:
        return f"made key {value['key']}: {value['did']}\n"
    of = f" (repository {value['repository']})" if "repository" in value else ""
    return f"{'*' if value['default'] else ' '} {value['key']} {value['did']}{of}\n"


KEY = Command(
    path=("key",),
    tagline="List or make the keys that sign commits and tags.",
    handler=key,
    arguments=(Argument("name", "The key to make; without it all are listed.", required=False),),
    text=_text,
    help="""
    'self' is the node's own key. It signs unless 'jiaozi ipfs config user.signingKey NAME' names
    another. Give its did:key to those who are to trust what you sign; 'jiaozi verify --trust DID',
    or the list trust.keys of the configuration, is how they say that they do.
    """,
)
