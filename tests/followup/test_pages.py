"""The pages of coordinators and the short address of questionnaires."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from followup.models import Call, Occasion, ReplyResolution, UnclearReply
from tests.factories import make_user
from tests.followup.conftest import OSLO, oslo
from trial.people.access import SESSION_KEY
from trial.questionnaires.models import ResponseSet

MONDAY = oslo(2026, 3, 16, 10, 0)
QUESTIONNAIRE_OPENS = oslo(2026, 3, 24, 10, 0)


@pytest.fixture
def client(client):
    """A browser that speaks English."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def alice(world, client):
    """The coordinator, logged in."""
    client.force_login(world.coordinator)
    return client


@pytest.fixture
def charlie(client, db):
    """Somebody on the staff of another trial."""
    from tests.factories import make_trial

    other = make_trial("other")
    client.force_login(make_user("coordinator", trial=other))
    return client


@pytest.fixture
def unclear(world, anna):
    world.ask(anna)
    world.hear(anna, "3-4, mest 4")
    return UnclearReply.objects.get()


def reply_page(reply):
    return reverse("admin:followup_unclearreply_change", args=[reply.pk])


REPLIES = "admin:followup_unclearreply_changelist"


def test_the_worklist_shows_that_a_reply_waits_but_not_its_text(alice, unclear, anna):
    page = alice.get(reverse(REPLIES)).content.decode()
    assert anna.study_id in page
    assert "more than one number" in page
    assert "mest" not in page


def test_a_coordinator_reads_a_reply_and_decides(alice, world, unclear, anna):
    page = alice.get(reply_page(unclear))
    assert "3-4, mest 4" in page.content.decode()
    posted = {"outcome": "days", "occasion": unclear.occasion_id, "days": "4", "reason": "Mostly four"}
    assert alice.post(reply_page(unclear), posted).url == reverse(REPLIES)
    assert world.days(anna, 1) == 4


def test_the_participants_page_and_an_open_reply_lead_to_each_other(alice, unclear, anna):
    participant = reverse("admin:people_participant_change", args=[anna.pk])
    assert reply_page(unclear) in alice.get(participant).content.decode()
    page = alice.get(reply_page(unclear)).content.decode()
    assert participant in page
    assert "9.3." in page, "the question that was asked"
    alice.post(reply_page(unclear), {"outcome": "no_answer", "reason": "A question"})
    assert reply_page(unclear) not in alice.get(participant).content.decode()


def test_reading_a_reply_is_recorded(alice, unclear, anna):
    from trial.audit.models import ReadEvent

    alice.get(reply_page(unclear))
    assert ReadEvent.objects.filter(study_id=anna.study_id, what="incoming message").exists()


@pytest.mark.parametrize(
    "amiss",
    [{"outcome": ""}, {"days": ""}, {"days": "9"}, {"days": "x"}, {"occasion": ""}, {"reason": ""}],
)
def test_what_is_amiss_is_said_and_nothing_is_decided(alice, unclear, amiss):
    posted = {"outcome": "days", "occasion": unclear.occasion_id, "days": "4", "reason": "Mostly four"}
    page = alice.post(reply_page(unclear), posted | amiss)
    assert page.status_code == 200
    assert page.context["form"].errors
    assert not ReplyResolution.objects.exists()


def test_a_reply_that_is_decided_shows_the_list(alice, unclear):
    posted = {"outcome": "no_answer", "reason": "A question"}
    alice.post(reply_page(unclear), posted)
    assert alice.post(reply_page(unclear), posted).url == reverse(REPLIES)
    assert ReplyResolution.objects.count() == 1


def test_the_staff_of_another_trial_see_none_of_it(charlie, unclear, anna):
    assert anna.study_id not in charlie.get(reverse(REPLIES)).content.decode()
    assert charlie.get(reply_page(unclear)).status_code == 404
    for page in ("followup_call_record", "followup_weeks"):
        assert charlie.get(reverse(f"admin:{page}", args=[anna.pk])).status_code == 404
    assert charlie.get(reverse("admin:followup_correct", args=[anna.pk, 1])).status_code == 404


def test_the_public_is_sent_to_log_in(client, unclear, anna):
    for address in (reverse(REPLIES), reply_page(unclear), reverse("admin:followup_call_worklist")):
        assert client.get(address).url.startswith("/office/login/")


def test_a_coordinator_calls_the_silent_and_records_what_was_said(alice, world, anna):
    for week in (1, 2, 3):
        world.ask(anna, week)
    with time_machine.travel(world.week(anna, 3).closes_at + timedelta(hours=1), tick=False):
        assert anna.study_id in alice.get(reverse("admin:followup_call_worklist")).content.decode()
        page = reverse("admin:followup_call_record", args=[anna.pk])
        assert "Days in week 3" in alice.get(page).content.decode()
        posted = {"outcome": "answered", "week_3": "2,5", "week_2": "", "note": "Back on Monday"}
        for _click in range(2):
            assert alice.post(page, posted).status_code == 302
        assert anna.study_id not in alice.get(reverse("admin:followup_call_worklist")).content.decode()
    assert Call.objects.get().note == "Back on Monday"
    assert world.days(anna, 3) == 2.5


def test_an_sms_that_comes_while_they_talk_is_named_and_not_overwritten(alice, world, anna):
    world.ask(anna)
    with time_machine.travel(MONDAY + timedelta(hours=1), tick=False):
        page = reverse("admin:followup_call_record", args=[anna.pk])
        assert "week_1" in alice.get(page).context["form"].fields
        world.hear(anna, "3")
        assert "week_1" not in alice.get(page).context["form"].fields
        said = {"outcome": "answered", "week_1": "5", "note": "Back soon"}
        refused = alice.post(page, said).content.decode()
    assert "Week 1 has an answer already" in refused
    assert 'value="5"' in refused
    assert "Back soon" in refused
    assert world.days(anna, 1) == 3
    assert not Call.objects.exists()


