"""``jiaozi init``: a repository and a working copy, and the home where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option


def init(call: Call) -> Iterator[dict[str, Any]]:
    """Make what is missing; a directory that is a working copy already stays as it is."""
    if call.option("from_git") is not None:
        yield from _from_git(call)
        return
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.opening import open_or_make_home, refuse_database
    from jiaozi_node.node.repository import Repository

    refuse_database(call.option("db"))
    directory = Path(os.path.join(call.cwd, call.args["directory"] or "."))
    at = home_path(call.environ)
    home, made_home = open_or_make_home(at)
    try:
        repository, made = Repository.init(
            home,
            directory,
            profile=call.option("profile"),
            alias=call.option("name"),
            branch=call.option("branch"),
            now=int(call.now()),
        )
        yield {
            "repository": repository.id,
            "name": repository.alias,
            "profile": repository.profile.name,
            "directory": str(repository.root),
            "home": str(at),
            "made": made,
            "made_home": made_home,
        }
    finally:
        home.close()


def _from_git(call: Call) -> Iterator[dict[str, Any]]:
    """Take over the history of a git repository; the home is made only when it can be read."""
    from jiaozi_node.node.git.founding import init_from_git
    from jiaozi_node.node.git.source import Git
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.identity import identify
    from jiaozi_node.node.opening import open_or_make_home, refuse_database
    from jiaozi_node.versioning.reflog import Note

    refuse_database(call.option("db"))
    source = os.path.join(call.cwd, call.option("from_git"))
    directory = Path(os.path.join(call.cwd, call.args["directory"] or "."))
    git = Git(source, call.environ)
    at = home_path(call.environ)
    home, made_home = open_or_make_home(at)
    try:
        config = home.config
        who = identify(None, config.find("user.name"), config.find("user.email"), call.environ)[0]
        repository, found = init_from_git(
            home,
            directory,
            git,
            profile=call.option("profile"),
            alias=call.option("name"),
            branch=call.option("branch") if "branch" in call.explicit else None,
            default=call.option("branch"),
            note=Note(str(who), f"init: from git {source}", int(call.now())),
            progress=call.progress,
            warn=call.note,
        )
        for what, count in sorted(found.told.items()):
            call.note(f"{count} {what}")
        for tag in found.left_out:
            call.note(f"tag {tag!r} is left out: it names no commit, and has no block here")
        others = git.others()
        if others:
            call.note(f"{others} refs that are neither branches nor tags are left out")
        yield {
            "repository": repository.id,
            "name": repository.alias,
            "profile": repository.profile.name,
            "directory": str(repository.root),
            "home": str(at),
            "made": True,
            "made_home": made_home,
            "git": {
                "from": source,
                "commits": found.commits,
                "branches": sum(name.family == "heads" for name in found.refs),
                "tags": sum(name.family == "tags" for name in found.refs),
                "head": found.head.branch or str(found.head.commit),
            },
        }
    finally:
        home.close()


def _text(value: dict[str, Any], _call: Call) -> str:
    lines = [f"made the node home {value['home']}"] if value["made_home"] else []
    what = "made repository" if value["made"] else "found repository"
    lines.append(f"{what} {value['name']} ({value['repository']})")
    lines.append(f"working copy {value['directory']}, profile {value['profile']}")
    if "git" in value:
        git = value["git"]
        counts = ", ".join(
            f"{git[what]} {what if git[what] != 1 else one}"
            for what, one in (("commits", "commit"), ("branches", "branch"), ("tags", "tag"))
        )
        lines.append(f"from git: {counts}; HEAD is on {git['head']}")
    return "\n".join(lines) + "\n"


INIT = Command(
    path=("init",),
    tagline="Make a repository and a working copy.",
    handler=init,
    arguments=(Argument("directory", "Where; the present directory if absent.", required=False),),
    options=(
        Option("profile", Kind.TEXT, "The recipe of CIDs (unixfs-v1-2025 if absent)."),
        Option("name", Kind.TEXT, "The repository's name on this node; the directory's if absent."),
        Option(
            "branch",
            Kind.TEXT,
            "The name of the first branch; with --from-git the one to be on, git's HEAD if absent.",
            ("b",),
            "main",
        ),
        Option("from-git", Kind.TEXT, "Take over the history of the git repository there."),
        Option("db", Kind.TEXT, "Refused: names are kept in the home."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
    help="""
    The directory becomes a working copy: it gets a folder .jiaozi that holds two ids and a cache.
    Blocks, branches and keys are in the node home: $JIAOZI_PATH, else $XDG_DATA_HOME/jiaozi.

    --from-git imports every commit, branch and tag, all or nothing; the git repository is only
    read. What a commit was in git stands in its meta (see specs/from-git.md).
    """,
)
