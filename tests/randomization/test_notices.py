"""Who is told by e-mail that somebody was randomized or unblinded, and what the e-mail holds."""

import re
from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail

from randomization.models import Notice
from randomization.selectors import arm_for
from randomization.services import allocate, plan_notices, send_notices
from tests.factories import NOW, make_trial, make_user, make_verified_participant, seal
from trial.audit.context import acting
from trial.audit.models import ReadEvent
from trial.people.services import end_membership

TELL = {
    "places_per_stratum = 40": 'places_per_stratum = 40\ntell = ["coordinator", "unblinded_staff", "monitor"]'
}
BLINDED = {"places_per_stratum = 40": TELL["places_per_stratum = 40"] + '\nmasking = "blinded"'}
LATER = NOW + timedelta(minutes=2)


def trial_that_tells(slug="tells", changes=TELL):
    trial = make_trial(slug, changes=changes)
    seal(trial)
    return trial


@pytest.fixture
def trial(db):
    return trial_that_tells()


def randomized(trial, **more):
    participant = make_verified_participant(trial, **more)
    allocate(participant=participant, by=make_user("trial_manager", trial=trial), now=NOW)
    Notice.objects.all().delete()
    return participant


def plan(participant, *roles, kind=Notice.Kind.RANDOMIZED):
    plan_notices(kind=kind, about=1, participant=participant, roles=roles, now=NOW)


def told():
    return {address for letter in mail.outbox for address in letter.to}


def arm_name(participant):
    reader = make_user("unblinded_staff", trial=participant.trial)
    return arm_for(user=reader, participant=participant, reason="test", now=NOW).name.in_("nb")


def test_members_of_the_named_roles_at_the_site_are_told(trial):
    north, south = trial.sites.get(key="north"), trial.sites.get(key="south")
    here, everywhere = make_user("coordinator", site=north), make_user("monitor", trial=trial)
    make_user("coordinator", site=south)
    make_user("trial_manager", trial=trial)
    make_user("coordinator", trial=make_trial("other"))
    plan(randomized(trial, by=here), "coordinator", "monitor")
    assert send_notices(now=NOW) == 2
    assert told() == {here.email, everywhere.email}


def test_nobody_is_told_the_same_thing_twice(trial):
    coordinator = make_user("coordinator", trial=trial)
    participant = randomized(trial, by=coordinator)
    plan(participant, "coordinator")
    plan(participant, "coordinator")
    assert send_notices(now=NOW) == 1
    assert send_notices(now=LATER) == 0


def test_the_subject_tells_neither_person_nor_arm(trial):
    coordinator = make_user("coordinator", trial=trial)
    participant = randomized(trial, by=coordinator)
    plan(participant, "coordinator")
    send_notices(now=NOW)
    (letter,) = mail.outbox
    assert letter.subject == "Tilbake: noen ble randomisert i Bitte liten studie"
    assert participant.study_id in letter.body
    assert "North" in letter.body
    assert "10:00" in letter.body


def test_the_arm_is_told_to_who_may_know_it_and_each_telling_is_on_record(trial):
    coordinator, monitor = make_user("coordinator", trial=trial), make_user("monitor", trial=trial)
    participant = randomized(trial, by=coordinator)
    arm = arm_name(participant)
    before = ReadEvent.objects.count()
    plan(participant, "coordinator", "monitor")
    with acting("system:notices"):
        send_notices(now=NOW)
    bodies = {letter.to[0]: letter.body for letter in mail.outbox}
    assert arm in bodies[coordinator.email]
    assert not re.search("Samtale|Vanlig", bodies[monitor.email])
    assert ReadEvent.objects.count() == before + 1
    read = ReadEvent.objects.latest("pk")
    assert (read.actor, read.study_id, read.fields) == ("system:notices", participant.study_id, ["arm"])
    assert read.reason == f"by e-mail to user:{coordinator.pk}"


def test_in_a_blinded_trial_the_coordinator_is_told_no_arm_and_unblinded_staff_is(db):
    trial = trial_that_tells("blinded", BLINDED)
    coordinator, pharmacist = make_user("coordinator", trial=trial), make_user("unblinded_staff", trial=trial)
    participant = randomized(trial, by=coordinator)
    arm = arm_name(participant)
    plan(participant, "coordinator", "unblinded_staff")
    send_notices(now=NOW)
    bodies = {letter.to[0]: letter.body for letter in mail.outbox}
    assert not re.search("Samtale|Vanlig", bodies[coordinator.email])
    assert arm in bodies[pharmacist.email]


