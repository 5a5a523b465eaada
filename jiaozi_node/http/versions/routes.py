"""The routes of the versions API, each with what it asks and answers."""

from typing import Final

from jiaozi_node.http.versions import handlers
from jiaozi_node.http.versions.declare import DEFAULT_ITEMS, Kind, Parameter, Route

_REPOSITORY = Parameter("repository", "The id or the alias of a repository.", path=True)
_REVISION = Parameter(
    "revision", "A branch, tag, CID, `HEAD~2`, `main@{1}` …; the default branch.", default="HEAD"
)
_PATH = Parameter("path", "Only what touched this path, a file's or a directory's.")
_AFTER = Parameter("after", "The `next` of the page before.")
_LIMIT = Parameter("limit", "At most so many items.", Kind.NUMBER, DEFAULT_ITEMS)
_PAGED = (_AFTER, _LIMIT)
_HERE = "/repositories/{repository}"

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "/repositories",
        "listRepositories",
        "The repositories of this node.",
        handlers.repositories,
        "Repositories",
        _PAGED,
        faults=(400, 403),
    ),
    Route(
        _HERE,
        "getRepository",
        "One repository.",
        handlers.repository,
        "Repository",
        (_REPOSITORY,),
    ),
    Route(
        f"{_HERE}/branches",
        "listBranches",
        "The branches of a repository.",
        handlers.branches,
        "Branches",
        (_REPOSITORY, *_PAGED),
    ),
    Route(
        f"{_HERE}/branches/{{branch}}",
        "getBranch",
        "One branch.",
        handlers.branch,
        "Branch",
        (_REPOSITORY, Parameter("branch", "Its name, `/` written %2F.", path=True)),
    ),
    Route(
        f"{_HERE}/tags",
        "listTags",
        "The tags of a repository.",
        handlers.tagged,
        "Tags",
        (_REPOSITORY, *_PAGED),
    ),
    Route(
        f"{_HERE}/tags/{{tag}}",
        "getTag",
        "One tag.",
        handlers.tag,
        "Tag",
        (_REPOSITORY, Parameter("tag", "Its name, `/` written %2F.", path=True)),
    ),
    Route(
        f"{_HERE}/commits",
        "listCommits",
        "The history of a revision, `A..B` and `A...B` too.",
        handlers.commits,
        "Commits",
        (
            _REPOSITORY,
            _REVISION,
            _PATH,
            Parameter("first_parent", "Follow first parents only.", Kind.FLAG, default=False),
            *_PAGED,
        ),
    ),
    Route(
        f"{_HERE}/commits/{{revision}}",
        "getCommit",
        "One commit.",
        handlers.commit,
        "Commit",
        (_REPOSITORY, Parameter("revision", "As in a query, `/` written %2F.", path=True)),
    ),
    Route(
        f"{_HERE}/tree",
        "getTree",
        "What stands at a path of a version: a file, or a page of a directory.",
        handlers.tree,
        "Tree",
        (
            _REPOSITORY,
            _REVISION,
            Parameter("path", "The path; the root without it.", default=""),
            *_PAGED,
        ),
    ),
    Route(
        f"{_HERE}/diff",
        "getDiff",
        "What differs between two versions, by path.",
        handlers.diff,
        "Diff",
        (
            _REPOSITORY,
            Parameter("from", "The earlier version, a revision.", required=True),
            Parameter("to", "The later version, a revision.", default="HEAD"),
            Parameter("path", "Only what lies at or below this path."),
            Parameter("renames", "Tell what moved unchanged as one.", Kind.FLAG, default=True),
            *_PAGED,
        ),
        faults=(400, 403, 404, 422),
    ),
    Route(
        f"{_HERE}/merge",
        "previewMerge",
        "What a merge of two versions would come to; nothing is written.",
        handlers.merge,
        "Merge",
        (
            _REPOSITORY,
            Parameter("ours", "What would be merged into, a revision.", default="HEAD"),
            Parameter("theirs", "What would be merged, a revision.", required=True),
            Parameter("favour", "Decide disputes for one side.", choices=("ours", "theirs")),
            Parameter("limit", "At most so many conflicts.", Kind.NUMBER, DEFAULT_ITEMS),
        ),
        faults=(400, 403, 404, 422),
    ),
)
