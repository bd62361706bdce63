"""A participant's page as one story: what happened, what comes next, what was said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from followup.selectors import ledger, worklist_unclear
from randomization.envelopes import has_envelopes
from randomization.selectors import DeviationFact, allocation_fact, checklist, deviations_of
from randomization.unblindings import rules_of, unblindings_of
from screening.models import Verification
from screening.selectors import (
    Decided,
    consent_of,
    criteria_to_verify,
    decisions_in,
    screening_answers,
    verification_of,
)
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.audit.models import AuditEvent
from trial.audit.selectors import history_of_participant, tells_arm, without_arms, without_cases
from trial.messaging.models import Kind, Message
from trial.messaging.selectors import messages_of
from trial.people import selectors as people
from trial.people.facts import Facts, last_day
from trial.people.models import Participant, Status
from trial.protocol.schema import BASELINE, Item
from trial.protocol.selectors import protocol_of, study_of
from trial.questionnaires.presentation import answer_text
from trial.questionnaires.selectors import answers_of, sent_in

MESSAGES_SHOWN = 12


@dataclass(frozen=True)
class Standing:
    """Where a participant stands, in one word and one tone."""

    label: str | Promise
    tone: str


RANDOMIZED = "randomized"
"""No status row: an allocation tells it, and the arm stays unsaid."""

_STANDINGS = (
    (Status.DIED, Standing(Status.DIED.label, "quiet")),
    (Status.WITHDRAWN_DATA, Standing(Status.WITHDRAWN_DATA.label, "quiet")),
    (Status.WITHDRAWN_CONTACT, Standing(Status.WITHDRAWN_CONTACT.label, "quiet")),
    (Status.COMPLETED, Standing(Status.COMPLETED.label, "good")),
    (Status.STOPPED_CONTACT, Standing(Status.STOPPED_CONTACT.label, "attention")),
    (Status.PAUSED, Standing(Status.PAUSED.label, "attention")),
    (Status.NOT_ELIGIBLE, Standing(Status.NOT_ELIGIBLE.label, "quiet")),
    (Status.WITHDRAWN_INTERVENTION, Standing(Status.WITHDRAWN_INTERVENTION.label, "quiet")),
    (RANDOMIZED, Standing(_("Randomized"), "good")),
    (Status.VERIFIED, Standing(Status.VERIFIED.label, "good")),
    (Status.BASELINE_COMPLETED, Standing(Status.BASELINE_COMPLETED.label, "waiting")),
    (Status.REGISTERED, Standing(Status.REGISTERED.label, "waiting")),
)


def standing(facts: Facts, *, randomized: bool) -> Standing:
    """The weightiest thing that holds."""
    holds = {*facts.since, RANDOMIZED} if randomized else {*facts.since}
    return next(
        (found for status, found in _STANDINGS if status in holds), Standing(_("Registered"), "waiting")
    )


def as_known(facts: Facts, *, may_view_arm: bool) -> Facts:
    """The facts for this reader. Whoever leaves the intervention was given it, so that would tell the arm."""
    if may_view_arm:
        return facts
    return replace(facts, since={k: v for k, v in facts.since.items() if k != Status.WITHDRAWN_INTERVENTION})


@dataclass(frozen=True)
class Event:
    """One line of the journey."""

    at: datetime
    what: str | Promise
    by: User | None = None
    reason: str = ""
    last_day: date | None = None
    """Of a break that ends by itself."""


@dataclass(frozen=True)
class Answered:
    """A question and its answer, in words."""

    question: str
    answer: str


@dataclass
class Sitting:
    """What was answered at one occasion, one questionnaire after another; `at`: when the last was sent in."""

    title: str | Promise
    at: datetime | None
    parts: list[tuple[str | Promise, list[Answered]]]


def story(user: User, participant: Participant, language: str, now: datetime) -> dict[str, Any]:
    """Everything that the page shows, cut to what the user may know. Never an arm."""
    may = {permission.value: user.has_perm(permission, participant.site) for permission in Permission}
    facts = as_known(people.facts(participant, now), may_view_arm=may["view_arm"])
    allocation = allocation_fact(participant)
    deviations = deviations_of(participant) if allocation else []
    conditions = [] if allocation else checklist(participant)
    consent, verification = consent_of(participant), verification_of(participant)
    may_read_answers = may["view_health_answers"] and not facts.data_withdrawn
    return {
        "participant": participant,
        "protocol": protocol_of(participant.protocol_version),
        "may": may,
        "may_read_trail": may_read_trail(user, participant, facts),
        "facts": facts,
        "standing": standing(facts, randomized=allocation is not None),
        "events": _events(participant, facts, allocation, deviations),
        "consent": consent,
        "ticks": _ticks(consent, language) if consent else [],
        "verification": verification,
        "decisions": _decisions(verification, language) if verification and may_read_answers else [],
        "does_not_fit": Status.NOT_ELIGIBLE in facts and allocation is None,
        "to_verify": Status.BASELINE_COMPLETED in facts and not verification and not allocation,
        "criteria": criteria_to_verify(participant),
        "allocation": allocation,
        "deviations": deviations,
        "may_read_deviations": may_read_answers,
        "conditions": conditions,
        "has_envelopes": not allocation and has_envelopes(participant.site),
        "is_blinded": allocation is not None and rules_of(participant.trial) is not None,
        "unblindings": unblindings_of(participant) if allocation else [],
        "ready": bool(conditions) and all(condition.met for condition in conditions),
        "weeks": ledger(participant, now),
        "messages_sent": _messages(participant, may["view_arm"]),
        "calls": participant.calls.select_related("by"),
        "unclear": worklist_unclear(user).filter(participant=participant),
        "answers": _answers(participant, language) if may_read_answers else [],
    }


def _events(
    participant: Participant, known: Facts, allocation: Any, deviations: Iterable[DeviationFact]
) -> list[Event]:
    zone = ZoneInfo(protocol_of(participant.protocol_version).time_zone)
    events = [
        Event(
            row.at,
            row.get_name_display(),
            row.by,
            row.reason,
            last_day(row.until, zone) if row.until else None,
        )
        for row in people.statuses(participant)
        if row.name != Status.WITHDRAWN_INTERVENTION or Status.WITHDRAWN_INTERVENTION in known
    ]
    if allocation:
        events.append(Event(allocation.at, _("Randomized"), allocation.by))
    events += [Event(one.at, _("Protocol deviation"), one.by) for one in deviations]
    return sorted(events, key=lambda event: event.at)


def _ticks(consent: Any, language: str) -> list[tuple[str, bool]]:
    labels = {
        tick.key: tick.label.in_(language) for tick in protocol_of(consent.protocol_version).consent.ticks
    }
    return [(labels.get(tick.key, tick.key), tick.given) for tick in consent.ticks.all()]


def _decisions(verification: Verification, language: str) -> list[tuple[str, Decided]]:
    return [(one.criterion.label.in_(language), one) for one in decisions_in(verification)]


def _messages(participant: Participant, may_view_arm: bool) -> QuerySet[Message]:
    """The latest messages; that some participants are told of advice would tell their arm."""
    messages = messages_of(participant)
    if not may_view_arm:
        messages = messages.exclude(kind=Kind.ADVICE)
    return messages[:MESSAGES_SHOWN]


def _answers(participant: Participant, language: str) -> list[Sitting]:
    """What was answered before randomization, so far; then all that was sent in later, by occasion."""
    sittings = {BASELINE: Sitting(_("Before randomization"), None, _baseline(participant, language))}
    for response in sent_in(participant).exclude(occasion=BASELINE):
        study = study_of(response.protocol_version)
        instrument = study.instruments[response.instrument]
        planned = study.protocol.questionnaire_at(response.occasion)
        title = planned.title.in_(language) if planned else response.occasion
        sitting = sittings.setdefault(response.occasion, Sitting(title, None, []))
        sitting.at = response.submitted_at
        given = {answer.item: answer.value for answer in response.answers.all()}
        sitting.parts.append((instrument.title.in_(language), _in_words(instrument.items, given, language)))
    return list(sittings.values())


def _baseline(participant: Participant, language: str) -> list[tuple[str | Promise, list[Answered]]]:
    """Eligibility answers, then each baseline instrument."""
    study = study_of(participant.protocol_version)
    baseline = answers_of(participant, BASELINE)
    groups: list[tuple[str | Promise, Sequence[Item], Mapping[str, Any]]] = [
        (_("Eligibility questions"), study.protocol.eligibility.items, screening_answers(participant))
    ]
    groups += [
        (instrument.title.in_(language), instrument.items, baseline)
        for instrument in study.instruments_at(BASELINE)
    ]
    return [
        (title, given) for title, items, answers in groups if (given := _in_words(items, answers, language))
    ]


def _in_words(items: Iterable[Item], answers: Mapping[str, Any], language: str) -> list[Answered]:
    return [
        Answered(item.label.in_(language), answer_text(item, answers[item.key], language))
        for item in items
        if item.key in answers
    ]


def trail_of(participant: Participant, user: User) -> QuerySet[AuditEvent]:
    """Everything that was written about the participant, as far as the user may know, the latest first."""
    events = history_of_participant(participant.pk).order_by("-id")
    if not user.has_perm(Permission.VIEW_ARM, participant.site):
        return without_arms(events)
    return events if user.has_perm(Permission.VIEW_AUDIT, participant.site) else without_cases(events)


_PARTS = {
    "people": _("The participant"),
    "screening": _("Consent and criteria"),
    "randomization": _("Randomization"),
    "questionnaires": _("Answers"),
    "followup": _("Follow-up"),
    "messaging": _("Messages"),
}
"""What the trail can be cut to: an app, which writes its own tables. A case is in the whole only."""


def parts_of_trail(participant: Participant, user: User) -> dict[str, str | Promise]:
    """Those that may hold something for the user, in every arm the same."""
    may_view_arm = user.has_perm(Permission.VIEW_ARM, participant.site)
    return {part: name for part, name in _PARTS.items() if may_view_arm or not tells_arm(f"{part}_")}


def may_read_trail(user: User, participant: Participant, facts: Facts) -> bool:
    """Whoever reads the answers reads how they came about; once the data were withdrawn, both are closed to
    all but the trail's own readers."""
    if user.has_perm(Permission.VIEW_AUDIT, participant.site):
        return True
    return user.has_perm(Permission.VIEW_HEALTH_ANSWERS, participant.site) and not facts.data_withdrawn