def test_after_an_error_the_call_asks_about_the_same_weeks_as_before(alice, world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    world.ask(anna, 2)
    with time_machine.travel(world.now + timedelta(hours=1), tick=False):
        page = reverse("admin:followup_call_record", args=[anna.pk])
        asked = list(alice.get(page).context["form"].weeks)
        assert list(alice.post(page, {"outcome": "answered"}).context["form"].weeks) == asked == ["week_2"]


@pytest.mark.parametrize("outcome", ["not_reached", "wrong_number", "talked"])
def test_a_call_that_brought_no_answer_has_no_days(alice, world, anna, outcome):
    with time_machine.travel(MONDAY, tick=False):
        page = reverse("admin:followup_call_record", args=[anna.pk])
        refused = alice.post(page, {"outcome": outcome, "week_1": "5", "note": "At noon"}).content.decode()
    assert "You wrote days" in refused
    assert 'value="5"' in refused
    assert "At noon" in refused
    assert not Call.objects.exists()


def test_a_reply_that_is_no_answer_has_no_days(alice, unclear):
    posted = {"outcome": "no_answer", "occasion": unclear.occasion_id, "days": "4", "reason": "A question"}
    refused = alice.post(reply_page(unclear), posted).content.decode()
    assert "You wrote days" in refused
    assert 'value="4"' in refused
    assert "A question" in refused
    assert not ReplyResolution.objects.exists()


def test_a_call_with_answers_needs_a_number(alice, anna):
    with time_machine.travel(MONDAY, tick=False):
        page = alice.post(reverse("admin:followup_call_record", args=[anna.pk]), {"outcome": "answered"})
    assert page.context["form"].errors
    assert not Call.objects.exists()


def test_the_weeks_of_a_participant_are_shown_and_corrected(alice, world, anna):
    world.ask(anna)
    world.hear(anna, "3")
    weeks = reverse("admin:followup_weeks", args=[anna.pk])
    correct = reverse("admin:followup_correct", args=[anna.pk, 1])
    with time_machine.travel(world.now, tick=False):
        assert correct in alice.get(weeks).content.decode()
        assert alice.get(correct).status_code == 200
        assert alice.post(correct, {"days": "5", "reason": "Misread"}).url == weeks
        assert "corrected" in alice.get(weeks).content.decode()
    assert world.days(anna, 1) == 5


def test_a_week_without_an_answer_has_nothing_to_correct(alice, anna):
    address = reverse("admin:followup_correct", args=[anna.pk, 1])
    assert alice.get(address).url == reverse("admin:followup_weeks", args=[anna.pk])


def test_the_strip_says_each_week_in_words(alice, world, anna):
    world.ask(anna)
    world.hear(anna, "1")
    with time_machine.travel(world.now, tick=False):
        page = alice.get(reverse("admin:followup_weeks", args=[anna.pk])).content.decode()
    assert "Week 1, 9 March–15 March: 1 day<" in " ".join(page.split()).replace(" <", "<")
    assert 'title="Week 1, 9 March–15 March: 1 day"' in page
    assert "The question has not come yet" in page
    assert "style=" not in page


# --- questionnaires by code ---


@pytest.fixture
def code(world, anna):
    world.sweep(QUESTIONNAIRE_OPENS)
    return world.messages(anna)["week2:ask"].split()[-1].rstrip(".")


@pytest.fixture
def on_the_day():
    with time_machine.travel(QUESTIONNAIRE_OPENS + timedelta(hours=1), tick=False):
        yield


def test_who_stops_for_now_reads_until_which_hour_the_code_is_good(client, code, on_the_day, anna):
    client.post("/q/", {"code": code})
    closes = Occasion.objects.get(participant=anna, key="week2").closes_at.astimezone(OSLO)
    until = f"{closes.day} {closes:%B %Y, %H:%M}"
    assert f"opens the questionnaire until {until}" in client.get("/q/later/").content.decode()


def test_the_code_of_the_sms_opens_the_questionnaire(client, code, on_the_day, anna):
    assert client.post("/q/", {"code": code.lower()}).url == reverse("followup:questionnaire")
    page = client.get(reverse("followup:questionnaire"))
    assert page.status_code == 200
    assert SESSION_KEY not in client.session  # the own page stays shut


def test_a_wrong_code_opens_nothing_and_says_so_kindly(client, code, on_the_day):
    page = client.post("/q/", {"code": "ABC-DEF-GHJ"})
    assert "The code is not right" in page.content.decode()
    assert client.get(reverse("followup:questionnaire")).url == reverse("followup:enter")


def test_guessing_codes_is_slowed_down(client, code, on_the_day):
    for _ in range(20):
        client.post("/q/", {"code": "ABC-DEF-GHJ"})
    assert "many tries" in client.post("/q/", {"code": code}).content.decode()


def test_many_who_share_an_address_come_in_with_right_codes(client, code, on_the_day):
    for _ in range(25):
        assert client.post("/q/", {"code": code}).status_code == 302


def test_somebody_who_guesses_shuts_nobody_else_out_behind_the_proxy(client, code, on_the_day, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for _ in range(20):
        client.post("/q/", {"code": "ABC-DEF-GHJ"}, HTTP_X_FORWARDED_FOR="203.0.113.7")
    assert client.post("/q/", {"code": code}, HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 302


def test_a_code_is_worth_nothing_when_the_questionnaire_has_closed(client, code):
    with time_machine.travel(QUESTIONNAIRE_OPENS + timedelta(days=10), tick=False):
        assert "too old" in client.post("/q/", {"code": code}).content.decode()


def test_a_questionnaire_that_closes_while_open_ends_kindly(client, code, anna):
    with time_machine.travel(QUESTIONNAIRE_OPENS + timedelta(hours=1), tick=False):
        client.post("/q/", {"code": code})
        anna.occasions.filter(key="week2").update(closes_at=QUESTIONNAIRE_OPENS + timedelta(minutes=30))
        page = client.get(reverse("followup:questionnaire"), follow=True)
    assert page.redirect_chain[-1][0] == reverse("followup:done")
    assert "No questionnaire is open now" in page.content.decode()


def test_the_whole_questionnaire_is_answered_and_not_reminded(client, world, code, on_the_day, anna):
    client.post("/q/", {"code": code})
    answer_all(client)
    assert ResponseSet.objects.filter(participant=anna, occasion="week2", submitted_at__isnull=False).exists()
    assert client.get(reverse("followup:questionnaire")).url == reverse("followup:done")
    world.sweep(QUESTIONNAIRE_OPENS + timedelta(days=3))
    assert "week2:remind" not in world.messages(anna)


def answer_all(client):
    """Page by page, then sent in."""
    given = {"calm": "sometimes", "tired": "sometimes", "pain_now": "4"}
    address = reverse("followup:questionnaire")
    for _ in range(10):
        response = client.post(address, given, follow=True)
        if response.request["PATH_INFO"] == reverse("followup:done"):
            return
        address = response.request["PATH_INFO"] + "?" + response.request["QUERY_STRING"]


def test_pages_for_coming_back_and_for_the_end_need_a_code(client, db):
    for name in ("done", "later", "questionnaire"):
        assert client.get(reverse(f"followup:{name}")).url == reverse("followup:enter")


def test_coming_back_is_explained(client, code, on_the_day):
    client.post("/q/", {"code": code})
    page = client.get(reverse("followup:later"))
    assert page.status_code == 200