@pytest.mark.parametrize("kind", [kind for kind in Notice.Kind if kind != Notice.Kind.RANDOMIZED])
def test_an_unblinding_is_told_without_the_arm_to_everybody(db, kind):
    changes = {
        "places_per_stratum = 40": 'places_per_stratum = 40\nmasking = "blinded"\n'
        'unblinding = { tell = ["unblinded_staff"] }'
    }
    trial = trial_that_tells("unblinds", changes)
    make_user("unblinded_staff", trial=trial)
    participant = randomized(trial)
    plan(participant, "unblinded_staff", kind=kind)
    assert send_notices(now=NOW) == 1
    (letter,) = mail.outbox
    assert not re.search("Samtale|Vanlig", letter.subject + letter.body)
    assert participant.study_id in letter.body


def test_what_the_mail_server_does_not_take_is_tried_again_after_a_pause(trial, monkeypatch):
    participant = randomized(trial, by=make_user("coordinator", trial=trial))
    plan(participant, "coordinator")
    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", failing(SMTPServerDisconnected()))
        assert send_notices(now=NOW) == 0
    assert send_notices(now=NOW + timedelta(minutes=1)) == 0
    assert send_notices(now=LATER) == 1


def test_an_address_that_is_refused_keeps_nobody_else_waiting(trial, monkeypatch):
    refused, other = make_user("coordinator", trial=trial), make_user("monitor", trial=trial)
    participant = randomized(trial, by=refused)
    plan(participant, "coordinator", "monitor")
    send = mail.EmailMessage.send
    monkeypatch.setattr(
        mail.EmailMessage,
        "send",
        lambda letter: (
            failing(SMTPRecipientsRefused({}))(letter) if letter.to == [refused.email] else send(letter)
        ),
    )
    assert send_notices(now=NOW) == 1
    assert told() == {other.email}


def test_a_killed_sender_s_e_mail_is_sent_again_with_the_same_message_id(trial, monkeypatch):
    participant = randomized(trial, by=make_user("coordinator", trial=trial))
    plan(participant, "coordinator")
    send = mail.EmailMessage.send

    def killed(letter):
        send(letter)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            send_notices(now=NOW)
    send_notices(now=LATER)
    first, second = (letter.message()["Message-ID"] for letter in mail.outbox)
    assert first == second


def test_after_the_last_try_it_is_given_up(trial, monkeypatch):
    participant = randomized(trial, by=make_user("coordinator", trial=trial))
    plan(participant, "coordinator")
    monkeypatch.setattr(mail.EmailMessage, "send", failing(SMTPServerDisconnected()))
    for hours in range(0, 200, 7):
        send_notices(now=NOW + timedelta(hours=hours))
    assert Notice.objects.get().attempts == 20


def test_who_has_left_meanwhile_is_told_nothing(trial):
    coordinator = make_user("coordinator", trial=trial)
    plan(randomized(trial, by=coordinator), "coordinator")
    end_membership(membership=coordinator.memberships.get(), by=None, now=NOW)
    assert send_notices(now=NOW) == 0
    assert not mail.outbox


def test_allocation_plans_what_the_protocol_asks_for_in_its_own_transaction(trial):
    coordinator, monitor = make_user("coordinator", trial=trial), make_user("monitor", trial=trial)
    participant = make_verified_participant(trial, by=coordinator)
    for _click in range(2):
        allocate(participant=participant, by=coordinator, now=NOW)
    planned = Notice.objects.filter(participant=participant, kind=Notice.Kind.RANDOMIZED)
    assert {notice.recipient for notice in planned} == {coordinator, monitor}


def test_a_trial_that_names_nobody_tells_nobody(db):
    trial = trial_that_tells("silent", {})
    coordinator = make_user("coordinator", trial=trial)
    allocate(participant=make_verified_participant(trial, by=coordinator), by=coordinator, now=NOW)
    assert not Notice.objects.exists()


def failing(error):
    def send(letter):
        raise error

    return send
