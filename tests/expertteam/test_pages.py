import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from expertteam import selectors, services
from expertteam.models import Advice, Meeting, Note, TimeEntry
from tests.factories import NOW, identity_of, make_case, make_expert, make_user
from trial.audit.context import acting
from trial.audit.models import ReadEvent
from trial.people.models import Status
from trial.people.services import add_status

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def browse(client):
    """Logs somebody in and gives their browser."""

    def log_in(user):
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        client.force_login(user)
        return client

    return log_in


def url(name, case, *more):
    return reverse(f"expertteam:{name}", args=[case.participant.study_id, *more])


def text(response):
    return response.content.decode()


def note_form(thread=None, based_on=0, words="Sleeps badly."):
    return {"thread": thread or uuid.uuid4(), "based_on": based_on, "text": words}


def member_pages(case):
    return [url(name, case) for name in ("new_note", "new_advice", "time", "name")]


def test_a_member_finds_the_case_and_everything_in_it(case, alice, browse):
    browser = browse(alice)
    assert case.participant.study_id in text(browser.get(reverse("expertteam:cases")))
    page = text(browser.get(url("case", case)))
    for words in ("Pain", "Write advice", "Write a note", "Plan a meeting", str(alice)):
        assert words in page
    for address in [*member_pages(case), url("team", case), url("plan", case)]:
        assert browser.get(address).status_code == 200
    assert ReadEvent.objects.get(what="case").study_id == case.participant.study_id


def test_no_page_or_address_tells_who_it_is(case, alice, browse):
    browser, known = browse(alice), identity_of(case.participant)
    addresses = [reverse("expertteam:cases"), url("case", case), *member_pages(case), url("team", case)]
    for address in addresses:
        page = text(browser.get(address))
        assert known.name not in page
        assert known.phone.removeprefix("+47") not in page


def test_the_name_is_shown_once_after_a_reason(case, alice, browse):
    browser, known = browse(alice), identity_of(case.participant)
    assert known.name not in text(browser.post(url("name", case), {"reason": ""}))
    answer = browser.post(url("name", case), {"reason": "Video meeting today"})
    assert known.name in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert known.name not in text(browser.get(url("name", case)))
    assert ReadEvent.objects.get(what="case: identity").actor == f"user:{alice.pk}"


@pytest.mark.parametrize("role", ["researcher", "statistician", "monitor", "system_administrator"])
def test_roles_without_cases_are_told_that_there_are_none(tiny, case, role, browse):
    browser = browse(make_user(role, trial=None if role == "system_administrator" else tiny))
    for address in [reverse("expertteam:cases"), url("case", case), *member_pages(case), url("team", case)]:
        assert browser.get(address).status_code == 404
        assert browser.post(address).status_code in (404, 405)


def test_other_teams_are_told_that_there_is_no_such_case(tiny, case, charlie, browse):
    other = make_case(tiny)
    for outsider in (charlie, make_expert(other)):
        browser = browse(outsider)
        assert case.participant.study_id not in text(browser.get(reverse("expertteam:cases")))
        for address in [url("case", case), *member_pages(case), url("team", case), url("plan", case)]:
            assert browser.get(address).status_code == 404
            assert browser.post(address).status_code in (404, 405)


def test_a_stranger_is_asked_to_log_in(case, client):
    for address in [reverse("expertteam:cases"), url("case", case), *member_pages(case)]:
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]


def test_a_coordinator_puts_the_team_together_and_reads_nothing_written(case, alice, coordinator, browse):
    services.sign_note(
        case=case, thread=uuid.uuid4(), based_on=0, text="Secret of the team", by=alice, now=NOW
    )
    browser = browse(coordinator)
    page = text(browser.get(url("case", case)))
    assert "Secret of the team" not in page
    assert "for the team alone" in page
    assert ReadEvent.objects.get(what="case").fields == ["meetings", "team"]
    for address in member_pages(case):
        assert browser.get(address).status_code == 404
    expert = make_user("expert", site=case.participant.site)
    chosen = {"user": expert.pk, "profession": "psychologist", "lead": "on"}
    for _click in range(2):
        assert browser.post(url("team", case), chosen).status_code == 302
    member = case.members.get(user=expert)
    assert member.lead
    assert browser.post(url("leave", case, member.pk)).status_code == 302
    assert not selectors.is_member(expert, case)


