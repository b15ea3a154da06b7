# SPDX-License-Identifier: Apache-2.0
"""The command line: what can be asked, and how errors become exit codes.

- A command's module is imported when it is asked for, so that `--help` costs no decoder, index or report.
- Exit 0 means that the work was done, whatever the verdicts; errors exit with their kind's code (errors.py), wrong
  arguments with 2, an interruption with 130.
- Messages go to stderr, one line each, with the code that the documents explain; results go to stdout.
"""

import argparse
import errno
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from vigie import __version__
from vigie.errors import InvalidInputError, NotAllowedError, NotFoundError, UnavailableError, VigieError

_INTERRUPTED = 130
_SYSTEM_KINDS: dict[int, type[VigieError]] = {
    errno.ENOENT: NotFoundError,
    errno.ENOTDIR: NotFoundError,
    errno.EISDIR: InvalidInputError,
    errno.EACCES: NotAllowedError,
    errno.EPERM: NotAllowedError,
    errno.EROFS: NotAllowedError,
}
_ADVICE: dict[type[VigieError], str] = {
    NotFoundError: "check the spelling of the paths, and that their folders exist",
    InvalidInputError: "name a file, not a folder",
    NotAllowedError: "check the permissions of the paths",
    UnavailableError: "check the free space and the medium, then try again",
}
LANGUAGES = ("en", "fr", "nl", "de")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        if sys.stdout is None:
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
        # JSON is UTF-8 whatever the locale says.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        options = build_parser().parse_args(arguments)
        module, _, name = options.run.partition(":")
        code = getattr(importlib.import_module(f"vigie.cli.{module}"), name)(options)
        sys.stdout.flush()
    except VigieError as error:
        return _say(error.code, str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _say("vigie.interrupted", "interrupted; nothing that was finished is lost", _INTERRUPTED)
        if threading.active_count() > 1:
            # Threads may be at a file for minutes; their confined workers end with this process.
            os._exit(_INTERRUPTED)
        return _INTERRUPTED
    except OSError as error:
        kind = _SYSTEM_KINDS.get(error.errno or 0, UnavailableError)
        reason = error.strerror or type(error).__name__
        return _say("vigie.system", f"the system refuses ({reason}): {_ADVICE[kind]}", kind.exit_code)
    return int(code or 0)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("a path is not empty")
    return Path(text)


def _say(code: str, message: str, exit_code: int) -> int:
    sys.stderr.write(f"vigie: {message} [{code}]\n")
    return exit_code


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="vigie",
        description="Trace known pictures and videos by fingerprint. Only fingerprints are kept, never media.",
        epilog="Example: vigie match --list known.vigie photo.jpg",
    )
    parser.add_argument("--version", action="version", version=f"vigie {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_hash(commands)
    _add_match(commands)
    _add_list(commands)
    _add_scan(commands)
    _add_report(commands)
    _add_unknown(commands)
    _add_demo(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: Commands, name: str, what: str, *, run: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=f"Example: {example}"
    )
    parser.set_defaults(run=run)
    return parser


def _add_hash(commands: Commands) -> None:
    parser = _command(
        commands, "hash", "fingerprint files or folders", run="fingerprint:hash_files", example="vigie hash photo.jpg"
    )
    parser.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="a file, or a folder with all below it")
    _add_output(parser)
    _add_decoding(parser)


def _add_match(commands: Commands) -> None:
    parser = _command(
        commands,
        "match",
        "say of each file whether it is known, near, unknown, gated or unreadable, and why",
        run="fingerprint:match_files",
        example="vigie match --list known.vigie photo.jpg clip.mp4",
    )
    parser.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="a file, or a folder with all below it")
    _add_lists(parser)
    _add_output(parser)
    _add_decoding(parser)


def _add_scan(commands: Commands) -> None:
    parser = _command(
        commands,
        "scan",
        "trace a whole folder tree, archives included; interrupted, the same command goes on where it stood",
        run="scan:scan_folder",
        example="vigie scan exhibit --list known.vigie --out exhibit.result",
    )
    parser.add_argument("folder", type=_path, metavar="FOLDER", help="the folder to scan; it is only read")
    _add_lists(parser)
    parser.add_argument("--out", required=True, type=_path, metavar="RESULT", help="the folder for the result")
    _add_decoding(parser)


def _add_report(commands: Commands) -> None:
    parser = _command(
        commands,
        "report",
        "summarise the result of a scan, as a table or as a page with figures and plots",
        run="scan:report",
        example="vigie report exhibit.result --html report.html --language fr",
    )
    parser.add_argument("result", type=_path, metavar="RESULT", help="the folder that a scan wrote")
    parser.add_argument("--html", type=_path, metavar="FILE", help="write the report as one self-contained page")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="the language of the page (default en)")
    parser.add_argument("--show-names", action="store_true", help="show file names, which are hidden otherwise")
    _add_output(parser)


def _add_unknown(commands: Commands) -> None:
    parser = _command(
        commands,
        "unknown",
        "list what people should look at: near, unknown and unreadable contents, each once, with its copies",
        run="scan:unknown",
        example="vigie unknown exhibit.result --json",
    )
    parser.add_argument("result", type=_path, metavar="RESULT", help="the folder that a scan wrote")
    parser.add_argument("--show-names", action="store_true", help="show file names, which are hidden otherwise")
    _add_output(parser)


def _add_demo(commands: Commands) -> None:
    parser = _command(
        commands,
        "demo",
        "show the main job on a benign sample: make a list, scan a folder, write the report",
        run="demo:demo",
        example="vigie demo --out demonstration",
    )
    parser.add_argument("--out", type=_path, metavar="FOLDER", help="where to put it (default: ./vigie-demo)")


def _add_list(commands: Commands) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "list",
        help="make, change and check lists of what is known",
        description="Make, change and check lists of what is known.",
        epilog="Example: vigie list create known.vigie --name demo --from folder",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_list_create(actions)
    _add_list_change(actions)
    _add_list_questions(actions)
    keygen = _command(
        actions,
        "keygen",
        "make the keys that sign a list and check its signature",
        run="lists:keygen",
        example="vigie list keygen issuer.key issuer.pub",
    )
    keygen.add_argument("private", type=_path, metavar="PRIVATE", help="the signing key to write; keep it secret")
    keygen.add_argument("public", type=_path, metavar="PUBLIC", help="the checking key to write; give it to readers")


def _add_list_create(actions: Commands) -> None:
    parser = _command(
        actions,
        "create",
        "make a list from media, fingerprints or other lists",
        run="lists:create",
        example="vigie list create known.vigie --name demo --from folder --scheme vics-us --label 1 --by 'Unit 5'",
    )
    parser.add_argument("list", type=_path, metavar="LIST", help="the file to write; it must not exist yet")
    parser.add_argument("--name", required=True, help="what the list is called")
    parser.add_argument("--issuer", default="this machine", help="who publishes it (default: this machine)")
    _add_sources(parser)
    parser.add_argument("--valid-until", metavar="DATE", help="refused from this day on, for example 2027-06-30")
    parser.add_argument("--threshold", type=int, metavar="BITS", help="how far a near match may be (0 to 31)")
    parser.add_argument("--min-quality", type=int, metavar="QUALITY", help="below it nothing matches (0 to 100)")
    parser.add_argument("--algorithms", metavar="NAMES", help="which may match, for example sha256,pdq (default: all)")
    parser.add_argument("--no-turns", action="store_true", help="do not match mirrored and rotated copies")
    parser.add_argument("--negative", action="store_true", help="the list names what must never match")
    _add_writing(parser)
    _add_decoding(parser)


def _add_list_change(actions: Commands) -> None:
    add = _command(
        actions,
        "add",
        "add to a list; its version grows by one",
        run="lists:add",
        example="vigie list add known.vigie --from more.csv",
    )
    add.add_argument("list", type=_path, metavar="LIST", help="the list to change")
    _add_sources(add)
    add.add_argument("--valid-until", metavar="DATE", help="the list's new last day, for example 2028-06-30")
    _add_writing(add)
    _add_reading(add)
    _add_decoding(add)
    remove = _command(
        actions,
        "remove",
        "remove depictions from a list; its version grows by one",
        run="lists:remove",
        example="vigie list remove known.vigie --depiction 0a1b…",
    )
    remove.add_argument("list", type=_path, metavar="LIST", help="the list to change")
    remove.add_argument("--depiction", action="append", default=[], metavar="ID", help="the id of a depiction")
    remove.add_argument(
        "--fingerprint", action="append", default=[], metavar="HEX", help="a digest or PDQ value: all that has it goes"
    )
    _add_writing(remove)
    _add_reading(remove)


def _add_list_questions(actions: Commands) -> None:
    show = _command(
        actions, "show", "say what a list holds", run="lists:show", example="vigie list show known.vigie --json"
    )
    show.add_argument("--entries", action="store_true", help="also print every entry, as `export` does")
    verify = _command(
        actions,
        "verify",
        "check every byte, the signature and the index of a list",
        run="lists:verify",
        example="vigie list verify known.vigie --key issuer.pub",
    )
    export = _command(
        actions,
        "export",
        "write the entries of a list as text, without loss",
        run="lists:export",
        example="vigie list export known.vigie --to known.jsonl",
    )
    export.add_argument("--to", type=_path, metavar="FILE", help="the file to write (default: standard output)")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="the form (default jsonl)")
    for parser in (show, verify, export):
        parser.add_argument("list", type=_path, metavar="LIST", help="the list to read")
        _add_reading(parser)
    for parser in (show, verify):
        _add_output(parser)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="sources",
        required=True,
        nargs="+",
        action="extend",
        type=_path,
        metavar="PATH",
        help="media or folders of media, CSV or JSONL of fingerprints, or other lists",
    )
    parser.add_argument("--scheme", help="the classification scheme of what is added, where the source says none")
    parser.add_argument("--label", help="the class in that scheme")
    parser.add_argument("--by", metavar="WHO", help="who asserts it (default: the issuer)")
    parser.add_argument("--skip-bad", action="store_true", help="leave bad lines out, and count them")


def _add_writing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sign", type=_path, metavar="KEY", help="sign the list with this private key")
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="AGE", help="encrypt the file to this age recipient"
    )
    parser.add_argument(
        "--encrypt-with", type=_path, metavar="FILE", help="encrypt it with the passphrase in this file"
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", action="append", default=[], type=_path, metavar="FILE", help="refuse lists not signed by one of these"
    )
    parser.add_argument(
        "--identity", action="append", default=[], type=_path, metavar="FILE", help="an age identity that opens lists"
    )
    parser.add_argument("--passphrase", type=_path, metavar="FILE", help="the passphrase that opens lists, in a file")


def _add_lists(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--list",
        dest="lists",
        required=True,
        action="append",
        type=_path,
        metavar="LIST",
        help="a list of what is known, or a negative list; may be repeated",
    )
    _add_reading(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON lines, also on a terminal")


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, metavar="N", help="files in work at once (default: the processors)")
    parser.add_argument(
        "--unconfined", action="store_true", help="go on where the system cannot confine the decoders; not advised"
    )


if __name__ == "__main__":
    sys.exit(main())
