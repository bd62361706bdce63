"""Many people who wait to be randomized, without walking each of them through the public pages."""

from collections.abc import Callable
from datetime import datetime
from itertools import count, islice
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

from django.db import transaction

from screening.models import Attempt, Consent, ConsentTick, Verification
from screening.selectors import coordinator_criteria
from screening.services import verify
from trial.accounts.models import User
from trial.core.models import Model
from trial.people.models import Participant, ParticipantStatus, Site
from trial.people.study_id import new_study_id
from trial.protocol.models import Trial
from trial.protocol.selectors import active_study
from trial.questionnaires.models import Answer, ResponseSet
from trial.rehearsal import identities
from trial.rehearsal.arrival import arrive
from trial.rehearsal.person import person_of

Row = TypeVar("Row", bound=Model)
BATCH = 2000


def somebody_waits(*, trial: Trial, site: Site, by: User, seed: int, now: datetime) -> Participant:
    """One simulated person at the site, through the real services: screened, consented, verified."""
    study = active_study(trial)
    phones = islice(identities.phones(study.protocol.country), seed, None)
    for number, phone in zip(count(seed), phones, strict=False):
        person = person_of(study.protocol, number=number, phone=phone, seed=seed)
        chance = Random(f"{seed}/arrival/{number}")
        participant = arrive(person, trial=trial, study=study, site=site, chance=chance, now=now)
        if participant:
            decisions = {criterion.key: True for criterion in coordinator_criteria(participant)}
            verify(participant=participant, by=by, decisions=decisions, now=now)
            return participant
    raise RuntimeError(f"Nobody of all simulated people fits {trial.slug}.")


@transaction.atomic
def copies_of(participant: Participant, number: int) -> list[Participant]:
    """So many more people with the same history and answers. They have study ids, but no identity."""
    ids: set[str] = set()
    while len(ids) < number:
        ids.add(new_study_id())
    taken = set(Participant.objects.filter(study_id__in=ids).values_list("study_id", flat=True))
    people = [_copy(participant, study_id=study_id) for study_id in sorted(ids - taken)]
    Participant.objects.bulk_create(people, batch_size=BATCH)
    for model in (ParticipantStatus, Verification):
        _copy_rows(model, "participant", {participant.pk: people})
    _copy_rows(Attempt, "participant", {participant.pk: people}, pk=uuid4)
    consents = _copy_rows(Consent, "participant", {participant.pk: people}, pk=uuid4, attempt=None)
    _copy_rows(ConsentTick, "consent", consents)
    sets = _copy_rows(ResponseSet, "participant", {participant.pk: people})
    _copy_rows(Answer, "response_set", sets)
    return people + (copies_of(participant, number - len(people)) if len(people) < number else [])


def _copy_rows(
    model: type[Row],
    owner: str,
    owners: dict[Any, list[Any]],
    pk: Callable[[], Any] = lambda: None,
    **changes: Any,
) -> dict[Any, list[Row]]:
    """Each row of an owner once for each of the owner's copies; what came of which row."""
    made = {
        row.pk: [
            _copy(row, pk=pk(), **{owner: copy}, **changes) for copy in owners[getattr(row, f"{owner}_id")]
        ]
        for row in model._default_manager.filter(**{f"{owner}__in": list(owners)}).order_by("pk")
    }
    model._default_manager.bulk_create(
        (copy for copies in made.values() for copy in copies), batch_size=BATCH
    )
    return made


def _copy(row: Row, *, pk: Any = None, **changes: Any) -> Row:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    copy = type(row)(**(values | {"pk": pk}))
    copy.pk = pk
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy
