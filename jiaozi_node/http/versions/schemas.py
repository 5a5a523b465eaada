"""What the answers of the versions API look like: the named schemas of its document."""

from typing import Final

from jiaozi_node.http.versions.schema import (
    Schema,
    cid,
    flag,
    many,
    number,
    of,
    page,
    record,
    text,
)

FAMILIES: Final = (
    "Malformed", "Misuse", "NotFound", "Conflict", "Refused", "Unavailable", "Corrupt", "Locked",
    "Internal",
)  # fmt: skip

_ANY: Final[Schema] = {"description": "Any JSON value: links and bytes as DAG-JSON has them."}
_SIDES: Final = {
    "base": cid("What both were measured against had there."),
    "ours": cid("What ours has there."),
    "theirs": cid("What theirs has there."),
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Repository": record(
        "A repository of this node.",
        {
            "id": text("Its IPNS name."),
            "name": text("Its alias on this node."),
            "profile": text("The CID recipe of its trees."),
            "head": text("The default branch: what HEAD means here."),
            "created": number("When it was made, Unix seconds.", low=None),
        },
    ),
    "Branch": record(
        "A branch.", {"name": text("Its name."), "commit": cid("The commit at its tip.")}
    ),
    "Tag": record(
        "A tag.",
        {"name": text("Its name."), "target": cid("What it points at: a commit, or a tag block.")},
        {
            "object": cid("Of an annotated tag: what its block is about."),
            "tagger": of("Agent"),
            "time": number("Of an annotated tag: when it was given, Unix seconds.", low=None),
            "message": text("Of an annotated tag."),
            "signed": flag("Of an annotated tag: whether it has signatures; they aren't checked."),
        },
    ),
    "Agent": record(
        "Who did something.",
        {"name": text("The name.")},
        {"email": text("The address."), "id": text("A did:key, an ORCID or the like.")},
    ),
    "Commit": record(
        "A version.",
        {
            "commit": cid("Its CID."),
            "tree": cid("The directory of its files: `/ipfs/⟨tree⟩/…`."),
            "parents": many(cid("A commit."), "The commits before it, the first one merged into."),
            "profile": text("The CID recipe of the tree."),
            "generation": number("1 of a first commit, else 1 + the greatest of the parents'."),
            "author": of("Agent"),
            "time": number("When it was committed, Unix seconds.", low=None),
            "message": text("The message."),
            "subject": text("The first line of it that isn't blank."),
            "signed": flag("Whether it has signatures; they aren't checked here."),
        },
        {
            "committer": of("Agent"),
            "tz": number("Minutes east of UTC.", low=None),
            "authored": number("When the work was done, if not at `time`.", low=None),
            "files": number("How many files and symlinks the tree has, by the author's account."),
            "bytes": number("How many bytes these have."),
            "meta": {"type": "object", "additionalProperties": _ANY, "description": "Whatever."},
            "refs": many(text("`heads/main`, `tags/v1`."), "The branches and tags that are here."),
        },
    ),
    "Entry": record(
        "What a directory holds under a name.",
        {
            "name": text("The name; bytes that are not UTF-8 are lone surrogates."),
            "kind": text("What it is.", "file", "directory", "symlink", "other"),
            "cid": cid("Its CID."),
            "size": number("The bytes of a file or of a symlink's target, 0 of a directory."),
            "content": text("Where any gateway has it."),
        },
    ),
    "Tree": record(
        "What stands at a path of a version; of a directory also a page of what it holds.",
        {
            "commit": cid("The version."),
            "path": text("The path, without leading or trailing slash."),
            "kind": text("What stands there.", "file", "directory", "symlink", "other"),
            "cid": cid("Its CID."),
            "size": number("The bytes of a file or of a symlink's target, 0 of a directory."),
            "content": text("Where any gateway has it."),
        },
        {
            "target": text("Where a symlink leads."),
            "entries": many(of("Entry"), "Of a directory, in byte order of names."),
            "next": text("Where the next page begins: its `after`. Absent on the last page."),
        },
    ),
    "Change": record(
        "A file or symlink that differs.",
        {
            "change": text("Added, deleted, modified, renamed, copied.", "A", "D", "M", "R", "C"),
            "path": text("Its path, the later one."),
        },
        {
            "from": text("The earlier path of what was renamed or copied unchanged."),
            "before": cid("Its CID in the earlier version."),
            "after": cid("Its CID in the later version."),
        },
    ),
    "Conflict": record(
        "A path that a merge can't decide.",
        {
            "path": text("The path."),
            "kind": text(
                "What the two did.",
                "both-modified",
                "both-added",
                "modify-delete",
                "file-directory",
                "mode",
                "both-renamed",
            ),
            "marked": flag("Whether the tree has git's markers there; else it has what ours has."),
        },
        {
            **_SIDES,
            "renamed": many(text("A path."), "What both sides call it now: ours, theirs."),
            "cells": many(of("Cell"), "Of a table: the fields in dispute."),
        },
    ),
    "Cell": record(
        "A field of a table in dispute; a side that lacks it is absent.",
        {"row": text("The key of the row.")},
        {
            "column": text("The column; absent when it is about the whole row."),
            "base": text("What both were measured against had."),
            "ours": text("What ours has."),
            "theirs": text("What theirs has."),
        },
    ),
    "Merge": record(
        "What a merge would come to; nothing is written, the tree neither.",
        {
            "kind": text("What it would be.", "up-to-date", "fast-forward", "merged", "in-dispute"),
            "ours": cid("The commit that would be merged into."),
            "theirs": cid("The commit that would be merged."),
            "tree": cid("The tree that would come out."),
            "bases": many(cid("A commit."), "The merge bases."),
            "conflicts": many(of("Conflict"), "What is in dispute, in order; perhaps not all."),
            "disputed": number("How many paths are in dispute."),
        },
        {"base": cid("The tree both were measured against; absent where it is the empty one.")},
    ),
    "Repositories": page("repositories", of("Repository"), "In byte order of ids."),
    "Branches": page("branches", of("Branch"), "In byte order of names."),
    "Tags": page("tags", of("Tag"), "In byte order of names."),
    "Commits": page(
        "commits",
        of("Commit"),
        "A history, children before parents: the greatest generation first, then the latest.",
        missing=many(cid("A commit."), "Parents on the way that this node hasn't."),
    ),
    "Diff": page(
        "changes",
        of("Change"),
        "What differs between two versions, in byte order of paths.",
        earlier=cid("The earlier version: a commit."),
        later=cid("The later version: a commit."),
    ),
    "Error": record(
        "Why there is no answer.",
        {
            "error": record(
                "The fault.",
                {
                    "status": number("The status of the response."),
                    "family": text("Who is to blame, as exit codes tell it.", *FAMILIES),
                    "kind": text("Which fault it is, of that family."),
                    "message": text("One line for a person."),
                },
            )
        },
    ),
}
