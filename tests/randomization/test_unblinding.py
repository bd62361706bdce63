"""Emergency unblinding: one participant, one reason, one asker, one decision."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail

from randomization.errors import UnblindingRefused
from randomization.models import Allocation, Notice, Unblinding, UnblindingDecision
from randomization.selectors import arm_for, arms_for_analysis
from randomization.services import (
    allocate,
    ask_to_unblind,
    decide_unblinding,
    send_notices,
    unblinded_arm,
)
from randomization.unblindings import (
    asked_about,
    may_be_unblinded,
    report,
    rules_of,
    unblinded_count,
    unblindings_of,
    waiting_for,
)
from tests import factories
from tests.factories import NOW, amend, make_trial, make_user, make_verified_participant, seal
from tests.randomization.test_allocation import refused
from tests.together import at_once
from trial.audit.context import acting
from trial.audit.models import ReadEvent
from trial.people.errors import NotPermitted
from trial.people.services import end_membership, grant
from trial.protocol.selectors import active_protocol

pytestmark = pytest.mark.django_db

WHY = "The doctor must know before the operation."


def masked():
    """The tiny protocol as a blinded trial: a team's cases would tell the arm."""
    text = factories.TINY.read_text()
    team = text[text.index("[expert_team]") : text.index("[[outcomes]]")]
    return {"[randomization]\n": '[randomization]\nmasking = "blinded"\n', team: ""}


MASKED = masked()


def blinded(*, second_person=False, tell='["monitor"]'):
    """The same, with rules of unblinding."""
    rules = f"[randomization.unblinding]\nsecond_person = {str(second_person).lower()}\ntell = {tell}\n\n"
    strata = '[[randomization.strata]]\nkey = "site"'
    return {**masked(), strata: rules + strata}


def make_blinded(slug="blinded", **rules):
    trial = make_trial(slug, changes=blinded(**rules))
    seal(trial)
    return trial


def test_amendment_without_rules_leaves_the_second_person_and_who_is_told(db):
    trial = make_blinded(second_person=True)
    rules = blinded(second_person=True)['[[randomization.strata]]\nkey = "site"']
    amend(trial, {rules: '[[randomization.strata]]\nkey = "site"'})
    assert active_protocol(trial).randomization.unblinding is None
    assert rules_of(trial).second_person
    assert rules_of(trial).tell == ("monitor",)


def randomized_in(trial):
    by = make_user("coordinator", trial=trial)
    participant = make_verified_participant(trial, by=by)
    allocate(participant=participant, by=by, now=NOW)
    return participant


@pytest.fixture
def trial(db):
    return make_blinded()


@pytest.fixture
def participant(trial):
    return randomized_in(trial)


@pytest.fixture
def coordinator(trial):
    return make_user("coordinator", trial=trial)


@pytest.fixture
def guarded(db):
    """A trial in which a second person must agree."""
    return make_blinded("guarded", second_person=True)


@pytest.fixture
def colleagues(guarded):
    return [make_user("coordinator", trial=guarded) for _ in range(3)]


def the(unblinding):
    return asked_about(unblinding.participant, unblinding.pk)


def test_asker_alone_is_told_the_arm_and_the_read_log_keeps_each_time_with_the_reason(
    participant, coordinator
):
    asked = the(ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW))
    assert asked.is_released
    assert asked.decision.by == coordinator
    arms = {unblinded_arm(user=coordinator, asked=asked, now=NOW).key for _ in range(2)}
    true = arms_for_analysis(trial=participant.trial, reason="test", now=NOW)[participant.pk]
    assert arms == {true}
    reads = ReadEvent.objects.filter(what="arm", study_id=participant.study_id)
    assert [(read.fields, read.reason) for read in reads] == [(["arm"], WHY)] * 2


def test_nobody_else_is_told_the_arm_by_it(trial, participant, coordinator):
    asked = the(ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW))
    for role in ("coordinator", "trial_manager", "statistician", "monitor"):
        user = make_user(role, trial=trial)
        with pytest.raises(NotPermitted):
            unblinded_arm(user=user, asked=asked, now=NOW)
        with pytest.raises(NotPermitted):
            arm_for(user=user, participant=participant, reason="curious", now=NOW)
    assert not ReadEvent.objects.filter(what="arm").exists()


def test_unblinding_opens_no_other_door_to_the_arm_for_the_asker(participant, coordinator):
    ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW)
    with pytest.raises(NotPermitted):
        arm_for(user=coordinator, participant=participant, reason="again", now=NOW)


