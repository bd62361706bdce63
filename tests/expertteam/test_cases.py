import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from expertteam import selectors, services
from expertteam.errors import CaseClosed, MayNotManage, NotAnExpert
from expertteam.models import Case, CaseMember
from expertteam.selectors import Stage
from expertteam.selectors.summary import Words
from expertteam.tasks import open_cases as task
from randomization.selectors import for_case_work
from randomization.services import allocate
from tests.factories import (
    NOW,
    TINY,
    make_case,
    make_expert,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from trial.people.models import Participant, Status
from trial.people.services import add_status, close_site, end_membership
from trial.protocol.selectors import study_of

DAY = timedelta(days=1)


def withdraw(case, status=Status.WITHDRAWN_INTERVENTION):
    add_status(participant=case.participant, name=status, by=None, now=NOW)


def line(user, case, now=NOW):
    return selectors.case_line(user, case, "en", now)


def test_everybody_in_the_teams_arm_gets_one_case_and_nobody_else_does(tiny, coordinator):
    for _ in range(7):
        allocate(participant=make_verified_participant(tiny, by=coordinator), by=coordinator, now=NOW)
    in_arm = set(for_case_work(trial=tiny, arm_key="talk"))
    opened = services.open_cases(now=NOW)
    assert {case.participant for case in Case.objects.all()} == in_arm
    assert 0 < len(in_arm) < Participant.objects.count()
    assert opened == len(in_arm) - 1
    assert services.open_cases(now=NOW) == task() == 0


def test_who_withdrew_before_the_sweep_gets_no_case(tiny):
    coordinator = make_user("coordinator", trial=tiny)
    for _ in range(6):
        participant = make_verified_participant(tiny, by=coordinator)
        allocate(participant=participant, by=coordinator, now=NOW)
        add_status(participant=participant, name=Status.WITHDRAWN_CONTACT, by=None, now=NOW)
    assert services.open_cases(now=NOW) == 0


def test_a_trial_without_teams_has_no_cases(db):
    text = TINY.read_text()
    start, end = text.index("[expert_team]"), text.index("[[outcomes]]")
    trial = make_trial("alone", changes={text[start:end]: ""})
    seal(trial)
    coordinator = make_user("coordinator", trial=trial)
    for _ in range(2):
        allocate(participant=make_verified_participant(trial, by=coordinator), by=coordinator, now=NOW)
    assert services.open_cases(now=NOW) == 0


def test_the_team_sees_the_case_and_other_experts_do_not(tiny, case, alice, bob, charlie, coordinator):
    for user in (alice, bob, coordinator):
        assert selectors.cases_for(user).get() == case
    elsewhere = make_user("coordinator", site=tiny.sites.get(key="south"))
    other_trial = make_user("trial_manager", trial=make_trial("other"))
    for user in (charlie, elsewhere, other_trial, AnonymousUser()):
        assert not selectors.cases_for(user).exists()
    for role in ("researcher", "statistician", "monitor"):
        assert not selectors.cases_for(make_user(role, trial=tiny)).exists()


def test_an_expert_whose_role_ended_no_longer_sees_the_case(case, alice):
    end_membership(membership=alice.memberships.get(), by=None, now=NOW)
    assert not selectors.cases_for(alice).exists()
    assert not services.may_write(case, alice)


def test_who_leaves_the_team_no_longer_sees_the_case(case, alice, bob):
    seat = CaseMember.objects.get(user=bob)
    services.end_assignment(member=seat, by=alice, now=NOW)
    assert not selectors.cases_for(bob).exists()
    services.end_assignment(member=seat, by=alice, now=NOW + DAY)
    assert seat.until == NOW


def test_a_coordinator_or_the_lead_puts_experts_of_the_site_on_the_team(
    case, alice, bob, charlie, coordinator
):
    for by in (coordinator, alice):
        services.assign(case=case, user=charlie, profession="adviser", by=by, now=NOW)
    assert CaseMember.objects.filter(user=charlie).count() == 1
    with pytest.raises(MayNotManage):
        services.assign(case=case, user=charlie, profession="psychologist", by=bob, now=NOW)
    with pytest.raises(MayNotManage):
        services.end_assignment(member=case.members.get(user=charlie), by=bob, now=NOW)


def test_only_experts_of_the_site_and_professions_of_the_protocol_are_on_a_team(
    tiny, case, charlie, coordinator
):
    strangers = (
        coordinator,
        make_user("researcher", trial=tiny),
        make_user("expert", site=tiny.sites.get(key="south")),
    )
    for stranger in strangers:
        with pytest.raises(NotAnExpert):
            services.assign(case=case, user=stranger, profession="adviser", by=coordinator, now=NOW)
        assert stranger not in selectors.candidates(case)
    with pytest.raises(NotAnExpert):
        services.assign(case=case, user=charlie, profession="astrologer", by=coordinator, now=NOW)
    assert charlie in selectors.candidates(case)


def test_a_new_lead_takes_over_from_the_old_one(case, alice, bob, coordinator):
    services.assign(case=case, user=bob, profession="psychologist", lead=True, by=coordinator, now=NOW)
    assert [(seat.user, seat.lead) for seat in selectors.members_of(case)] == [(bob, True), (alice, False)]
    assert not services.may_manage(case, alice)


def test_the_database_refuses_a_member_twice_and_two_leads(case, alice, charlie):
    for user, lead in ((alice, False), (charlie, True)):
        with pytest.raises(IntegrityError), transaction.atomic():
            CaseMember.objects.create(case=case, user=user, profession="adviser", lead=lead, since=NOW)


def test_the_protocol_suggests_professions_by_the_answers(tiny):
    body, mind = make_case(tiny, complaint="pain"), make_case(tiny, complaint="mind")
    suggested = {
        one: {seat.profession.key for seat in selectors.seats(one, "en") if seat.suggested}
        for one in (body, mind)
    }
    assert suggested[mind] == {"psychologist"}
    wanted = [seat.profession.key for seat in selectors.seats(body, "en") if seat.wanted]
    assert "adviser" in wanted
    make_expert(body)
    assert "adviser" not in [seat.profession.key for seat in selectors.seats(body, "en") if seat.wanted]


def test_the_summary_is_what_the_protocol_names_in_words(case):
    complaint, total = selectors.summary(case, "en")
    assert (complaint.label, complaint.value) == ("What troubles you most?", "Pain")
    assert total.value != "–"
    assert total.band in total.bands


def test_the_summary_leaves_out_what_was_not_asked(case):
    study = study_of(case.participant.protocol_version)

    def hours(**known):
        line = Words(study, known, "en").line("hours_a_week")
        return line and line.value

    assert hours(has_employer=False) is None
    assert hours(has_employer=True) == "Not answered"
    assert hours(has_employer=True, hours_a_week=37.5) == "37.5 hours"


def test_a_case_tells_what_it_waits_for(case, coordinator):
    assert line(coordinator, case).stage is Stage.TEAM
    expert = make_expert(case)
    assert line(expert, case).stage is Stage.MEETING
    assert line(expert, case).profession == "NAV adviser"
    services.plan_meeting(
        case=case, starts_at=NOW + DAY, minutes=45, video_url="https://video.example/a", by=expert, now=NOW
    )
    assert line(expert, case).stage is Stage.PLANNED
    assert line(expert, case).next_meeting == NOW + DAY
    later = NOW + 2 * DAY
    assert line(expert, case, later).stage is Stage.ADVICE
    assert line(expert, case, later).next_meeting is None
    services.sign_advice(
        case=case, thread=uuid.uuid4(), based_on=0, text="You can walk.", by=expert, now=later
    )
    assert line(expert, case, later).stage is Stage.DONE


def test_the_list_asks_as_often_for_one_case_as_for_five(tiny, case, coordinator, django_assert_num_queries):
    def count():
        with django_assert_num_queries(8, exact=False) as asked:
            selectors.case_lines(coordinator, "en", NOW)
        return len(asked)

    count()
    before = count()
    for _ in range(4):
        make_expert(make_case(tiny, case.participant.site))
    assert count() == before


@pytest.mark.parametrize("status", [Status.WITHDRAWN_INTERVENTION, Status.WITHDRAWN_CONTACT, Status.DIED])
def test_who_leaves_the_team_or_wants_no_contact_closes_the_case(case, alice, charlie, coordinator, status):
    withdraw(case, status)
    assert line(alice, case).stage is Stage.CLOSED
    with pytest.raises(CaseClosed):
        services.assign(case=case, user=charlie, profession="adviser", by=coordinator, now=NOW)
    assert selectors.cases_for(alice).exists()


def test_withdrawal_of_data_takes_the_case_from_everybody(case, alice, coordinator):
    withdraw(case, Status.WITHDRAWN_DATA)
    for user in (alice, coordinator):
        assert not selectors.cases_for(user).exists()


def test_a_closed_site_keeps_its_cases(case, alice):
    manager = make_user("trial_manager", trial=case.participant.trial)
    close_site(site=case.participant.site, by=manager, now=NOW)
    assert selectors.cases_for(alice).exists()
