import uuid
from datetime import date, timedelta
from importlib import import_module

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from expertteam import selectors, services
from expertteam.errors import (
    CaseClosed,
    MayNotManage,
    MeetingRefused,
    NewerVersion,
    NothingWritten,
    NotOnTeam,
    TimeRefused,
)
from expertteam.models import Advice, Guest, Meeting, Note, TimeEntry
from tests.factories import NOW, make_case, make_expert
from trial.audit.context import acting
from trial.audit.models import ReadEvent
from trial.messaging.models import Kind, Message
from trial.messaging.texts import message_body
from trial.people.errors import ReasonMissing
from trial.people.models import Status
from trial.people.services import add_status

DAY = timedelta(days=1)
TODAY = date(2026, 3, 2)
LINK = "https://video.example/room"


@pytest.fixture
def write(case, alice):
    """Writes as the lead: a new text, or the version after `based_on` of `thread`."""

    def act(service, text, *, thread=None, based_on=0, by=alice, now=NOW, case=case):
        return service(case=case, thread=thread or uuid.uuid4(), based_on=based_on, text=text, by=by, now=now)

    return act


def test_a_correction_is_a_new_version_and_the_old_one_stays(case, alice, bob, write):
    first = write(services.sign_note, "Sleeps badly.")
    second = write(services.sign_note, "Sleeps well.", thread=first.thread, based_on=1, by=bob, now=NOW + DAY)
    thread = selectors.notes_of(case)[0]
    assert [version.text for version in thread.versions] == ["Sleeps badly.", "Sleeps well."]
    assert (second.version, second.author, second.signed_at) == (2, bob, NOW + DAY)
    assert thread.first.author == alice


@pytest.mark.parametrize("change", [{"text": "x"}, None])
@pytest.mark.parametrize(("model", "service"), [(Note, services.sign_note), (Advice, services.save_advice)])
def test_the_database_refuses_to_overwrite_or_delete_a_version(write, model, service, change):
    write(service, "As it was.")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        model.objects.all().update(**change) if change else model.objects.all().delete()


def test_a_double_click_writes_one_note(case, write):
    thread = uuid.uuid4()
    first = write(services.sign_note, "Once.", thread=thread)
    assert write(services.sign_note, " Once.\r\n", thread=thread) == first
    assert len(selectors.notes_of(case)) == 1


def test_the_second_of_two_who_correct_at_once_is_told(bob, write):
    first = write(services.sign_note, "First.")
    write(services.sign_note, "By Alice.", thread=first.thread, based_on=1)
    with pytest.raises(NewerVersion) as overtaken:
        write(services.sign_note, "By Bob.", thread=first.thread, based_on=1, by=bob)
    assert overtaken.value.newest.text == "By Alice."
    assert Note.objects.count() == 2


def test_an_empty_note_is_refused(write):
    with pytest.raises(NothingWritten):
        write(services.sign_note, " \n ")


def test_only_the_team_writes(tiny, charlie, coordinator, write):
    other = make_expert(make_case(tiny))
    for service in (services.sign_note, services.save_advice, services.sign_advice):
        for stranger in (charlie, coordinator, other):
            with pytest.raises(NotOnTeam):
                write(service, "Hello.", by=stranger)


def test_a_draft_is_for_the_team_and_a_signed_advice_for_the_participant(case, write):
    draft = write(services.save_advice, "You can …")
    assert selectors.advice_for(case.participant) == []
    assert selectors.advice_of(case)[0].is_draft
    signed = write(services.sign_advice, "You can walk.", thread=draft.thread, based_on=1)
    assert selectors.advice_for(case.participant) == [signed]
    write(services.save_advice, "You can run.", thread=draft.thread, based_on=2)
    assert selectors.advice_for(case.participant) == [signed]
    better = write(services.sign_advice, "You can run.", thread=draft.thread, based_on=3, now=NOW + DAY)
    assert selectors.advice_for(case.participant) == [better]
    other = write(services.sign_advice, "And rest.", now=NOW + 2 * DAY)
    assert selectors.advice_for(case.participant) == [other, better]
    assert [thread.signed for thread in selectors.advice_of(case)] == [other, better]