@pytest.mark.parametrize("role", ["statistician", "researcher", "monitor", "expert", "unblinded_staff"])
def test_only_who_cares_for_participants_may_ask(trial, participant, role):
    with pytest.raises(NotPermitted):
        ask_to_unblind(participant=participant, reason=WHY, by=make_user(role, trial=trial), now=NOW)
    elsewhere = make_user("coordinator", trial=trial, site=trial.sites.get(key="south"))
    with pytest.raises(NotPermitted):
        ask_to_unblind(participant=participant, reason=WHY, by=elsewhere, now=NOW)
    assert not Unblinding.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "emergency", "I must know"])
def test_a_reason_has_some_words(participant, coordinator, reason):
    with pytest.raises(UnblindingRefused, match="at least 4 words"):
        ask_to_unblind(participant=participant, reason=reason, by=coordinator, now=NOW)


def test_nobody_is_unblinded_before_randomization_or_in_an_open_trial(trial, coordinator):
    waiting = make_verified_participant(trial, by=coordinator)
    open_trial = make_trial()
    seal(open_trial)
    open_one = randomized_in(open_trial)
    for participant in (waiting, open_one):
        assert not may_be_unblinded(participant)
        with pytest.raises(UnblindingRefused):
            ask_to_unblind(
                participant=participant,
                reason=WHY,
                by=make_user("coordinator", trial=participant.trial),
                now=NOW,
            )


def test_second_click_is_the_same_request_and_tells_nobody_twice(trial, participant, coordinator):
    monitor = make_user("monitor", trial=trial)
    first = ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW)
    assert ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW) == first
    told = Notice.objects.get()
    assert (told.kind, told.recipient, told.about) == ("unblinded", monitor, first.pk)


def test_second_person_decides_before_anything_is_shown(guarded, colleagues):
    asker, colleague, other = colleagues
    monitor = make_user("monitor", trial=guarded)
    participant = randomized_in(guarded)
    unblinding = ask_to_unblind(participant=participant, reason=WHY, by=asker, now=NOW)
    with pytest.raises(NotPermitted):
        unblinded_arm(user=asker, asked=the(unblinding), now=NOW)
    with pytest.raises(UnblindingRefused, match="Somebody else"):
        decide_unblinding(unblinding=unblinding, released=True, by=asker, now=NOW)
    sites = list(guarded.sites.all())
    assert [one.unblinding for one in waiting_for(colleague, sites)] == [unblinding]
    assert waiting_for(asker, sites) == []
    told = Notice.objects.filter(kind="unblinding_asked").values_list("recipient", flat=True)
    assert {monitor.pk, colleague.pk, other.pk} <= set(told)

    decide_unblinding(unblinding=unblinding, released=True, by=colleague, now=NOW)

    assert unblinded_arm(user=asker, asked=the(unblinding), now=NOW).key in {"talk", "usual"}
    with pytest.raises(NotPermitted):
        unblinded_arm(user=colleague, asked=the(unblinding), now=NOW)
    told = Notice.objects.filter(kind="unblinded").values_list("recipient", flat=True)
    assert set(told) == {monitor.pk, asker.pk}
    assert waiting_for(other, sites) == []


def test_first_decision_stands(guarded, colleagues):
    asker, colleague, other = colleagues
    participant = randomized_in(guarded)
    unblinding = ask_to_unblind(participant=participant, reason=WHY, by=asker, now=NOW)
    first = decide_unblinding(unblinding=unblinding, released=False, by=colleague, now=NOW)
    assert decide_unblinding(unblinding=unblinding, released=True, by=other, now=NOW) == first
    with pytest.raises(NotPermitted):
        unblinded_arm(user=asker, asked=the(unblinding), now=NOW)
    assert not Notice.objects.filter(kind="unblinded").exists()
    again = ask_to_unblind(participant=participant, reason=WHY, by=asker, now=NOW)
    assert again != unblinding


def test_a_refusal_is_told_at_once_to_the_asker_and_to_whom_the_protocol_names(guarded, colleagues):
    asker, colleague, _other = colleagues
    monitor = make_user("monitor", trial=guarded)
    participant = randomized_in(guarded)
    unblinding = ask_to_unblind(participant=participant, reason=WHY, by=asker, now=NOW)
    Notice.objects.all().delete()
    for _click in range(2):
        decide_unblinding(unblinding=unblinding, released=False, by=colleague, now=NOW)
    assert send_notices(now=NOW) == 2
    assert {address for letter in mail.outbox for address in letter.to} == {asker.email, monitor.email}
    for letter in mail.outbox:
        assert participant.study_id not in letter.subject
        assert participant.study_id in letter.body
        assert not re.search("Samtale|Vanlig", letter.subject + letter.body)


@pytest.mark.parametrize("role", ["statistician", "monitor", "unblinded_staff"])
def test_who_may_not_unblind_decides_about_nobody(guarded, colleagues, role):
    unblinding = ask_to_unblind(participant=randomized_in(guarded), reason=WHY, by=colleagues[0], now=NOW)
    with pytest.raises(NotPermitted):
        decide_unblinding(unblinding=unblinding, released=True, by=make_user(role, trial=guarded), now=NOW)
    assert not UnblindingDecision.objects.exists()


def test_report_counts_what_was_released_by_role_and_site(guarded, colleagues):
    asker, colleague, _other = colleagues
    manager = make_user("trial_manager", trial=guarded)
    for by, released in ((asker, True), (asker, False), (manager, True), (manager, None)):
        unblinding = ask_to_unblind(participant=randomized_in(guarded), reason=WHY, by=by, now=NOW)
        if released is not None:
            decide_unblinding(unblinding=unblinding, released=released, by=colleague, now=NOW)
    told = report(list(guarded.sites.all()))
    assert (len(told.rows), told.released) == (4, 2)
    assert told.by_role == [("Coordinator", 1), ("Trial manager", 1)]
    assert told.by_site == [("North", 2)]
    assert unblinded_count(guarded) == 2
    assert report([guarded.sites.get(key="south")]).rows == []


@pytest.mark.parametrize(
    ("granted", "ended", "roles"),
    [(-2, 2, "Coordinator, Trial manager"), (-2, -1, "Coordinator"), (1, 2, "Coordinator")],
)
def test_report_says_the_roles_that_the_asker_had_when_they_asked(
    participant, coordinator, granted, ended, roles
):
    begun, over = (NOW + timedelta(days=days) for days in (granted, ended))
    manager = grant(user=coordinator, role="trial_manager", trial=participant.trial, by=None, now=begun)
    end_membership(membership=manager, by=None, now=over)
    ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW)
    assert [row.roles for row in report([participant.site]).rows] == [roles]


def test_unblinded_participant_stays_in_the_arm_as_randomized(participant, coordinator):
    before = arms_for_analysis(trial=participant.trial, reason="test", now=NOW)
    ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW)
    assert arms_for_analysis(trial=participant.trial, reason="test", now=NOW) == before
    assert Allocation.objects.count() == 1


def test_database_refuses_to_change_an_unblinding_or_to_decide_twice(participant, coordinator):
    unblinding = ask_to_unblind(participant=participant, reason=WHY, by=coordinator, now=NOW)
    assert refused(lambda: Unblinding.objects.update(reason="another"))
    assert refused(lambda: UnblindingDecision.objects.all()._raw_delete("default"))
    assert refused(
        lambda: UnblindingDecision.objects.create(
            unblinding=unblinding, released=False, at=NOW, by=coordinator
        )
    )


# --- many at once ---


def apart(act):
    """In a thread of its own."""
    with acting("system:test"):
        return act()


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_once_make_one_decision_that_both_see():
    guarded = make_blinded("guarded", second_person=True)
    asker, *others = (make_user("coordinator", trial=guarded) for _ in range(7))
    unblinding = ask_to_unblind(participant=randomized_in(guarded), reason=WHY, by=asker, now=NOW)
    decisions = at_once(
        [
            partial(
                apart,
                partial(decide_unblinding, unblinding=unblinding, released=number % 2 == 0, by=by, now=NOW),
            )
            for number, by in enumerate(others)
        ]
    )
    assert len(set(decisions)) == 1
    assert UnblindingDecision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_clicks_of_one_asker_make_one_request():
    trial = make_blinded()
    by, participant = make_user("coordinator", trial=trial), randomized_in(trial)
    ask = partial(ask_to_unblind, participant=participant, reason=WHY, by=by, now=NOW)
    made = at_once([partial(apart, ask) for _ in range(8)])
    assert len(set(made)) == 1
    assert len(unblindings_of(participant)) == 1
