# SPDX-License-Identifier: Apache-2.0
"""`vigie-node`: what an operator can ask, and how errors become exit codes.

- COMMANDS lists every command; its module is imported when it is asked for, after the site is set up where it needs it.
- After a restore that was cut off, only what finds out or mends runs: the next restore writes over all else.
- A command's module has `register(groups)`: it adds its parser, with help and one example, and names what to run.
- Exit 0 means that the work was done; errors exit with their kind's code (vigie/errors.py), wrong arguments with 2, an
  interruption with 130.
- Messages go to stderr, one line each, with the code that the documents explain; results go to stdout (output.py).
"""

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

from vigie import __version__
from vigie.errors import (
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
    VigieError,
    WrongStateError,
)
from vigie_node.base import room
from vigie_node.project import environment

Groups: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

MAX_DAYS = 36_500  # a hundred years
_INTERRUPTED = 130
_NO_SUCH_TABLE = "42P01"  # as PostgreSQL says it
_SYSTEM_KINDS: dict[int, tuple[type[VigieError], str]] = {
    errno.ENOENT: (NotFoundError, "check the paths, and that their folders exist"),
    errno.ENOTDIR: (NotFoundError, "check the paths, and that their folders exist"),
    errno.EISDIR: (InvalidInputError, "name a file, not a folder"),
    errno.EACCES: (NotAllowedError, "check the permissions, and who runs the command"),
    errno.EPERM: (NotAllowedError, "check the permissions, and who runs the command"),
    errno.EROFS: (NotAllowedError, "check the permissions, and who runs the command"),
}
_OTHERWISE = (UnavailableError, "check the free space and the medium, then try again")


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives.

    `needs_site`: its module works on the records of the node; `on_half_restored`: also on one of which a restore was
    cut off.
    """

    module: str
    help: str
    needs_site: bool = True
    on_half_restored: bool = False


COMMANDS = {
    "init": Command("init", "make a node's home: folders, secrets, database, first administrator", needs_site=False),
    "up": Command("up", "start every process of the node and keep them running", needs_site=False),
    "demo": Command("demo", "start a node with a benign demonstration catalogue", needs_site=False),
    "serve": Command("serve", "run one process of the node", needs_site=False),
    "migrate": Command("migrate", "bring the database to the state that this version needs"),
    "status": Command("status", "say how the node is", on_half_restored=True),
    "key": Command("keys", "make, end and list the keys of partners"),
    "user": Command("users", "make, enrol and list people, and what they may do"),
    "import": Command("importing", "take a list of what is known into the catalogue"),
    "export": Command("exporting", "write what a list makes matchable to a file"),
    "load": Command("loading", "take the results of a scan in as sightings"),
    "audit": Command("audit", "verify and export the audit", on_half_restored=True),
    "backup": Command("backup", "write a backup of the node"),
    "restore": Command("backup", "make a node from a backup", on_half_restored=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    os.umask(0o077)  # whatever a command writes is for the node's user alone
    try:
        # JSON is UTF-8 whatever the locale says.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        options = build_parser(given).parse_args(given)
        if not COMMANDS[options.command].on_half_restored:
            check_whole(environment.home())
        run: Callable[[argparse.Namespace], int | None] = options.run
        code = run(options)
        sys.stdout.flush()
    except VigieError as error:
        return say(error.code, str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return say("node.interrupted", "interrupted; nothing that was finished is lost", _INTERRUPTED)
    except OSError as error:
        kind, advice = _SYSTEM_KINDS.get(error.errno or 0, _OTHERWISE)
        reason = error.strerror or type(error).__name__
        return say("node.system", f"the system refuses ({reason}): {advice}", kind.exit_code)
    except Exception as error:
        if not _is_of_the_database(error):
            raise
        return _say_of_database(error)
    return int(code or 0)


def _say_of_database(error: Exception) -> int:
    if room.is_out(error):
        code, message = "node.disk-full", "the database has no room left: free some, then run the command again"
    else:
        code = "node.database-unusable"
        message = (
            "the database cannot be opened, has no tables of a node, or does not answer: check VIGIE_HOME, "
            "VIGIE_DATABASE_URL, who runs the command, and the free space; where there is no node yet, run "
            "`vigie-node init`"
        )
    return say(code, message, UnavailableError.exit_code)


def _is_of_the_database(error: Exception) -> bool:
    """Say whether the database is away or was never made a node's; any other error of it is a bug."""
    found = sys.modules.get("django.db.utils")  # not there where the command did without the site
    return found is not None and (
        isinstance(error, found.OperationalError)
        or (isinstance(error, found.ProgrammingError) and getattr(error.__cause__, "sqlstate", "") == _NO_SUCH_TABLE)
    )


