"""Options that exp commands share."""
from __future__ import annotations

from pipelines.engine.experiments.resolve import Selection
from tracking.engine.hints import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_selection(parser: argparse.ArgumentParser, default: bool = True) -> None:
    """Options that choose experiments by the commit they started from."""
    parser.add_argument("-A", "--all-commits", action="store_true", help="all experiments (instead of --rev and -n)")
    parser.add_argument("--rev", action="append", metavar="COMMIT", help=f"those of this commit{' (default HEAD)' if default else ''}; may be repeated")
    parser.add_argument("-n", "--num", type=int, default=1, metavar="N", help="also those of the N-1 commits before (negative: of all)")


def selection_from(args: argparse.Namespace) -> Selection:
    """What these options choose."""
    return Selection(tuple(args.rev or ()), args.num, commits=args.all_commits)


def joined(words: list[str]) -> str:
    """`a, b and c`"""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