def test_signing_tells_the_participant_once(case, write):
    thread = uuid.uuid4()
    for _ in range(2):
        write(services.sign_advice, "You can walk.", thread=thread)
    message = Message.objects.get(participant=case.participant, kind=Kind.ADVICE)
    assert "/me/" in message_body(message)
    assert "walk" not in message_body(message)


def test_nothing_is_written_after_withdrawal_and_all_stays_readable(case, alice, write):
    write(services.sign_note, "Before.")
    signed = write(services.sign_advice, "You can walk.")
    meeting = plan(case, alice)
    add_status(participant=case.participant, name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    for service in (services.sign_note, services.save_advice, services.sign_advice):
        with pytest.raises(CaseClosed):
            write(service, "After.")
    with pytest.raises(CaseClosed):
        plan(case, alice, starts_at=NOW + 2 * DAY)
    with pytest.raises(CaseClosed):
        log(case, alice)
    with pytest.raises(CaseClosed):
        services.record_attendance(meeting=meeting, users=[alice], guests=[], by=alice, now=NOW + DAY)
    assert selectors.notes_of(case)
    assert selectors.coming_meetings_for(case.participant, NOW) == []
    assert selectors.advice_for(case.participant) == [signed]


def plan(case, by, *, starts_at=NOW + DAY, minutes=45, video_url=LINK):
    return services.plan_meeting(
        case=case, starts_at=starts_at, minutes=minutes, video_url=video_url, by=by, now=NOW
    )


def test_the_team_or_the_coordinator_plans_a_meeting_once(case, alice, coordinator, charlie):
    meeting = plan(case, alice)
    assert plan(case, coordinator) == meeting
    with pytest.raises(MeetingRefused):
        plan(case, coordinator, video_url="https://video.example.org/another")
    assert selectors.coming_meetings_for(case.participant, NOW) == [meeting]
    assert selectors.coming_meetings_for(case.participant, NOW + DAY + timedelta(minutes=44)) == [meeting]
    assert selectors.coming_meetings_for(case.participant, NOW + 2 * DAY) == []
    with pytest.raises(MayNotManage):
        plan(case, charlie)


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": NOW},
        {"minutes": 4},
        {"minutes": 481},
        {"video_url": "http://x"},
        {"video_url": "javascript:x"},
        {"starts_at": NOW + timedelta(weeks=7)},
        {"starts_at": NOW + timedelta(days=7000)},
    ],
)
def test_an_impossible_meeting_is_refused(case, alice, wrong):
    with pytest.raises(MeetingRefused):
        plan(case, alice, **wrong)


def test_a_meeting_until_the_end_of_follow_up_can_be_planned(case, alice):
    assert plan(case, alice, starts_at=NOW + timedelta(weeks=5))


def test_a_team_may_still_meet_soon_after_the_follow_up(case, alice):
    over = NOW + timedelta(weeks=60)
    common = {"case": case, "minutes": 45, "video_url": LINK, "by": alice, "now": over}
    assert services.plan_meeting(starts_at=over + timedelta(weeks=3), **common)
    with pytest.raises(MeetingRefused, match="can be planned until"):
        services.plan_meeting(starts_at=over + timedelta(weeks=5), **common)


@pytest.mark.parametrize("minutes", [-44, 0, 44])
def test_two_meetings_of_a_case_do_not_overlap(case, alice, minutes):
    plan(case, alice)
    with pytest.raises(MeetingRefused, match="Another meeting"):
        plan(case, alice, starts_at=NOW + DAY + timedelta(minutes=minutes), video_url=LINK + "/other")


def test_one_meeting_may_begin_when_another_ends(case, alice):
    plan(case, alice)
    assert plan(case, alice, starts_at=NOW + DAY + timedelta(minutes=45))
    assert plan(case, alice, starts_at=NOW + DAY - timedelta(minutes=45))


def test_the_database_refuses_a_link_that_is_not_https(case, alice):
    meeting = plan(case, alice)
    with pytest.raises(IntegrityError, match="link_is_encrypted"), transaction.atomic():
        Meeting.objects.filter(pk=meeting.pk).update(video_url="http://video.example")


def test_a_cancelled_meeting_can_be_planned_again(case, alice, coordinator):
    meeting = plan(case, alice)
    services.cancel_meeting(meeting=meeting, by=coordinator, now=NOW)
    assert selectors.coming_meetings_for(case.participant, NOW) == []
    assert plan(case, alice) != meeting


