"""What a command is: said once, rendered by every front end.

A `Command` names its arguments and options with aliases and defaults, the kind of answer it gives,
what it needs, and the handler that gives it. The handler is a synchronous generator over a `Call`;
``cli`` and ``http/rpc`` parse into a `Call` and render what it yields. See design §2.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.network.peers import Connection
    from jiaozi_node.node.home import Home
    from jiaozi_node.unixfs.node import Node
    from jiaozi_node.unixfs.profile import Profile
    from jiaozi_node.worktree.link import Place
    from jiaozi_node.worktree.referred import Refer


class Kind(Enum):
    """The type of an option's value, under Kubo's name for it."""

    BOOL = "bool"
    INT = "int"
    INT64 = "int64"
    UINT = "uint"
    UINT64 = "uint64"
    TEXT = "string"
    TEXTS = "array"  # may be given more than once


class Answer(Enum):
    """What a handler yields: one value, several, or bytes."""

    VALUE = "value"
    VALUES = "values"
    BYTES = "bytes"


class Needs(Enum):
    """What must be open before a handler runs (design §2)."""

    NOTHING = "nothing"
    HOME = "home"  # any process that can reach the home
    NODE = "node"  # the daemon, if one runs


@dataclass(frozen=True, slots=True)
class Option:
    """One option. A *default* of None means: absent unless given.

    With *bare* the value may be left out and is *bare* then; if given, it stands behind ``=``.
    """

    name: str
    kind: Kind
    help: str
    aliases: tuple[str, ...] = ()
    default: Any = None
    bare: str | None = None

    @property
    def key(self) -> str:
        """The name a handler reads it by."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Argument:
    """One positional argument; *file* ones are content, not text; *stdin* may supply it.

    A *dashed* one takes all that stands behind ``--``, and nothing else.
    """

    name: str
    help: str
    required: bool = True
    many: bool = False
    file: bool = False
    stdin: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An option of Kubo's that this version refuses by name, and where it will come from."""

    name: str
    why: str
    aliases: tuple[str, ...] = ()
    takes_value: bool = False


class FileSource(Protocol):
    """The content given to a command: paths on disk, standard input, or an upload."""

    def trees(self, rules: "TreeRules", put: "PutBlocks | None") -> Iterator["Imported | Passed"]:
        """Import every file argument in turn, handing its blocks to *put* as they come.

        Without *put* it only hashes. Of each argument files come first, then its directories,
        children before parents, itself last.
        """
        ...

    def streams(self) -> Iterator[tuple[str, BinaryIO]]:
        """Open every file argument in turn as (name, readable)."""
        ...


class SeesPeers(Protocol):
    """The peers of a daemon; what it raises says who could not be had, and what was tried."""

    def addresses(self) -> list[str]:
        """Return where we listen, each with our peer id."""
        ...

    def connections(self) -> "list[Connection]":
        """Return all connections."""
        ...

    def connect(self, text: str) -> str:
        """Connect to the peer at an address; return its id."""
        ...

    def disconnect(self, text: str) -> str:
        """Close all connections to a peer; return its id."""
        ...

    def ping(self, text: str, count: int) -> Iterator[float]:
        """Yield how many seconds each ping took; -1 for one that was lost."""
        ...


class Reports(Protocol):
    """Is told how work goes on."""

    @property
    def shown(self) -> bool:
        """Whether anybody sees it; if not, the total needn't be found out."""
        ...

    def __call__(self, files: int, size_bytes: int) -> None:
        """Report what was done since the last call."""
        ...

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there will be."""
        ...


PutBlocks = Callable[[Sequence[Any]], None]


@dataclass(frozen=True, slots=True)
class TreeRules:
    """Which files of a tree are imported, and how they are cut and hashed."""

    profile: "Profile"
    recursive: bool = False
    hidden: bool = False
    ignore: tuple[str, ...] = ()
    ignore_file: str | None = None
    empty_directories: bool = True
    follow_arguments: bool = False
    follow_links: bool = False
    stdin_name: str | None = None
    mode: int | None = None
    mtime: tuple[int, int] | None = None
    every_entry: bool = True  # else only the arguments themselves are told of
    progress: bool = False  # tell of bytes that came in, where the source can
    refer: "Refer | None" = None  # leave the leaves of files where they are, and tell of each


class NoPlace(Misuse):
    """What is to be referred to lies in no file, or nobody said in which."""

    def __init__(self) -> None:
        super().__init__("missing file path or URL, can't create filestore reference")


@dataclass(frozen=True, slots=True)
class Imported:
    """One file or directory that came in; *depth* 0 is an argument, *path* "" unnamed input.

    *mode* and *mtime* are what is told of it, which in an upload are those of its argument (Kubo).
    """

    path: str
    node: "Node"
    depth: int
    mode: int | None = None
    mtime: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """So many bytes of the file at *path* have come in."""

    path: str
    size_bytes: int
    mode: int | None = None
    mtime: tuple[int, int] | None = None


class Length(int):
    """Yielded before the bytes of an answer, when their number is known."""


@dataclass(slots=True)
class Call:
    """One request: what was given, and what the front end provides. The clock is an argument."""

    args: Mapping[str, Any]
    options: Mapping[str, Any]
    now: Callable[[], float]
    directory: Callable[[], str]  # where the caller stands; asked only by what needs it
    environ: Mapping[str, str]
    note: Callable[[str], None]
    progress: "Reports"
    files: FileSource | None = None
    home_or_none: "Home | None" = None
    edit_text: Callable[[str], str] | None = None  # opens an editor, where there is a terminal
    peers: "SeesPeers | None" = None  # of a daemon that is online
    wait: Callable[[float], None] = time.sleep  # seconds; raises when nobody waits for the answer
    stop: Callable[[], object] | None = None  # begins to end the daemon, where one is asked
    journal: Any = None  # what the daemon was asked lately: `http.rpc.journal.Journal`
    agent_suffix: str = ""  # what the daemon was told to call itself besides
    rendered_text: bool = False  # the answer goes to a person, not a program
    on_terminal: bool = False  # bytes of an answer would be written to a screen
    explicit: frozenset[str] = field(default_factory=frozenset)  # keys of options really given
    globals: Mapping[str, Any] = field(default_factory=dict)  # options of every command
    place: "Place | None" = None  # the working copy the caller stands in, told by its own process

    @property
    def cwd(self) -> str:
        """The directory in which the caller stands; raises `Unavailable` when it is gone."""
        return self.directory()

    @property
    def home(self) -> "Home":
        """The open home; only for commands that declare they need one."""
        if self.home_or_none is None:
            raise RuntimeError("the command did not declare that it needs a home")
        return self.home_or_none

    def option(self, name: str) -> Any:  # noqa: ANN401 - options are of many types
        """The value of option *name* (its long name), or its default."""
        return self.options[name.replace("-", "_")]


class ClientFault(Misuse):
    """What Kubo blames on its client and not on the command: of code 1, and 400 over HTTP."""


class ExitCode(int):
    """Yielded by a handler to say how the process should exit when nothing was wrong: 1 is "no"."""


def always(_args: Mapping[str, Any], _options: Mapping[str, Any]) -> bool:
    """Say that a command is `Command.apart` whatever it is given."""
    return True


def nowhere() -> str:
    """Be the `Call.directory` of what a daemon does."""
    raise Misuse("what a daemon does stands in no directory")


Handler = Callable[[Call], Iterator[Any]]
Options = Mapping[str, Any]
# Text of one yielded value for a person; None prints nothing.
Render = Callable[[Any, Call], str | None]


@dataclass(frozen=True, slots=True)
class Command:
    """One command; *path* is how it is called, ``("ipfs", "pin", "add")``."""

    path: tuple[str, ...]
    tagline: str
    handler: Handler
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    answer: Answer = Answer.VALUES
    # Of VALUES: with which options there is one value all the same, which clients are told.
    single: Callable[[Mapping[str, Any]], bool] | None = None
    needs: Needs = Needs.HOME
    text: Render | None = None
    help: str = ""
    # An answer of bytes that a terminal user gets as files of his own (get): runs in the caller.
    after: Callable[[Call, Iterator[Any]], Iterator[Any]] | None = None
    # Of an answer of bytes over HTTP; None is text/plain, which no browser renders.
    content_type: str | Callable[[Options], str] | None = None
    # Tells by arguments and options whether it reads the home and nothing else, so that a daemon
    # may do all of it for a process beside it (``cli/telling.py``); None: it never may.
    apart: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] | None = None
    # Goes on until the client leaves: no act, which would keep what is written from collection.
    lasting: bool = False
    secret: bool = False  # its arguments may hold keys or tokens: they are never told of
    # Kubo's command line prints text here whatever `--encoding` says; `--json` is ours.
    text_only: bool = False
    # It reads content that may be elsewhere: in a daemon with peers, blocks that miss are fetched.
    fetches: bool = False

    @property
    def name(self) -> str:
        """The path as typed."""
        return " ".join(self.path)
