"""`participants.csv`: one row for each registered participant."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from analysis.export.scope import Scope
from analysis.export.tables import Cell, Column, Table
from followup.models import Plan
from screening.models import Attempt, Consent, Verification
from trial.people.facts import Facts
from trial.people.models import Participant, Status
from trial.people.selectors import current_facts
from trial.protocol.schema import StratumFactor
from trial.questionnaires.models import Answer

FOLLOWED, RANDOMIZED = "in_follow_up", "randomized"
STATUS: dict[str, str] = {
    Status.DIED: "died",
    Status.WITHDRAWN_CONTACT: "withdrew from contact",
    Status.COMPLETED: "completed the follow-up",
    Status.STOPPED_CONTACT: "stopped messages",
    Status.PAUSED: "paused",
    Status.NOT_ELIGIBLE: "found not eligible by the coordinator",
    FOLLOWED: "in follow-up: week 1 has begun",
    RANDOMIZED: "randomized, week 1 has not begun",
    Status.VERIFIED: "verified as eligible",
    Status.BASELINE_COMPLETED: "baseline completed",
    Status.REGISTERED: "registered",
}
"""What may hold for a participant, the weightiest first, as the office's list of participants has it.

Withdrawal from the intervention has its own column.
"""
PARTICIPANT = Column("participant", "Study id", "text")
SITE_FACTOR = "site"


def participants_table(scope: Scope) -> Table:
    return Table("participants.csv", tuple(_columns(scope)), _rows(scope))


def _columns(scope: Scope) -> Iterator[Column]:
    language, mask = scope.language, scope.mask
    names = {arm.key: arm.name.in_(language) for arm in scope.protocol.arms}
    arms = {label: f"arm {label}" if mask.masked else names[arm] for arm, label in mask.arms.items()}
    never = "not randomized"
    yield PARTICIPANT
    yield Column(
        "site", "Site" + (" (numbers are shuffled in every snapshot)" if mask.hides_sites else ""), "text"
    )
    if mask.pairs:
        yield Column("pair", "Pair of sites that are randomized together", "text", missing="site has no pair")
    yield Column("protocol_version", "Protocol version at registration", "text")
    yield Column("language", "Language chosen by the participant", "text")
    yield Column("registered_on", "Day of registration", "date")
    yield Column("consented_on", "Day of the consent that counts", "date", missing="consent not recorded")
    yield Column("consent_version", "Version of the consent text", "text", missing="consent not recorded")
    for key, label in _ticks(scope).items():
        yield Column(f"consent_{key}", label, "yes_no", missing="not part of the consent that was given")
    yield Column("verified_on", "Day of the coordinator's latest check", "date", missing="not checked yet")
    yield Column("eligible", "Eligible by that check", "yes_no", missing="not checked yet")
    yield Column("randomized_on", "Day of randomization", "date", missing=never)
    yield Column("arm", _arm_label(scope), "code", dict(sorted(arms.items())), missing=never)
    for factor in _factors(scope):
        levels = {level.key: level.name.in_(language) for level in factor.levels}
        label = "Stratum by the participant's answers; the list's was another after a deviation wrong_stratum"
        yield Column(f"stratum_{factor.key}", label, "code", levels, missing="not answered")
    yield Column("follow_up_from", "First day of week 1", "date", missing="no plan of follow-up yet")
    yield Column("status", "What holds at the time of the snapshot", "code", dict(STATUS))
    yield Column("status_on", "Day since when", "date")
    yield Column(
        "withdrew_intervention_on", "Day of withdrawal from the intervention", "date",
        missing="hidden while arms are masked" if mask.masked else "did not withdraw from it",
    )  # fmt: skip


def _arm_label(scope: Scope) -> str:
    return "Arm (letters are shuffled in every snapshot)" if scope.mask.masked else "Arm"


def _ticks(scope: Scope) -> dict[str, str]:
    ticks: dict[str, str] = {}
    for study in scope.studies:
        for tick in study.protocol.consent.ticks:
            ticks.setdefault(tick.key, tick.label.in_(scope.language))
    return ticks


def _factors(scope: Scope) -> list[StratumFactor]:
    return [factor for factor in scope.protocol.randomization.strata if factor.source != SITE_FACTOR]


def _rows(scope: Scope) -> Iterator[list[Cell]]:
    for batch in scope.batches():
        yield from _batch(scope, batch)


def _batch(scope: Scope, batch: list[Participant]) -> Iterator[list[Cell]]:
    consents = {
        consent.participant_id: consent
        for consent in Consent.objects.filter(participant__in=batch)
        .prefetch_related("ticks")
        .order_by("given_at")
    }
    checks = {
        one.participant_id: one for one in Verification.objects.filter(participant__in=batch).order_by("pk")
    }
    starts = dict(Plan.objects.filter(participant__in=batch).values_list("participant", "starts_on"))
    facts = current_facts(batch, scope.now)
    known = _answers(scope, batch)
    for participant in batch:
        pk = participant.pk
        yield [
            participant.study_id,
            *_place(scope, participant),
            participant.protocol_version.version,
            participant.language,
            scope.day(participant.registered_at),
            *_consent(scope, consents.get(pk)),
            *_check(scope, checks.get(pk)),
            scope.day(scope.randomized_at.get(pk)),
            scope.mask.arms.get(scope.arms.get(pk, "")),
            *(factor.level_of(known[pk].get(factor.source)) for factor in _factors(scope)),
            starts.get(pk),
            *_status(scope, facts[pk], scope.day(scope.randomized_at.get(pk)), starts.get(pk)),
        ]


def _place(scope: Scope, participant: Participant) -> list[Cell]:
    site = scope.mask.sites[participant.site.key]
    return [site, scope.mask.pairs.get(participant.site.pair or "")] if scope.mask.pairs else [site]


def _consent(scope: Scope, consent: Consent | None) -> list[Cell]:
    keys = _ticks(scope)
    if consent is None:
        return [None, None, *(None for _ in keys)]
    given = {tick.key: tick.given for tick in consent.ticks.all()}
    return [scope.day(consent.given_at), consent.version, *(given.get(key) for key in keys)]


def _check(scope: Scope, check: Verification | None) -> list[Cell]:
    return [scope.day(check.at), check.eligible] if check else [None, None]


def _status(scope: Scope, facts: Facts, randomized: date | None, starts: date | None) -> list[Cell]:
    since: dict[str, date | None] = {str(name): scope.day(at) for name, at in facts.since.items()}
    if randomized:
        since[RANDOMIZED] = randomized
    if starts and starts <= scope.now.astimezone(scope.zone).date():
        since[FOLLOWED] = starts
    status = next(status for status in STATUS if status in since)
    left = None if scope.mask.masked else facts.since.get(Status.WITHDRAWN_INTERVENTION)
    return [str(status), since[status], scope.day(left)]


def _answers(scope: Scope, batch: list[Participant]) -> Mapping[int, dict[str, Any]]:
    """What the batch answered to the questions that the strata are made of."""
    sources = [factor.source for factor in _factors(scope)]
    known: dict[int, dict[str, Any]] = defaultdict(dict)
    if not sources:
        return known
    baseline = Answer.objects.filter(response_set__participant__in=batch, item__in=sources)
    for participant, item, value in baseline.values_list("response_set__participant", "item", "value"):
        known[participant][item] = value
    for participant, answers in Attempt.objects.filter(participant__in=batch).values_list(
        "participant", "answers"
    ):
        known[participant].update(answers)
    return known