def test_a_member_who_does_not_lead_does_not_change_the_team(case, bob, browse):
    browser = browse(bob)
    assert browser.get(url("team", case)).status_code == 404
    assert browser.post(url("leave", case, case.members.get(user=bob).pk)).status_code == 404


def test_a_lead_who_leaves_the_team_comes_back_to_the_list(case, alice, browse):
    answer = browse(alice).post(url("leave", case, case.members.get(user=alice).pk))
    assert answer["Location"] == reverse("expertteam:cases")


def test_a_note_sent_twice_is_one_note(case, alice, browse):
    browser, form = browse(alice), note_form()
    for _ in range(2):
        assert browser.post(url("new_note", case), form).status_code == 302
    assert Note.objects.get().text == "Sleeps badly."
    assert "Signed by" in text(browser.get(url("case", case)))


def test_who_is_overtaken_keeps_what_was_typed_and_can_save_it(case, alice, bob, browse):
    browser, first = browse(alice), note_form()
    browser.post(url("new_note", case), first)
    page = text(browser.get(url("note", case, first["thread"])))
    assert re.search(r'name="based_on" value="1"', page)
    with acting(f"user:{bob.pk}"):
        services.sign_note(
            case=case, thread=first["thread"], based_on=1, text="What Bob wrote", by=bob, now=NOW
        )
    mine = note_form(first["thread"], 1, "What Alice typed")
    answer = browser.post(url("note", case, first["thread"]), mine)
    assert answer.status_code == 200
    page = text(answer)
    assert "A newer version was saved" in page
    assert "What Bob wrote" in page
    assert "What Alice typed" in page
    assert re.search(r'name="based_on" value="2"', page)
    again = mine | {"based_on": 2, "text": "What Bob and Alice wrote"}
    assert browser.post(url("note", case, first["thread"]), again).status_code == 302
    assert Note.objects.count() == 3


def test_a_note_of_another_case_is_not_there(tiny, case, alice, browse):
    other = make_case(tiny)
    stranger = make_expert(other)
    note = services.sign_note(case=other, thread=uuid.uuid4(), based_on=0, text="x", by=stranger, now=NOW)
    assert browse(alice).get(url("note", case, note.thread)).status_code == 404


def test_advice_is_drafted_then_signed(case, alice, browse):
    browser, form = browse(alice), note_form(words="You can walk.\n\n- every day")
    browser.post(url("new_advice", case), form | {"save": ""})
    assert "Draft" in text(browser.get(url("case", case)))
    assert not selectors.advice_for(case.participant)
    answer = browser.post(url("advice", case, form["thread"]), form | {"based_on": 1, "sign": ""})
    assert answer.status_code == 302
    assert Advice.objects.count() == 2
    assert "The participant can read it" in text(browser.get(url("case", case)))


def test_what_is_written_can_hold_no_markup(case, alice, browse):
    browser = browse(alice)
    browser.post(url("new_note", case), note_form(words="<script>alert(1)</script>"))
    assert "<script>alert" not in text(browser.get(url("case", case)))


def meeting_form(**changes):
    return {
        "day": "2026-03-10",
        "at": "14:30",
        "minutes": "45",
        "video_url": "https://video.example/a",
    } | changes


def test_a_meeting_is_planned_in_the_trials_zone(case, alice, browse):
    assert browse(alice).post(url("plan", case), meeting_form()).status_code == 302
    assert Meeting.objects.get().starts_at == datetime(2026, 3, 10, 13, 30, tzinfo=UTC)
    assert "14:30" in text(browse(alice).get(url("case", case)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"video_url": "http://video.example/a"},
        {"video_url": "javascript:alert(1)"},
        {"day": "2026-03-01"},
        {"day": "2026-03-29", "at": "02:30"},
        {"minutes": "0"},
        {"day": "2126-03-10"},
    ],
)
def test_a_meeting_that_cannot_be_is_explained_and_what_was_typed_is_kept(case, alice, browse, wrong):
    answer = browse(alice).post(url("plan", case), meeting_form(**wrong))
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not Meeting.objects.exists()


