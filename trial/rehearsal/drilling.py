"""A drill of a trial's randomization: the stage that it needs, and the report for the trial master file."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from randomization.drill import CLICKS, Drill, Finding
from randomization.drill_clients import ACTOR
from randomization.selectors import sealed_list, stratum_counts
from trial.accounts.roles import Coordinator
from trial.audit.context import acting
from trial.core.errors import DomainError
from trial.core.pdf import Document
from trial.protocol.reading import Sources, study_from
from trial.protocol.schema import Protocol
from trial.protocol.selectors import active_version, protocol_of
from trial.rehearsal.crowd import copies_of, somebody_waits
from trial.rehearsal.services import set_up

SEED = 1


class NoSuchPart(DomainError):
    def __init__(self) -> None:
        super().__init__("The drill looks for a line [randomization] in the protocol, and finds none.")


@dataclass(frozen=True)
class Drilled:
    """What was tested, on what, and what came out."""

    protocol: Protocol
    sha256: str
    """Of the protocol as it stands, before its lists got another length."""
    list_of_drill: str
    commitment: str
    database: str
    began: datetime
    ended: datetime
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


def drill(
    *,
    sources: Sources,
    clock: Callable[[], datetime],
    say: Callable[[Finding], object],
    clicks: int = CLICKS,
) -> Drilled:
    """Test the randomization of a new trial by this protocol, in the database that is connected to.

    `say` hears each finding as it comes. Leaves everything as the tests have made it.
    """
    began = clock()
    trial, staff = set_up(sources=scratch_copy(sources, places=2 * clicks), password=None, now=began)
    protocol, by = protocol_of(active_version(trial)), staff[Coordinator]
    site = trial.sites.get(key=protocol.sites[0].key)
    with acting(ACTOR):
        first = somebody_waits(trial=trial, site=site, by=by, seed=SEED, now=began)
        findings = []
        drill = Drill(
            trial=trial, crowd=lambda number: copies_of(first, number), by=by, now=began, clicks=clicks
        )
        for finding in drill.run():
            say(finding)
            findings.append(finding)
    sealed = sealed_list(trial)
    return Drilled(
        protocol=protocol,
        sha256=sources.sha256,
        list_of_drill=_described(protocol, sources, sum(count.places for count in stratum_counts(trial))),
        commitment=sealed.commitment if sealed else "",
        database=f"PostgreSQL {'.'.join(map(str, connection.get_database_version()))}",
        began=began,
        ended=clock(),
        findings=tuple(findings),
    )


def scratch_copy(sources: Sources, *, places: int) -> Sources:
    """The same protocol with lists of so many places, soon used up, and a target that fits them.

    In the place of an imported list comes one that is made by its ratio. Raises NoSuchPart.
    """
    plan = study_from(sources).protocol.randomization
    changes: dict[str, str] = {}
    if not plan.is_by_site:
        changes["places_per_stratum"] = str(places)
    if plan.method == "imported_list":
        changes["method"] = '"permuted_blocks"' if plan.block_sizes else '"simple"'
    # Minimization's one list must have room for all; elsewhere the list ends long before the trial is full.
    target = places if plan.method == "minimization" else 10 * places
    head, rest = re.split(r"(?m)^(?=\[)", _changed(sources.protocol, changes), maxsplit=1)
    head = re.sub(r"(?m)^target\s*=.*$", f"target = {target}", head, count=1)
    return replace(sources, protocol=head + rest)


def _changed(text: str, changes: dict[str, str]) -> str:
    """The text with these lines at the start of `[randomization]`, in the place of those that were there."""
    table = re.search(r"^\[randomization\].*?(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    if table is None:
        raise NoSuchPart
    header, *lines = table[0].splitlines(keepends=True)
    kept = [line for line in lines if line.partition("=")[0].strip() not in changes]
    new = [f"{name} = {value}\n" for name, value in changes.items()]
    return "".join([text[: table.start()], header, *new, *kept, text[table.end() :]])


def _described(protocol: Protocol, sources: Sources, places: int) -> str:
    as_planned = study_from(sources).protocol.randomization.method
    made = f"{protocol.randomization.method.replace('_', ' ')}, {places} places in all"
    if as_planned == "imported_list":
        return f"{made}, made by the ratio: the trial's own list is imported"
    return made


def report(drilled: Drilled) -> bytes:
    """The PDF for the trial master file."""
    protocol = drilled.protocol
    name, zone = protocol.names.in_("en"), ZoneInfo(protocol.time_zone)
    document = Document(
        f"Drill of the randomization: {name}",
        language="en",
        foot=f"{protocol.slug} {protocol.version} · drill of {drilled.began.astimezone(zone):%Y-%m-%d %H:%M}",
    )
    document.paragraph(
        "All tests passed."
        if drilled.passed
        else "At least one test failed. Do not randomize before it is mended."
    )
    document.facts(
        [
            ("Trial", f"{name} ({protocol.slug}), {protocol.registration}"),
            ("Protocol", f"version {protocol.version}, SHA-256 {drilled.sha256}"),
            ("Software", f"Tilbake {settings.CODE_VERSION}, {drilled.database}"),
            ("Begun", f"{drilled.began.astimezone(zone):%Y-%m-%d %H:%M:%S} ({protocol.time_zone})"),
            ("Ended", f"{drilled.ended.astimezone(zone):%Y-%m-%d %H:%M:%S}"),
            ("List of the drill", drilled.list_of_drill),
            ("Its commitment", drilled.commitment),
        ]
    )
    document.paragraph(
        "The drill ran with made-up people in a database of its own, which was dropped afterwards. Its "
        "list was made and sealed for the drill alone; the trial's own list was neither opened nor changed."
    )
    document.heading("Tests")
    for number, finding in enumerate(drilled.findings, start=1):
        document.facts(
            [
                (f"{number}. {finding.title}", _verdict(finding)),
                ("Expected", finding.expected),
                ("What happened", finding.happened),
            ]
        )
    document.heading("Signatures")
    for who in ("Carried out by", "Trial statistician"):
        document.space(10)
        document.facts([(f"{who} (name, date, signature)", "")])
    return document.render()


def _verdict(finding: Finding) -> str:
    return f"{'Passed' if finding.passed else 'FAILED'} in {finding.seconds:.1f} s"
