"""What is asked of screening."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Count, Q

from screening.document import Document, consent_document
from screening.eligibility import holds, left_to_a_person
from screening.models import Attempt, Consent, ConsentTick, ScreenFailure, Verification
from trial.core.db import rows
from trial.people.models import Participant, ParticipantStatus, Status
from trial.protocol.expressions import variables
from trial.protocol.models import Trial
from trial.protocol.schema import BASELINE, Criterion, Kind, Score
from trial.protocol.selectors import active_protocol, protocol_of
from trial.questionnaires.selectors import instruments_due, known_answers

TICKED = """
SELECT latest.participant_id
  FROM (SELECT DISTINCT ON (participant_id) participant_id, id
          FROM screening_consent
         WHERE participant_id = ANY(%(participants)s)
         ORDER BY participant_id, given_at DESC) AS latest
  JOIN screening_consenttick AS tick ON tick.consent_id = latest.id
 WHERE tick.key = %(key)s AND tick.given
"""


class Step(StrEnum):
    """Where a visitor stands."""

    QUESTIONS = "questions"
    RESULT = "result"
    CONSENT = "consent"
    CONTACT = "contact"
    CONFIRM = "confirm"


def step_of(attempt: Attempt) -> Step:
    """The next thing to do; before it, everything is done."""
    if attempt.participant_id or attempt.outcome == Attempt.Outcome.ALREADY_IN:
        return Step.CONFIRM
    if attempt.outcome == Attempt.Outcome.NOT_ELIGIBLE:
        return Step.RESULT
    if not attempt.outcome:
        return Step.QUESTIONS
    return Step.CONTACT if Consent.objects.filter(attempt=attempt).exists() else Step.CONSENT


def postal_code_told(attempt: Attempt) -> str:
    """The postal code among the eligibility answers, so that nobody writes it twice; empty where none is."""
    items = protocol_of(attempt.protocol_version).eligibility.items
    codes = (attempt.answers.get(item.key) for item in items if item.kind == Kind.POSTAL_CODE)
    return next((code for code in codes if code), "")


def failed_criteria(attempt: Attempt) -> list[Criterion]:
    """Why the visitor could not take part, in the protocol's order."""
    failed = set(attempt.failures.values_list("criterion", flat=True))
    return [c for c in protocol_of(attempt.protocol_version).eligibility.criteria if c.key in failed]


def consent_of(participant: Participant) -> Consent | None:
    """The consent that counts now: the latest one given."""
    return Consent.objects.filter(participant=participant).last()


def tick(participant: Participant, key: str) -> bool:
    """Whether the participant agreed to this part of the consent."""
    latest = Consent.objects.filter(participant=participant).order_by("-given_at").values("pk")[:1]
    return ConsentTick.objects.filter(consent__in=latest, key=key, given=True).exists()


def ticked(participants: Collection[int], key: str) -> set[int]:
    """The same for many participant ids in one query: those who agreed."""
    return set(rows(int, TICKED, {"participants": list(participants), "key": key}))


def document_of(consent: Consent) -> Document:
    """The text that was agreed to, from the protocol version of that day."""
    return consent_document(protocol_of(consent.protocol_version), consent.language)


def screening_answers(participant: Participant) -> dict[str, Any]:
    """The eligibility answers by item; empty for somebody who was registered on paper."""
    attempt = Attempt.objects.filter(participant=participant).only("answers").first()
    return attempt.answers if attempt else {}


def baseline_locked(participant: Participant) -> bool:
    """Whether the baseline questionnaire is finished; nothing in it changes after that."""
    return ParticipantStatus.objects.filter(participant=participant, name=Status.BASELINE_COMPLETED).exists()


def verification_of(participant: Participant) -> Verification | None:
    """The coordinator's latest word."""
    return Verification.objects.filter(participant=participant).select_related("by").last()


def coordinator_criteria(participant: Participant) -> list[Criterion]:
    """The criteria of the protocol in force that a person must check for this participant."""
    return left_to_a_person(screening_answers(participant), active_protocol(participant.trial))