def test_errors_say_in_plain_words_what_to_write(case, alice, browse):
    page = text(browse(alice).post(url("plan", case), meeting_form(minutes="600", video_url="video 5")))
    assert "between 5 minutes and 8 hours" in page
    assert "must start with https://" in page
    time = {"entry": uuid.uuid4(), "on": "2026-03-02", "minutes": "2000", "activity": "writing"}
    assert "A day has 24 hours" in text(browse(alice).post(url("time", case), time))


def test_a_meeting_of_another_year_says_so(case, alice, browse, time_machine):
    plan = url("plan", case)
    browse(alice).post(plan, meeting_form())
    assert "10 March, 14:30" in text(browse(alice).get(url("case", case)))
    time_machine.move_to(datetime(2027, 1, 4, 12, tzinfo=UTC), tick=False)
    assert "10 March 2026, 14:30" in text(browse(alice).get(url("case", case)))


def test_who_came_is_recorded_after_the_meeting(case, alice, browse, time_machine):
    browser = browse(alice)
    browser.post(url("plan", case), meeting_form())
    meeting = Meeting.objects.get()
    time_machine.move_to(meeting.starts_at + timedelta(hours=1), tick=False)
    browser = browse(alice)
    assert browser.get(url("attendance", case, meeting.pk)).status_code == 200
    answer = browser.post(
        url("attendance", case, meeting.pk), {"users": [alice.pk], "guests": ["participant", "gp"]}
    )
    assert answer.status_code == 302
    assert meeting.attendance.count() == 3
    assert ticked(browser.get(url("attendance", case, meeting.pk))) == {str(alice.pk), "participant", "gp"}


def ticked(response):
    return set(re.findall(r'value="([^"]+)"[^>]* checked', text(response)))


def test_that_nobody_came_is_not_the_same_as_not_recorded(case, alice, browse, time_machine):
    browser = browse(alice)
    browser.post(url("plan", case), meeting_form())
    meeting = Meeting.objects.get()
    time_machine.move_to(meeting.starts_at + timedelta(hours=1), tick=False)
    browser = browse(alice)
    assert "Nobody came." not in text(browser.get(url("case", case)))
    assert ticked(browser.get(url("attendance", case, meeting.pk))) == {str(alice.pk), "participant"}
    assert browser.post(url("attendance", case, meeting.pk), {}).status_code == 302
    assert "Nobody came." in text(browser.get(url("case", case)))
    assert ticked(browser.get(url("attendance", case, meeting.pk))) == set()


def test_a_meeting_is_cancelled(case, alice, browse):
    browser = browse(alice)
    browser.post(url("plan", case), meeting_form())
    assert browser.post(url("cancel", case, Meeting.objects.get().pk)).status_code == 302
    assert "No meeting is planned" in text(browser.get(url("case", case)))


def test_time_is_entered_once_and_taken_back(case, alice, browse):
    browser = browse(alice)
    form = {"entry": uuid.uuid4(), "on": "2026-03-02", "minutes": "30", "activity": "writing"}
    for _ in range(2):
        assert browser.post(url("time", case), form).status_code == 302
    entry = TimeEntry.objects.get()
    assert "30" in text(browser.get(url("case", case)))
    assert browser.post(url("remove_time", case, entry.pk)).status_code == 302
    assert not TimeEntry.objects.exists()
    late = browser.post(url("time", case), form | {"on": "2026-03-03"})
    assert late.context["form"].errors


def test_a_closed_case_is_read_only(case, alice, browse):
    add_status(participant=case.participant, name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    browser = browse(alice)
    page = text(browser.get(url("case", case)))
    assert "can be read, not changed" in page
    assert "Write a note" not in page
    answer = browser.post(url("new_note", case), note_form(words="Too late"))
    assert answer.status_code == 200
    assert "Too late" in text(answer)
    assert not Note.objects.exists()


def test_after_withdrawal_of_data_there_is_no_case(case, alice, browse):
    add_status(participant=case.participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    assert browse(alice).get(url("case", case)).status_code == 404
