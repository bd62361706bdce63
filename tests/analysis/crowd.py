"""Many participants at once, straight into the tables: for measuring, where the services' checks are not
the point."""

from datetime import timedelta
from decimal import Decimal

from followup.models import Occasion, Plan, WeeklyAnswer
from tests.factories import NOW
from trial.people.models import Participant, ParticipantStatus, Status
from trial.people.study_id import new_study_id
from trial.protocol.models import Trial
from trial.protocol.schema import BASELINE
from trial.protocol.selectors import active_version
from trial.questionnaires.models import Answer, ResponseSet

WEEK = timedelta(days=7)


def make_crowd(trial: Trial, size: int, *, weeks: int = 52, answered: float = 0.9) -> list[Participant]:
    """`size` participants with a plan of `weeks` weeks, most of them answered, and a baseline
    questionnaire."""
    version, sites = active_version(trial), list(trial.sites.order_by("key"))
    taken = set(Participant.objects.values_list("study_id", flat=True))
    ids: set[str] = set()
    while len(ids) < size:
        ids |= {new_study_id()} - taken
    people = Participant.objects.bulk_create(
        Participant(
            trial=trial,
            site=sites[number % len(sites)],
            study_id=study_id,
            language="nb",
            protocol_version=version,
            registered_at=NOW + timedelta(hours=number),
        )
        for number, study_id in enumerate(sorted(ids))
    )
    ParticipantStatus.objects.bulk_create(
        ParticipantStatus(participant=one, name=Status.REGISTERED, at=one.registered_at) for one in people
    )
    Plan.objects.bulk_create(
        Plan(participant=one, protocol_version=version, starts_on=NOW.date(), made_at=NOW) for one in people
    )
    _weeks(people, weeks, answered)
    _baseline(people)
    return people


def _weeks(people: list[Participant], weeks: int, answered: float) -> None:
    occasions = Occasion.objects.bulk_create(
        (
            Occasion(
                participant=one,
                kind=Occasion.Kind.WEEKLY,
                key=f"w{number:02d}",
                number=number,
                week_start=(NOW + (number - 1) * WEEK).date(),
                opens_at=NOW + number * WEEK,
                closes_at=NOW + (number + 1) * WEEK,
                turned_at=NOW + number * WEEK,
            )
            for one in people
            for number in range(1, weeks + 1)
        ),
        batch_size=5000,
    )
    WeeklyAnswer.objects.bulk_create(
        (
            WeeklyAnswer(
                occasion=occasion,
                days=Decimal(0 if occasion.number > (occasion.participant_id * 7) % 60 else 5),
                source=WeeklyAnswer.Source.WEB,
                at=occasion.opens_at,
            )
            for place, occasion in enumerate(occasions)
            if (place * 37) % 100 < 100 * answered
        ),
        batch_size=5000,
    )


def _baseline(people: list[Participant]) -> None:
    sets = ResponseSet.objects.bulk_create(
        ResponseSet(
            participant=one,
            protocol_version=one.protocol_version,
            instrument="wellbeing",
            occasion=BASELINE,
            language="nb",
            started_at=NOW,
            submitted_at=NOW,
        )
        for one in people
    )
    given = {"calm": "sometimes", "tired": "sometimes", "pain_now": 4}
    Answer.objects.bulk_create(
        Answer(response_set=one, item=item, value=value, answered_at=NOW)
        for one in sets
        for item, value in given.items()
    )
