"""The families of errors: who is to blame, and whether trying again may help.

::

    JiaoziError
    ├── Malformed     their bytes break a rule of a format          exit 2
    ├── Misuse        our caller asked for something impossible     exit 2
    ├── NotFound      what was named does not exist here            exit 3
    ├── Conflict      "no": it exists in another state              exit 1
    ├── Refused       we will not, whoever asks                     exit 5
    ├── Unavailable   not now; trying later may help                exit 4
    ├── Corrupt       our own store holds something wrong           exit 6
    └── Locked        another process owns the home                 exit 7

Leaves live beside the code that raises them and carry data before they carry a sentence.
The exit codes are given out in one place, ``cli/output.py`` (design §7).
"""


class JiaoziError(Exception):
    """Base of everything jiaozi raises on purpose; its text is one line for a person."""


class Malformed(JiaoziError):
    """Bytes or text from outside break a rule of their format."""


class LimitExceeded(Malformed):
    """Input is larger than a limit of ``specs/limits.md``; names field, limit and value."""

    def __init__(self, field: str, limit: int, value: int, unit: str = "bytes") -> None:
        super().__init__(f"{field} is {value} {unit}, over the limit of {limit}")
        self.field, self.limit, self.value, self.unit = field, limit, value, unit


class Misuse(JiaoziError):
    """The caller asked for something that can't be: bad option, wrong state of affairs."""


class NotFound(JiaoziError):
    """What was named is not here."""


class Conflict(JiaoziError):
    """A "no": the thing exists, in a state other than the one the caller counted on."""


class Refused(JiaoziError):
    """A rule of ours forbids it, whoever asks."""


class Unavailable(JiaoziError):
    """Not possible at present; the same request may succeed later."""


class Corrupt(JiaoziError):
    """Our own store holds something that is wrong."""


class Locked(JiaoziError):
    """Another process owns the node home."""


class Notice(UserWarning):
    """What a person should know of though nothing failed by it: a cache that was made anew.

    Given to `warnings.warn`; its text is one line, which a terminal shows as it is.
    """
