"""A repository of many commits and branches, made of blocks in a few seconds.

main is a line; now and then a side line of three commits is merged into it. Each commit writes one
of 200 files in 20 directories; `rare.csv` is written by one commit in a thousand.
"""

from dataclasses import dataclass
from pathlib import Path

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from jiaozi_node.versioning.workingcopies import Head

ADA = Agent("Ada", "ada@example.org")
FIRST_S = 1_700_000_000
DIRECTORIES = 20
FILES = 10


@dataclass(slots=True)
class State:
    """The files at one commit, and the commit."""

    files: list[list[Node]]
    folders: list[Node]
    rare: Node
    cid: Cid | None = None
    generation: int = 0


class Writer:
    """Makes the commits; their blocks are handed over by the thousand."""

    def __init__(self, home: LocalHome, profile: Profile) -> None:
        self.home, self.profile = home, profile
        self.waiting: list[Block] = []
        self.made: list[Cid] = []
        self.rare_commits = 0

    def empty(self) -> State:
        file = self.file(b"")
        files = [[file] * FILES for _ in range(DIRECTORIES)]
        folders = [self.folder(inside) for inside in files]
        return State(files, folders, file)

    def change(self, state: State) -> State:
        """Return *state* with one file written anew."""
        number = len(self.made)
        if number % 1000 == 500:
            self.rare_commits += 1
            return State(state.files, state.folders, self.file(b"rare %d" % number))
        where, which = number % DIRECTORIES, number // DIRECTORIES % FILES
        files, folders = list(state.files), list(state.folders)
        files[where] = list(files[where])
        files[where][which] = self.file(b"%d" % number)
        folders[where] = self.folder(files[where])
        return State(files, folders, state.rare)

    def commit(self, state: State, *parents: State) -> State:
        state.generation = 1 + max((parent.generation for parent in parents), default=0)
        builder = DirectoryBuilder(self.profile)
        for at, folder in enumerate(state.folders):
            builder.add(f"d{at:02}", folder)
        builder.add("rare.csv", state.rare)
        number = len(self.made)
        made = Commit(
            self.keep(builder.end()).cid,
            tuple(parent.cid for parent in parents if parent.cid is not None),
            self.profile.name,
            ADA,
            FIRST_S + 60 * number,
            f"Change {number}\n",
            state.generation,
        )
        block = commits.encode(made)
        self.waiting.append(block)
        state.cid = block.cid
        self.made.append(block.cid)
        if len(self.waiting) > 4000:
            self.flush()
        return state

    def file(self, data: bytes) -> Node:
        return self.keep(add_bytes(data, self.profile))

    def folder(self, inside: list[Node]) -> Node:
        builder = DirectoryBuilder(self.profile)
        for at, file in enumerate(inside):
            builder.add(f"f{at}.csv", file)
        return self.keep(builder.end())

    def keep(self, made: tuple[list[Block], Node]) -> Node:
        self.waiting += made[0]
        return made[1]

    def flush(self) -> None:
        with self.home.blocks.writer() as writer:
            writer.put(self.waiting)
        self.waiting = []


@dataclass(frozen=True, slots=True)
class Long:
    """What was made: the commits oldest first, and how many of them wrote `rare.csv`."""

    commits: list[Cid]
    rare: int


def make(home: LocalHome, work: Path, count: int, branches: int) -> Long:
    """Make a repository of *count* commits; its working copy *work* is empty and on main."""
    repository, _ = Repository.init(
        home, work, profile=None, alias=None, branch="main", now=FIRST_S
    )
    writer = Writer(home, repository.profile)
    main = writer.commit(writer.empty())
    while len(writer.made) < count:
        if len(writer.made) % 20 == 5 and len(writer.made) + 4 < count:
            side = main
            for _ in range(3):
                side = writer.commit(writer.change(side), side)
            # Merged by whole directories: those that the side line changed are its own.
            files = [*side.files]
            main = writer.commit(State(files, [*side.folders], side.rare), main, side)
        else:
            main = writer.commit(writer.change(main), main)
    writer.flush()
    note = Note(str(ADA), "commit: made", FIRST_S)
    assert main.cid is not None
    repository.refs.cas(RefName.branch("main"), None, main.cid, note)
    for at in range(branches):
        target = writer.made[at * (count - 1) // max(branches - 1, 1)]
        repository.refs.cas(RefName.branch(f"topic/{at:04}"), None, target, note)
    repository.copies.move(repository.copy_id, Head(branch="main"), note)
    return Long(writer.made, writer.rare_commits)