def test_who_came_is_recorded_and_corrected(case, alice, bob, charlie):
    meeting = plan(case, alice)
    during = NOW + DAY
    came = {"meeting": meeting, "by": alice, "now": during}
    services.record_attendance(users=[alice, bob], guests=[Guest.PARTICIPANT, Guest.GP], **came)
    services.record_attendance(users=[alice], guests=[Guest.PARTICIPANT], **came)
    assert {str(one) for one in meeting.attendance.all()} == {str(alice), str(Guest.PARTICIPANT.label)}
    with pytest.raises(MeetingRefused):
        services.record_attendance(users=[charlie], guests=[], **came)
    with pytest.raises(MeetingRefused):
        services.record_attendance(users=[alice], guests=[], **(came | {"now": NOW}))
    with pytest.raises(MeetingRefused):
        services.cancel_meeting(meeting=meeting, by=alice, now=during)
    with pytest.raises(NotOnTeam):
        services.record_attendance(users=[alice], guests=[], **(came | {"by": charlie}))


def test_attendance_from_before_the_migration_counts_as_recorded(case, alice):
    meeting = plan(case, alice)
    services.record_attendance(meeting=meeting, users=[alice], guests=[], by=alice, now=NOW + DAY)
    empty = plan(case, alice, starts_at=NOW + 2 * DAY)
    Meeting.objects.update(attendance_at=None)
    backfill = import_module("expertteam.migrations.0003_attendance_recorded").BACKFILL
    with acting(""), connection.cursor() as cursor:
        cursor.execute(backfill)
    recorded = dict(Meeting.objects.values_list("pk", "attendance_at"))
    assert recorded == {meeting.pk: NOW + DAY, empty.pk: None}


def log(case, by, *, entry=None, minutes=30, on=TODAY):
    return services.log_time(
        case=case, entry=entry or uuid.uuid4(), on=on, minutes=minutes, activity="meeting", by=by, now=NOW
    )


def test_time_is_entered_once_and_taken_back_by_who_entered_it(case, alice, bob):
    entry = uuid.uuid4()
    assert log(case, alice, entry=entry) == log(case, alice, entry=entry)
    log(case, bob, minutes=10)
    assert selectors.minutes_by_member(case) == [(alice, 30), (bob, 10)]
    with pytest.raises(TimeRefused):
        services.remove_time(entry=TimeEntry.objects.get(pk=entry), by=bob, now=NOW)
    services.remove_time(entry=TimeEntry.objects.get(pk=entry), by=alice, now=NOW)
    assert selectors.minutes_by_member(case) == [(bob, 10)]


@pytest.mark.parametrize(
    "wrong", [{"minutes": 0}, {"minutes": 1441}, {"on": date(2026, 3, 3)}, {"on": date(2026, 3, 1)}]
)
def test_impossible_time_is_refused(case, alice, wrong):
    with pytest.raises(TimeRefused):
        log(case, alice, **wrong)


def test_a_day_has_24_hours_over_all_cases(tiny, case, alice, coordinator):
    other = make_case(tiny, case.participant.site)
    services.assign(case=other, user=alice, profession="adviser", by=coordinator, now=NOW)
    log(case, alice, minutes=1000)
    with pytest.raises(TimeRefused):
        log(other, alice, minutes=441)
    log(other, alice, minutes=440)


def test_the_team_reads_the_name_with_a_reason_that_is_kept(case, alice):
    known = services.read_name(case=case, by=alice, reason="Video meeting today", now=NOW)
    assert known.name
    assert known.phone.startswith("+47")
    assert known.email == ""
    event = ReadEvent.objects.get(what="case: identity")
    assert (event.study_id, event.reason) == (case.participant.study_id, "Video meeting today")


def test_nobody_else_reads_the_name_and_no_reason_is_no_reading(case, alice, charlie, coordinator):
    for stranger in (charlie, coordinator):
        with pytest.raises(NotOnTeam):
            services.read_name(case=case, by=stranger, reason="Curious", now=NOW)
    with pytest.raises(ReasonMissing):
        services.read_name(case=case, by=alice, reason=" ", now=NOW)
    assert not ReadEvent.objects.exists()
