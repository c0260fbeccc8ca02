"""The command line of the drills."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import compare, discovery, rollback
from .errors import CouldNotRun, Interrupted
from .invocation import Request, execute
from .machine import ROOT
from .progress import Progress
from .verdict import SEVERITY, Verdict

_EPILOG = (
    "exit codes: "
    + ", ".join(f"{int(v)} {v.text}" for v in Verdict)
    + ".\nOf several drills the most severe counts, in this order: "
    + " > ".join(str(int(v)) for v in SEVERITY)
    + "."
)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """argparse's own exit code, 2, would mean "unknown"."""
        self.print_usage(sys.stderr)
        self.exit(int(Verdict.COULD_NOT_RUN), f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="drill", epilog=_EPILOG,
        description="Breaks the service on purpose, and judges how it bears it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--scenarios", type=Path, action="append", default=[], metavar="DIR",
        help="a further folder of drills; may be repeated",
    )  # fmt: skip
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="the drills, and what each proves")
    for verb, text in (("run", "run the drills named"), ("all", "run every drill")):
        sub = verbs.add_parser(verb, help=text, epilog=_EPILOG)
        if verb == "run":
            sub.add_argument("names", nargs="+", metavar="NAME")
        sub.add_argument("--quick", action="store_true", help="the short form")
        sub.add_argument(
            "--keep", type=_count, default=20, metavar="N",
            help="results that are kept (20)",
        )  # fmt: skip
        sub.add_argument(
            "--baseline", type=Path, metavar="DIR",
            help="compare with this result; worse is exit code 4",
        )  # fmt: skip
        sub.add_argument(
            "--results", type=Path, default=ROOT / "results", metavar="DIR"
        )
        sub.add_argument(
            "--repeat", type=_count, default=1, metavar="N",
            help="run each N times, which tells the noise",
        )  # fmt: skip
    both = verbs.add_parser("compare", help="is result B worse than result A?")
    both.add_argument("before", type=Path, metavar="A")
    both.add_argument("after", type=Path, metavar="B")
    both.add_argument("--force", action="store_true", help="different machines too")
    verbs.add_parser("cleanup", help="undo what a killed drill left")
    return parser


def _state() -> Path:
    return Path(os.environ.get("STATUS2_DRILL_STATE", ROOT / "results/.rollback"))


def _list(folders: Sequence[Path]) -> Verdict:
    for drill in discovery.all_drills(folders).values():
        print(f"{drill.name:<16} {drill.title}\n{'':<16} {drill.proves}")
    return Verdict.PASS


def _run(options: argparse.Namespace, folders: Sequence[Path]) -> Verdict:
    known = discovery.all_drills(folders)
    names = options.names if options.verb == "run" else list(known)
    request = Request(
        discovery.chosen(names, known), options.results.resolve(), _state(),
        options.quick, options.keep, options.repeat, options.baseline,
    )  # fmt: skip
    return execute(request, Progress())


def _compare(options: argparse.Namespace) -> Verdict:
    result = compare.compare(
        compare.load(options.before), compare.load(options.after), options.force
    )
    print(compare.as_text(result))
    return result.verdict


def _cleanup() -> Verdict:
    """Undoes all it can; what it cannot stays for the next call."""
    verdict = Verdict.PASS
    for file, entry in rollback.leftovers(_state()):
        failure = rollback.clean_up(file, entry)
        what = f"{entry.drill}: {entry.step or 'its processes'}"
        print(f"{what}: {failure or 'undone'}")
        if failure:
            verdict = Verdict.ROLLBACK_INCOMPLETE
    return verdict


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    folders = [discovery.SCENARIOS, *options.scenarios]
    try:
        match options.verb:
            case "list":
                return int(_list(folders))
            case "compare":
                return int(_compare(options))
            case "cleanup":
                return int(_cleanup())
            case _:
                return int(_run(options, folders))
    except (CouldNotRun, Interrupted) as reason:
        print(f"drill: {reason}", file=sys.stderr)
        return int(Verdict.COULD_NOT_RUN)