@dataclass(frozen=True)
class ToVerify:
    """One criterion for the coordinator, and what the answers say about it."""

    criterion: Criterion
    suggestion: bool | None
    """True: it does not stand in the way. None: the answers do not tell."""
    scores: tuple[tuple[Score, float], ...] = ()
    """The scores that the criterion is about, as far as they could be computed."""


def criteria_to_verify(participant: Participant) -> list[ToVerify]:
    """The coordinator's checklist, with what follows from eligibility and baseline answers and scores."""
    known: Mapping[str, Any] = screening_answers(participant) | known_answers(participant)
    scores = [score for instrument in instruments_due(participant, BASELINE) for score in instrument.scores]
    return [
        ToVerify(criterion, holds(criterion, known), _scores_in(criterion, scores, known))
        for criterion in coordinator_criteria(participant)
    ]


def _scores_in(
    criterion: Criterion, scores: Iterable[Score], known: Mapping[str, Any]
) -> tuple[tuple[Score, float], ...]:
    asked = variables(criterion.expression) if criterion.expression else frozenset()
    return tuple(
        (score, known[score.key])
        for score in scores
        if score.key in asked and known.get(score.key) is not None
    )


@dataclass(frozen=True)
class Decided:
    """What was decided about one criterion."""

    criterion: Criterion
    met: bool
    """It does not stand in the way."""

    @property
    def said(self) -> bool:
        """Yes or no, as the form asks it."""
        return self.met == (self.criterion.kind == "inclusion")


def decisions_in(verification: Verification) -> list[Decided]:
    """What was decided, criterion by criterion in the protocol's order, dropped ones included."""
    participant = verification.participant
    then, today = protocol_of(participant.protocol_version), active_protocol(participant.trial)
    named = {criterion.key: criterion for one in (then, today) for criterion in one.eligibility.criteria}
    return [
        Decided(criterion, verification.decisions[key])
        for key, criterion in named.items()
        if key in verification.decisions
    ]


@dataclass(frozen=True)
class ConsortCounts:
    """The trial's flow up to randomization, in people; one person may have several reasons of exclusion."""

    assessed: int
    excluded: int
    excluded_by_reason: dict[str, int]
    declined: int
    """Fitted, but did not go on to consent and registration."""
    underway: int
    """Fitted, and may still go on."""
    consented: int
    baseline_completed: int
    verified: int
    not_eligible_on_check: int


def consort_counts(trial: Trial) -> ConsortCounts:
    """Counts of everybody who was told whether they fit, and what became of them."""
    outcome = Attempt.Outcome
    fitted = Q(outcome=outcome.ELIGIBLE, participant=None)
    attempts = Attempt.objects.filter(trial=trial).aggregate(
        assessed=Count("pk", filter=Q(outcome__in=(outcome.ELIGIBLE, outcome.NOT_ELIGIBLE))),
        excluded=Count("pk", filter=Q(outcome=outcome.NOT_ELIGIBLE)),
        declined=Count("pk", filter=fitted & Q(forgotten_at__isnull=False)),
        underway=Count("pk", filter=fitted & Q(forgotten_at=None)),
    )
    reasons = ScreenFailure.objects.filter(trial=trial).values_list("criterion").annotate(Count("pk"))
    participants = Participant.objects.filter(trial=trial)
    latest = Verification.objects.filter(participant__trial=trial).order_by("participant_id", "-pk")
    eligible = list(latest.distinct("participant_id").values_list("eligible", flat=True))
    return ConsortCounts(
        **attempts,
        excluded_by_reason=dict(reasons.order_by("criterion")),
        consented=participants.filter(consents__isnull=False).distinct().count(),
        baseline_completed=participants.filter(statuses__name=Status.BASELINE_COMPLETED).count(),
        verified=eligible.count(True),
        not_eligible_on_check=eligible.count(False),
    )
