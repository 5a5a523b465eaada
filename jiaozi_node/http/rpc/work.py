"""One command at work on a thread, for one request: what it yields crosses to the loop as bytes.

The thread renders: JSON is encoded beside the loop, not on it. What became of the command stands in
`Work.fault` when the outlet ends; a fault before the first byte can still be a status.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, ExitCode, Length
from jiaozi_node.commands.json_text import line
from jiaozi_node.errors import JiaoziError, Unavailable
from jiaozi_node.http.crossing import Abandoned, Inlet, Outlet
from jiaozi_node.node.acts import acting
from jiaozi_node.node.home import Home

_log = logging.getLogger(__name__)

Prepare = Callable[[Home], Call]


class Work:
    """Runs *command* with the call that *prepare* makes; `run` is for a worker thread."""

    def __init__(
        self,
        command: Command,
        home: Home,
        prepare: Prepare,
        outlet: Outlet,
        inlet: Inlet | None,
        *,
        as_text: bool,
        single: bool = False,
    ) -> None:
        self._single = single
        self._command, self._home, self._prepare = command, home, prepare
        self._outlet, self._inlet, self._as_text = outlet, inlet, as_text
        self.length: int | None = None  # of the bytes to come, where it is known
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Do all of it; never raises."""
        last = b""
        try:
            lasting = self._command.lasting
            with nullcontext(self._home) if lasting else acting(self._home, self._heed) as act:
                call = self._prepare(act)
                for data in self._rendered(call, self._command.handler(call)):
                    if self._single:
                        last += data  # goes out along with the end
                    else:
                        self._outlet.send(data)
        except Abandoned:  # by a client that is gone, or by a daemon that has to end
            self.fault = Unavailable("the node ended before the answer was complete")
        except (JiaoziError, OSError) as fault:
            self.fault = fault
        except Exception as fault:  # noqa: BLE001 - told to the client as an internal error
            _log.exception("%s failed", self._command.name)
            self.fault = fault
        finally:
            if self._inlet is not None:
                self._inlet.close()
            self._outlet.end(last)

    def _heed(self) -> None:
        """End a walk that reads and says nothing, as soon as nobody waits for it."""
        if self._outlet.abandoned:
            raise Abandoned

    def _rendered(self, call: Call, values: Iterator[Any]) -> Iterator[bytes]:
        text = self._command.text if self._as_text else None
        if self._command.answer is not Answer.BYTES and self._as_text and self._command.after:
            values, text = self._command.after(call, values), None
        for value in values:
            if isinstance(value, Length):
                self.length = int(value)
            elif isinstance(value, ExitCode):
                continue
            elif isinstance(value, bytes | bytearray | memoryview):
                yield bytes(value)
            elif text is not None:
                shown = text(value, call)
                if shown is not None:
                    yield shown.encode("utf-8", "surrogateescape")
            else:
                yield line(value)
