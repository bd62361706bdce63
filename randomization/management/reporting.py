"""`manage.py randomization report`: what the design in force leads to, as a document."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError
from django.utils.translation import override

from randomization.assessment.document import as_pdf
from randomization.assessment.words import Words
from randomization.design import design_of
from randomization.names import Names
from randomization.services.reports import SEEDS
from trial.core import chance
from trial.core.clock import now
from trial.protocol.models import Trial
from trial.protocol.selectors import active_version, study_of


def add_report(acts: Any) -> None:
    """The subcommand's arguments."""
    report = acts.add_parser("report", help="write what the design of the protocol in force leads to")
    report.add_argument("slug")
    report.add_argument("--participants", type=int, required=True, metavar="N")
    report.add_argument("--out", type=Path, required=True, metavar="FILE.pdf")
    report.add_argument("--seed", type=int, help="of the simulation; a new one if none is given")


def write_report(trial: Trial, *, participants: int, out: Path, seed: int | None, **options: Any) -> str:
    """Says where the document is. Raises DesignRefused and CommandError."""
    from randomization.assessment.report import assess  # SciPy takes most of a second to import

    if participants < 1:
        raise CommandError("A report needs at least one participant.")
    if seed is not None and seed < 0:
        raise CommandError("The seed is 0 or a larger number.")
    study = study_of(active_version(trial))
    seed = chance.below(SEEDS) if seed is None else seed
    design = design_of(study.protocol)
    answer = assess(design, participants=participants, seed=seed)
    language = study.protocol.language
    title = study.protocol.names.in_(language)
    asked_at = now().astimezone(ZoneInfo(study.protocol.time_zone))
    with override(language):
        words = Words([answer], seed, design, Names(study, language).factors_by_key())
        document = as_pdf(words, title=title, asked_at=asked_at, language=language)
    try:
        out.write_bytes(document)
    except OSError as error:
        raise CommandError(f"{out} was not written: {error.strerror}.") from error
    return f"Written: {out}"
