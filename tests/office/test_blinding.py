"""Who must not know an arm finds no trace of a case: not in a list, a log, a history or a status."""

from uuid import uuid4

import pytest
from django.urls import reverse

from expertteam.services import read_case, read_name, sign_advice
from tests.factories import NOW, make_case, make_expert, make_user
from trial.audit.models import ReadEvent
from trial.messaging.models import Kind, Message
from trial.messaging.services import Report, record_receipts
from trial.people.models import Status
from trial.people.services import add_status

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(trial, north):
    """A case that left all the traces it can: readings, advice by SMS with a receipt, and the end of it."""
    case = make_case(trial, north)
    expert = make_expert(case)
    read_case(case=case, by=expert, now=NOW)
    read_name(case=case, by=expert, reason="Video meeting today", now=NOW)
    sign_advice(case=case, thread=uuid4(), based_on=0, text="You can …", by=expert, now=NOW)
    told = Message.objects.get(participant=case.participant, kind=Kind.ADVICE)
    Message.objects.filter(pk=told.pk).update(state="sent", provider_id="SM1", sent_at=NOW)
    record_receipts([Report(told.pk, "SM1", "delivered", "")], now=NOW)
    add_status(participant=case.participant, name=Status.WITHDRAWN_INTERVENTION, by=None, now=NOW)
    return case


@pytest.fixture
def pages(case):
    """Every page of the office that tells of one participant, as this reader sees it."""

    def pages(browser):
        office = {
            name: reverse(f"admin:{name}_changelist")
            for name in ("people_participant", "messaging_message", "audit_readevent")
        }
        story = reverse("admin:people_participant_change", args=[case.participant.pk])
        trail = reverse("admin:audit_auditevent_changelist")
        return {
            **{name: browser.get(address) for name, address in office.items()},
            "story": browser.get(story),
            "history": browser.get(reverse("admin:people_participant_history", args=[case.participant.pk])),
            "statuses": browser.get(trail, {"thing": "people_participantstatus"}),
            "receipts": browser.get(trail, {"thing": "messaging_receipt"}),
        }

    return pages


SIGNS = ("Withdrew from the intervention", "Video meeting today", "withdrawn_intervention")


def test_a_monitor_finds_no_trace_of_the_case(browser_of, trial, case, pages):
    seen = pages(browser_of(make_user("monitor", trial=trial)))
    for name, page in seen.items():
        assert page.status_code == 200, name
        assert [sign for sign in SIGNS if sign in page.content.decode()] == [], name
    assert not seen["messaging_message"].context["cl"].queryset.filter(kind=Kind.ADVICE).exists()
    assert not seen["receipts"].context["cl"].queryset.exists()
    assert not [read for read in seen["audit_readevent"].context["cl"].queryset if read.what != "arm"]
    assert seen["statuses"].context["cl"].queryset.exists()


def test_a_trial_manager_sees_the_messages_and_statuses(browser_of, trial, case, pages):
    seen = pages(browser_of(make_user("trial_manager", trial=trial)))
    assert seen["messaging_message"].context["cl"].queryset.filter(kind=Kind.ADVICE).exists()
    assert "Withdrew from the intervention" in seen["story"].content.decode()
    assert "Withdrew from the intervention" in seen["people_participant"].content.decode()


def test_a_coordinator_reads_the_history_without_what_the_team_wrote(browser_of, trial, north, case):
    history = reverse("admin:people_participant_history", args=[case.participant.pk])
    coordinator = browser_of(make_user("coordinator", trial=trial, site=north)).get(history)
    things = {entry.thing for entry in coordinator.context["entries"]}
    assert {"participant", "verification", "allocation"} <= things
    assert "You can …" not in coordinator.content.decode()
    assert not things & {"case", "advice", "member of the team"}
    manager = browser_of(make_user("trial_manager", trial=trial)).get(history)
    assert things < {entry.thing for entry in manager.context["entries"]}


def test_the_history_is_closed_to_coordinators_when_the_data_are_withdrawn(browser_of, trial, north, case):
    history = reverse("admin:people_participant_history", args=[case.participant.pk])
    add_status(participant=case.participant, name=Status.WITHDRAWN_DATA, by=None, now=NOW)
    coordinator = browser_of(make_user("coordinator", trial=trial, site=north))
    story = reverse("admin:people_participant_change", args=[case.participant.pk])
    assert history not in coordinator.get(story).content.decode()
    assert coordinator.get(history).status_code == 404
    assert browser_of(make_user("monitor", trial=trial)).get(history).status_code == 200


def test_a_reading_of_the_name_for_a_case_is_named_so(case):
    assert ReadEvent.objects.get(reason="Video meeting today").what == "case: identity"
