"""The command line: finds the command, parses, opens the home, renders, exits.

Nothing heavy is imported before the command at hand is known: starting up is a feature (design §6).
"""

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jiaozi_node.cli import arguments, faults, output
from jiaozi_node.cli.entry import INTERRUPTED
from jiaozi_node.cli.memory import reuse_freed
from jiaozi_node.cli.rendering import render
from jiaozi_node.commands import registry
from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Needs
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import JiaoziError, LimitExceeded, Misuse, Notice, Unavailable

if TYPE_CHECKING:
    from jiaozi_node.cli.files import LocalFiles
    from jiaozi_node.cli.progress import Progress
    from jiaozi_node.node.home import Home

MAX_STDIN_ARGUMENT_BYTES = 16 * 1024 * 1024


def main(words: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    kubo = list(words[:1]) == ["ipfs"]
    environ = _environ(kubo)
    words = _spoken(words)
    try:
        path, rest = registry.find(arguments.options_last(words))
        command = registry.load(path)
        if command is None:
            return _group(path, rest)
        parsed = arguments.parse(command, rest, _stdin_reader())
        if parsed.globals.get("help"):
            return _help(command)
        if parsed.globals.get("api") is not None:
            raise Misuse("--api is not for this program; use 'ipfs --api' to reach a daemon")
        if path[-1] == "daemon":
            from jiaozi_node.cli.daemon import run

            return run(parsed.options, environ)
        return _run(command, parsed, environ)
    except JiaoziError as error:
        return _report(error, kubo)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            silence_stdout()
            return 141  # 128 + SIGPIPE: whoever read our output went away
        return _report(faults.of_system(error), kubo)
    except KeyboardInterrupt:
        output.complain(_program(kubo), "interrupted")
        return INTERRUPTED


def _spoken(words: Sequence[str]) -> Sequence[str]:
    """Return the words for what people try first: ``--version``, ``help``, ``help add``."""
    if list(words) == ["--version"]:
        return ["version"]
    if words and words[0] == "help":
        return [*words[1:], "--help"]
    return words


def _present_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise Unavailable("the present directory is gone") from None


def _environ(kubo: bool) -> Mapping[str, str]:
    if not kubo or "IPFS_PATH" not in os.environ:
        return os.environ
    from jiaozi_node.node.home import kubo_environ

    return kubo_environ(os.environ)


def _run(command: Command, parsed: arguments.Parsed, environ: Mapping[str, str]) -> int:
    from jiaozi_node.cli.progress import Progress

    as_json = arguments.as_json(command, parsed.globals)
    quiet = bool(parsed.globals.get("no_progress")) or as_json
    progress = Progress(not quiet and sys.stderr.isatty())
    home = _open_home(command, environ)
    shown = warnings.showwarning
    warnings.showwarning = _noticing(progress)
    try:
        call = Call(
            args=parsed.args,
            options=parsed.options,
            explicit=parsed.explicit,
            now=time.time,
            directory=_present_directory,
            environ=environ,
            note=lambda text: _note(progress, text),
            progress=progress,
            files=_files(command, parsed, progress, environ),
            home_or_none=_reaching(command, parsed, home),
            edit_text=_editor(),
            rendered_text=not as_json,
            on_terminal=sys.stdout.isatty(),
            globals=parsed.globals,
        )
        values = _values(command, call, home)
        if command.after is not None:
            values = command.after(call, values)
        out = output.standard_output()
        if command.answer is Answer.BYTES:
            output.widen_pipe(out)
        code = render(
            command,
            call,
            values,
            out,
            as_json=as_json,
            before_text=progress.finish,
            when_large=reuse_freed,
        )
        out.flush()
        return code
    finally:
        warnings.showwarning = shown
        progress.finish()
        if home is not None:
            home.close()


def _noticing(progress: "Progress") -> Callable[..., None]:
    """Return what shows warnings: a `Notice` as a line, others as Python does."""
    usual = warnings.showwarning

    def show(message: Warning | str, *more: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        if isinstance(message, Notice):
            _note(progress, str(message))
        else:
            usual(message, *more, **named)

    return show


def _values(command: Command, call: Call, home: "Home | None") -> Iterator[Any]:
    """Return what the handler yields, here or, of a command for the node, in its daemon."""
    if command.needs is Needs.NODE:
        from jiaozi_node.node.daemon_home import DaemonHome

        if isinstance(home, DaemonHome):
            from jiaozi_node.cli.far import values

            return values(command, call, home)
    return command.handler(call)


def _reaching(command: Command, parsed: arguments.Parsed, home: "Home | None") -> "Home | None":
    """Return *home*; for what reads content beside a daemon, one whose peers are asked too."""
    fetch = getattr(home, "fetch", None)
    offline = parsed.globals.get("offline") or parsed.globals.get("local")
    if home is None or fetch is None or offline or not command.fetches:
        return home
    from jiaozi_node.node.online import OnlineHome

    return OnlineHome(home, fetch)


def _open_home(command: Command, environ: Mapping[str, str]) -> "Home | None":
    if command.needs is Needs.NOTHING:
        return None
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.opening import open_home

    return open_home(home_path(environ))


def _files(
    command: Command,
    parsed: arguments.Parsed,
    progress: "Progress",
    environ: Mapping[str, str],
) -> "LocalFiles | None":
    named = [argument for argument in command.arguments if argument.file]
    if not named:
        return None
    from jiaozi_node.cli.files import LocalFiles

    given = parsed.args[named[0].name.replace("-", "_")] or ()
    paths = given if isinstance(given, tuple) else (given,)
    from jiaozi_node.node.home import home_path

    return LocalFiles(paths, progress, named[0].name, home_path(environ))


def _stdin_reader() -> Callable[[Argument], list[str]]:
    def lines(argument: Argument) -> list[str]:
        if argument.file:
            return ["-"] if not sys.stdin.isatty() or argument.required else []
        if sys.stdin is None or (sys.stdin.isatty() and not argument.required):
            return []
        if sys.stdin.isatty():
            sys.stderr.write(f"{_program(False)}: Reading from /dev/stdin; send Ctrl-d to stop.\n")
        data = sys.stdin.buffer.read(MAX_STDIN_ARGUMENT_BYTES + 1)
        if len(data) > MAX_STDIN_ARGUMENT_BYTES:
            raise LimitExceeded("arguments on stdin", MAX_STDIN_ARGUMENT_BYTES, len(data))
        found = [line.removesuffix("\r") for line in os.fsdecode(data).split("\n")]
        if not found[-1]:  # behind the last line end; empty lines before it are arguments
            found.pop()
        return found if argument.many else found[:1]

    return lines


def _group(path: tuple[str, ...], rest: Sequence[str]) -> int:
    from jiaozi_node.cli import help as help_

    unknown = [word for word in rest if not word.startswith("-")]
    if unknown:
        raise registry.UnknownCommand(path, unknown[0])
    asked = not rest or any(word in ("-h", "--help") for word in rest)
    if not asked:
        raise Misuse(f'unknown option "{rest[0].lstrip("-")}"')
    output.write_text(output.standard_output(), help_.of_group(path))
    return 0


def _help(command: Command) -> int:
    from jiaozi_node.cli import help as help_

    output.write_text(output.standard_output(), help_.of_command(command))
    return 0


def _report(error: JiaoziError, kubo: bool) -> int:
    if kubo:
        from jiaozi_node.commands.kubo_errors import kubo_message

        output.complain("Error", kubo_message(error))
        for line in getattr(error, "__notes__", ()):
            output.remark(line)
        return 1
    code, text = faults.told(error)
    sys.stderr.buffer.write(text)
    sys.stderr.buffer.flush()
    return code


def _program(kubo: bool) -> str:
    return "Error" if kubo else "jiaozi"


def _note(progress: "Progress", text: str) -> None:
    progress.finish()
    sys.stderr.buffer.write((quoted(text) + "\n").encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.flush()


def _editor() -> Callable[[str], str] | None:
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    from jiaozi_node.cli.editor import edit

    return edit


def silence_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush can't fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
