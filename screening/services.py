"""Everything that is written on the way from visitor to verified participant."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from screening.document import consent_document
from screening.eligibility import eligibility
from screening.errors import (
    AlreadyDecided,
    AlreadyRandomized,
    BaselineNotFinished,
    ConsentMissing,
    DecisionMissing,
    NotEligible,
    NotRecruiting,
    SiteNotOpen,
    TextChanged,
    Unanswered,
)
from screening.models import Attempt, Consent, ConsentTick, ScreenFailure, Verification
from screening.selectors import baseline_locked, coordinator_criteria, verification_of
from trial.accounts.models import User
from trial.messaging.models import Kind, Message
from trial.messaging.services import enqueue, wake_dispatch
from trial.people.errors import AlreadyRegistered, ReasonMissing
from trial.people.identity import normalise_name, vault
from trial.people.models import Participant, Purpose, Site, Status
from trial.people.services import (
    Contact,
    add_status,
    change_phone,
    issue_code,
    lock_participant,
    register_participant,
)
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.schema import BASELINE
from trial.protocol.selectors import active_version, protocol_of, status_of
from trial.protocol.services import refuse_locked
from trial.questionnaires.branching import kept_answers
from trial.questionnaires.selectors import is_submitted

FORGET_AFTER = timedelta(hours=24)
"""Longer than a visitor's session lives, so that nobody's answers vanish under their hands."""
CODE_IS_OF_USE = timedelta(minutes=10)

LOCK = "SELECT * FROM screening_attempt WHERE id = %s FOR UPDATE"


@transaction.atomic
def begin(*, trial: Trial, language: str, now: datetime, site: Site | None = None) -> Attempt:
    """A visitor starts on the eligibility questions. Raises NotRecruiting."""
    _must_recruit(trial)
    return Attempt.objects.create(
        trial=trial, protocol_version=active_version(trial), site=site, language=language, started_at=now
    )


@transaction.atomic
def answer_page(
    *, attempt: Attempt, answers: Mapping[str, Any], asked: Collection[str] | None = None, now: datetime
) -> Attempt:
    """Keep the answers to some questions; what was answered elsewhere stays.

    `asked` names the items that were on the page: those of them without an answer lose the one they had.
    Changing an answer after the decision takes the decision and an unused consent back. Raises AlreadyDecided
    when the visitor is registered or did not fit.
    """
    attempt = _locked(attempt)
    if attempt.participant_id or attempt.outcome not in ("", Attempt.Outcome.ELIGIBLE):
        raise AlreadyDecided
    items = protocol_of(attempt.protocol_version).eligibility.items
    elsewhere = {key: value for key, value in attempt.answers.items() if key not in (asked or answers)}
    kept = kept_answers(items, elsewhere | dict(answers))
    if kept == attempt.answers:
        return attempt
    if attempt.outcome:
        Consent.objects.filter(attempt=attempt).delete()
    return _save(attempt, answers=kept, outcome="", decided_at=None)


@transaction.atomic
def decide(*, attempt: Attempt, now: datetime) -> Attempt:
    """Tell from the answers whether the visitor fits.

    Who does not fit leaves only counted reasons: the answers are deleted here. Raises Unanswered when a
    criterion cannot be told yet.
    """
    attempt = _locked(attempt)
    if attempt.outcome:
        return attempt
    protocol = protocol_of(attempt.protocol_version)
    decision = eligibility(attempt.answers, protocol)
    if decision.undecided:
        raise Unanswered(decision.needed - attempt.answers.keys())
    if decision.eligible:
        return _save(attempt, outcome=Attempt.Outcome.ELIGIBLE, decided_at=now)
    ScreenFailure.objects.bulk_create(
        ScreenFailure(
            attempt=attempt,
            trial=attempt.trial,
            protocol_version=attempt.protocol_version,
            site=attempt.site,
            criterion=criterion.key,
            on=now.astimezone(ZoneInfo(protocol.time_zone)).date(),
        )
        for criterion in decision.failed
    )
    return _save(attempt, outcome=Attempt.Outcome.NOT_ELIGIBLE, decided_at=now, answers={})


@transaction.atomic
def begin_again(*, attempt: Attempt, now: datetime) -> Attempt:
    """The same visitor answers once more, say after a slip. They are still one person assessed, and that they
    began again stays on record."""
    attempt = _locked(attempt)
    if attempt.outcome != Attempt.Outcome.NOT_ELIGIBLE:
        return attempt
    _must_recruit(attempt.trial)
    ScreenFailure.objects.filter(attempt=attempt).delete()
    return _save(
        attempt,
        outcome="",
        decided_at=None,
        started_at=now,
        restarts=attempt.restarts + 1,
        protocol_version=active_version(attempt.trial),
    )


@transaction.atomic
def give_consent(
    *, attempt: Attempt, language: str, shown: str, ticks: Mapping[str, bool], name: str, now: datetime
) -> Consent:
    """Keep that the visitor agreed to the text whose hash is `shown`, and to which parts of it.

    Given again before registration, the later one counts. Raises NotEligible, AlreadyDecided, ConsentMissing
    without a required tick, TextChanged when `shown` is not the text of today.
    """
    attempt = _locked(attempt)
    if attempt.outcome != Attempt.Outcome.ELIGIBLE:
        raise NotEligible
    if attempt.participant_id:
        raise AlreadyDecided
    document = consent_document(protocol_of(attempt.protocol_version), language)
    if document.sha256 != shown:
        raise TextChanged
    if any(tick.required and not ticks.get(tick.key) for tick in document.ticks):
        raise ConsentMissing
    Consent.objects.filter(attempt=attempt).delete()
    consent = Consent(
        attempt=attempt,
        protocol_version=attempt.protocol_version,
        version=document.version,
        language=document.language,
        text_sha256=document.sha256,
        given_at=now,
    )
    vault.seal_into(consent, "name", normalise_name(name))
    consent.save()
    ConsentTick.objects.bulk_create(
        ConsentTick(consent=consent, key=tick.key, given=bool(ticks.get(tick.key))) for tick in document.ticks
    )
    return consent


@dataclass(frozen=True)
class Registration:
    """Who the visitor is in the trial. `new` is False for a person who took part already."""

    participant: Participant
    new: bool


@transaction.atomic
def register(*, attempt: Attempt, site: Site, contact: Contact, now: datetime) -> Registration:
    """Make the visitor a participant: identity, consent and answers in one transaction.

    The name is the one that signed the consent; `contact.name` may be empty. Idempotent: however often it is
    called for one attempt, there is one participant. A person who takes part already stays one participant
    too; the attempt is then emptied, and a second call raises AlreadyDecided. Raises NotEligible,
    ConsentMissing, NotRecruiting, SiteNotOpen, NotReadable.
    """
    attempt = _locked(attempt)
    if attempt.participant is not None:
        return Registration(attempt.participant, new=True)
    if attempt.outcome == Attempt.Outcome.ALREADY_IN:
        raise AlreadyDecided
    if attempt.outcome != Attempt.Outcome.ELIGIBLE:
        raise NotEligible
    consent = Consent.objects.filter(attempt=attempt).first()
    if consent is None:
        raise ConsentMissing
    _must_recruit(attempt.trial)
    if site.trial_id != attempt.trial_id or not site.is_open:
        raise SiteNotOpen
    try:
        participant = register_participant(
            trial=attempt.trial,
            site=site,
            language=consent.language,
            protocol_version=attempt.protocol_version,
            contact=replace(contact, name=vault.open_of(consent, "name")),
            now=now,
        )
    except AlreadyRegistered as known:
        consent.delete()
        _save(attempt, outcome=Attempt.Outcome.ALREADY_IN, decided_at=now, answers={})
        return Registration(known.participant, new=False)
    Consent.objects.filter(pk=consent.pk).update(participant=participant)
    _save(attempt, participant=participant)
    return Registration(participant, new=True)


@transaction.atomic
def send_code(
    *, participant: Participant, purpose: Purpose, language: str, now: datetime, once: str = ""
) -> None:
    """Send a code to the participant's registered phone. Raises TooManyCodes.

    `once` names an occasion for which one code is enough, however often its form is sent.
    """
    lock_participant(participant)
    key = f"code:{once or uuid4()}"
    if Message.objects.filter(participant=participant, key=key).exists():
        return
    code = issue_code(participant=participant, purpose=purpose, now=now)
    queue_code(participant=participant, code=code, language=language, now=now, key=key)


def queue_code(
    *,
    participant: Participant,
    code: str,
    language: str,
    now: datetime,
    key: str = "",
    to: str | None = None,
    addressed: bool = False,
) -> None:
    """Put the SMS with an issued code into the outbox, and wake the sweep; too old, it is not sent any more.

    `to` is a phone other than the registered one. `addressed` puts the study id first, for a shared phone.
    """
    text = protocol_of(participant.protocol_version).messages.code.in_(language).replace("{code}", code)
    enqueue(
        participant=participant,
        protocol_version=participant.protocol_version,
        key=key or f"code:{uuid4()}",
        kind=Kind.CODE,
        body=f"{participant.study_id}: {text}" if addressed else text,
        language=language,
        due_at=now,
        not_after=now + CODE_IS_OF_USE,
        to=to,
    )
    wake_dispatch()


@transaction.atomic
def correct_phone(*, attempt: Attempt, phone: str, now: datetime) -> None:
    """A new participant mistyped the number: change it, as long as no code came back from it.

    For anybody else nothing changes, and the caller shows the same page: a stranger learns nothing.
    """
    attempt = _locked(attempt)
    if attempt.participant is not None and attempt.confirmed_at is None:
        change_phone(participant=attempt.participant, phone=phone, by=None, now=now)


@transaction.atomic
def confirm_phone(*, participant: Participant, now: datetime) -> None:
    """A code that went to the phone came back."""
    Attempt.objects.filter(participant=participant, confirmed_at=None).update(confirmed_at=now)


@transaction.atomic
def submit_baseline(*, participant: Participant, now: datetime) -> None:
    """The first questionnaire is finished and locked. Raises BaselineNotFinished while a part is open."""
    if not is_submitted(participant, BASELINE):
        raise BaselineNotFinished
    add_status(participant=participant, name=Status.BASELINE_COMPLETED, by=None, now=now)


@transaction.atomic
def verify(
    *, participant: Participant, by: User, decisions: Mapping[str, bool], now: datetime, reason: str = ""
) -> Verification:
    """A coordinator's decision on each criterion that a person must check: True where it is no obstacle.

    The participant is verified when all are True, else not eligible. A later decision counts instead of an
    earlier one, and needs a reason; the same decision sent twice is recorded once. Raises
    BaselineNotFinished, DecisionMissing, ReasonMissing, AlreadyRandomized, DataLocked.
    """
    lock_participant(participant)
    refuse_locked(participant.trial)
    if not baseline_locked(participant):
        raise BaselineNotFinished
    criteria = [criterion.key for criterion in coordinator_criteria(participant)]
    if missing := [key for key in criteria if key not in decisions]:
        raise DecisionMissing(missing)
    decided = {key: bool(decisions[key]) for key in criteria}
    eligible = all(decided.values())
    status = Status.VERIFIED if eligible else Status.NOT_ELIGIBLE
    latest = verification_of(participant)
    if latest and (latest.by_id, latest.decisions, latest.reason) == (by.pk, decided, reason.strip()):
        return latest
    if latest and not reason.strip():
        raise ReasonMissing(_("Say why you decide anew."))
    try:
        verification = Verification.objects.create(
            participant=participant,
            at=now,
            by=by,
            eligible=eligible,
            decisions=decided,
            reason=reason.strip(),
        )
    except IntegrityError as refused:  # the database knows of allocations; this room does not
        raise AlreadyRandomized from refused
    add_status(participant=participant, name=status, by=by, now=now, reason=reason)
    return verification


@transaction.atomic
def forget(*, now: datetime) -> int:
    """Delete what nobody needs: answers and signatures of visitors who never registered, and the signature of
    participants who withdrew their data. Returns how many attempts were emptied."""
    abandoned = Attempt.objects.select_for_update(skip_locked=True).filter(
        Q(outcome="") | Q(outcome=Attempt.Outcome.ELIGIBLE),
        participant=None,
        forgotten_at=None,
        started_at__lt=now - FORGET_AFTER,
    )
    ids = list(abandoned.values_list("pk", flat=True))
    Consent.objects.filter(attempt__in=ids).delete()
    Consent.objects.filter(participant__identity__erased_at__isnull=False, name__isnull=False).update(
        name=None
    )
    return Attempt.objects.filter(pk__in=ids).update(answers={}, forgotten_at=now)


def _locked(attempt: Attempt) -> Attempt:
    """The attempt as it stands now, and nobody else changes it until this transaction ends.

    No join: of a row that was waited for, PostgreSQL reads the joined ones as they were before the wait.
    Its trial and its protocol version, which never change, are taken along.
    """
    present = Attempt.objects.raw(LOCK, [attempt.pk])[0]
    present.trial = attempt.trial
    if present.protocol_version_id == attempt.protocol_version_id:
        present.protocol_version = attempt.protocol_version
    return present


def _save(attempt: Attempt, **changes: Any) -> Attempt:
    for field, value in changes.items():
        setattr(attempt, field, value)
    attempt.save(update_fields=list(changes))
    return attempt


def _must_recruit(trial: Trial) -> None:
    if status_of(trial) != TrialStatus.Name.RECRUITING:
        raise NotRecruiting
