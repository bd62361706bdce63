"""`manage.py audit verify | head | seal`: prove that nobody touched the trail.

It lives up here because it compares the chain with the heads that the snapshots of `analysis` hold.
"""

import re
from argparse import ArgumentTypeError
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.selectors import recorded_heads
from trial.audit.chain import number_of, verify
from trial.audit.context import acting
from trial.audit.selectors import head, oldest_unsealed
from trial.audit.services import seal_events
from trial.audit.triggers import gaps
from trial.core.clock import now


def _head(written: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*:[0-9a-f]{64}", written):
        raise ArgumentTypeError(f"{written} is not a head: `manage.py audit head` prints one.")
    return written


def _reach(heads: Iterable[str]) -> str:
    """What the comparison with these heads does not see."""
    newest = max(map(number_of, heads), default=None)
    if newest is None:
        return "whether blocks were cut off its end is not seen."
    return f"nothing up to block {newest} was cut off; whether later blocks were is not seen."


class Command(BaseCommand):
    help = "Verify the audit trail, print the head of its chain, or seal what is not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        verifying = acts.add_parser("verify", help="find the first event or block that was touched")
        verifying.add_argument(
            "--head", metavar="NUMBER:HASH", type=_head, help="a head of this chain, kept elsewhere"
        )
        acts.add_parser("head", help="print NUMBER:HASH of the newest block")
        acts.add_parser("seal", help="seal now instead of at the next minute")

    def handle(self, *args: Any, **options: Any) -> str:
        return str(getattr(self, options["act"])(options))

    def verify(self, options: dict[str, Any]) -> str:
        recorded = recorded_heads()
        heads = {head: name for name, head in recorded.items() if head}
        compared = f"the heads in {len(heads)} of {len(recorded)} snapshots"
        if options["head"]:
            heads[options["head"]] = "--head"
            compared += " and the one given"
        verdict = verify(heads=heads)
        if verdict.problem:
            raise CommandError(f"The audit trail was tampered with: {verdict.problem}.")
        if missing := gaps():
            raise CommandError("The chain is whole, but changes can pass it by:\n" + "\n".join(missing))
        waiting = f"; {verdict.unsealed} wait for the next block" if verdict.unsealed else ""
        since = oldest_unsealed()
        waiting += f", the oldest since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        return (
            f"The trail is whole: {verdict.events} events in {verdict.blocks} blocks{waiting}.\n"
            f"Compared with {compared}: {_reach(heads)} Only a head that was kept elsewhere tells: "
            "--head NUMBER:HASH."
        )

    def head(self, options: dict[str, Any]) -> str:
        return head() or "Nothing is sealed yet."

    def seal(self, options: dict[str, Any]) -> str:
        with acting("system:seal"):
            sealed = seal_events(now=now())
        if not sealed.complete:
            raise CommandError("A long transaction or another sealer is in the way; try again.")
        return f"{sealed.events} events sealed in {sealed.blocks} blocks."