def say(code: str, message: str, exit_code: int) -> int:
    """Write one line for a person to stderr and return the exit code."""
    sys.stderr.write(f"vigie-node: {message} [{code}]\n")
    sys.stderr.flush()
    return exit_code


class Help(argparse.HelpFormatter):
    """Help whose example stands on a line of its own, to be copied whole."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        before, example, command = text.partition("Example: ")
        return f"Example:\n  {command}" if example and not before else super()._fill_text(text, width, indent)


def build_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser: every command's line of help, and the whole of the command that was asked for."""
    parser = argparse.ArgumentParser(
        prog="vigie-node",
        formatter_class=Help,
        description="Run a node: its catalogue, its matching service, its analysts' application.",
        epilog="Example: vigie-node init --organisation 'Example hotline' --country FR --email a.keller@example.org",
    )
    parser.add_argument("--version", action="version", version=f"vigie-node {__version__}")
    groups = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((one for one in given if not one.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name == asked:
            if command.needs_site:
                set_up_site()
            importlib.import_module(f"vigie_node.cli.{command.module}").register(groups)
        elif command.module not in {COMMANDS[asked].module if asked in COMMANDS else ""}:
            groups.add_parser(name, help=command.help)
    return parser


def add_command(
    groups: Groups, name: str, what: str, *, run: Callable[[argparse.Namespace], int | None], example: str
) -> argparse.ArgumentParser:
    """Add a command's parser, with its help and one example."""
    parser: argparse.ArgumentParser = groups.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"Example: {example}",
        formatter_class=Help,
    )
    parser.set_defaults(run=run)
    return parser


class HalfRestoredError(WrongStateError):
    """A restore did not come to its end."""

    code = "node.half-restored"


def half_restored(home: Path) -> Path:
    """Return the mark that a restore leaves until it is through."""
    return home / "run" / "restoring"


def check_whole(home: Path) -> None:
    """Refuse to work on a node of which a restore was cut off.

    Raises:  HalfRestoredError.
    """
    if half_restored(home).exists():
        raise HalfRestoredError(
            "a restore was not finished or its audit does not verify: run `vigie-node restore` again"
        )


def set_up_site() -> None:
    """Load the site's settings and records, as the operator's command line.

    Raises:  BrokenSettingsError.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigie_node.project.settings")
    os.environ.setdefault("VIGIE_FACE", "command")
    import django  # noqa: PLC0415 - `--help` and `init` do without the site

    with settings_being_read():
        django.setup()


class BrokenSettingsError(InvalidInputError):
    """The environment holds a setting that cannot be."""

    code = "node.broken-settings"


@contextlib.contextmanager
def settings_being_read() -> Iterator[None]:
    """Say of a setting that cannot be read that it cannot be.

    Raises:  BrokenSettingsError.
    """
    try:
        yield
    except ValueError as error:
        raise BrokenSettingsError(f"a setting has an impossible value: {error}") from error


def path(text: str) -> Path:
    """Read a path given as an argument."""
    if not text:
        raise argparse.ArgumentTypeError("a path is not empty")
    return Path(text)


def day(text: str) -> date:
    """Read a day given as an argument."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("write a day as 2027-06-30") from error


def days(text: str) -> int:
    """Read a number of days given as an argument."""
    if not (text.isdecimal() and len(text) <= 5 and int(text) <= MAX_DAYS):
        raise argparse.ArgumentTypeError(f"a number of days is 0 to {MAX_DAYS}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
