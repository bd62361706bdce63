import re

import pytest
from django.test import Client
from django.urls import reverse

from randomization.services import allocate
from tests.factories import NOW, make_participant, make_trial, make_user, make_verified_participant, seal
from trial.audit.context import acting, because
from trial.audit.models import AuditEvent, ReadEvent
from trial.audit.services import record_read
from trial.people.models import Site
from trial.people.services import grant

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial():
    return make_trial()


def login(user):
    client = Client()
    client.force_login(user)
    return client


def test_every_answer_carries_the_request_id_that_the_trail_knows(settings):
    user = make_user("system_administrator", password="correct horse battery")
    response = Client().post(
        reverse("account_login"), {"login": user.email, "password": "correct horse battery"}
    )
    assert response.status_code == 302
    event = AuditEvent.objects.filter(table_name="accounts_user", action="U").latest("id")
    assert "last_login" in event.new
    assert event.actor == f"user:{user.pk}"
    assert event.request == response["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f-]{36}", event.request)


def test_two_requests_have_two_ids():
    first, second = (Client().get("/health/")["X-Request-ID"] for _ in range(2))
    assert first != second


def test_the_history_of_an_object_names_who_and_why(trial):
    manager = make_user("trial_manager", trial=trial)
    site = Site.objects.filter(trial=trial).first()
    with acting(f"user:{manager.pk}"), because("It moved."):
        Site.objects.filter(pk=site.pk).update(name="New house")
    page = login(manager).get(reverse("admin:people_site_history", args=[site.pk])).content.decode()
    assert manager.name in page
    assert "It moved." in page
    assert site.name in page
    assert "New house" in page


def test_a_history_shows_no_password_and_no_digest():
    administrator = make_user("system_administrator")
    user = make_user(password="correct horse")
    user.set_password("other horse")
    user.save()
    page = login(administrator).get(reverse("admin:accounts_user_history", args=[user.pk])).content.decode()
    assert "(not shown)" in page or "(vises ikke)" in page
    assert "md5" not in page


def test_the_trail_tells_no_arm_and_nothing_of_another_trial(trial):
    other = make_trial("other")
    theirs = make_participant(other)
    ours = make_participant(trial)
    monitor = login(make_user("monitor", trial=trial))
    AuditEvent.objects.filter(table_name="x").exists()
    page = monitor.get(reverse("admin:audit_auditevent_changelist"))
    rows = {(event.table_name, event.row_id) for event in page.context["cl"].result_list}
    assert ("people_participant", str(ours.pk)) in rows
    assert ("people_participant", str(theirs.pk)) not in rows
    assert {table for table, _row in rows} == {"people_participant"}
    offered = next(one for one in page.context["cl"].filter_specs if one.parameter_name == "thing")
    chosen = {choice["display"]: choice["selected"] for choice in offered.choices(page.context["cl"])}
    assert [name for name, selected in chosen.items() if selected] == ["participant"]
    assert not {"All", "user"} & chosen.keys()
    assert "One kind of thing is shown at a time" in page.content.decode()
    sites = monitor.get(reverse("admin:audit_auditevent_changelist"), {"thing": "people_site"})
    assert {event.row_id for event in sites.context["cl"].result_list} == {
        str(pk) for pk in Site.objects.filter(trial=trial).values_list("pk", flat=True)
    }
    arms = monitor.get(reverse("admin:audit_auditevent_changelist"), {"thing": "randomization_allocation"})
    assert not arms.context["cl"].result_list if arms.status_code == 200 else arms.status_code == 302


def test_changes_are_found_by_study_id_in_the_own_trial_and_not_in_another(trial):
    ours, another, theirs = (
        make_participant(trial),
        make_participant(trial),
        make_participant(make_trial("x")),
    )
    monitor = login(make_user("monitor", trial=trial))

    def found(study_id, thing):
        address = reverse("admin:audit_auditevent_changelist")
        page = monitor.get(address, {"q": study_id.lower(), "thing": thing})
        return {event.row_id for event in page.context["cl"].result_list}

    assert found(ours.study_id, "people_participant") == {str(ours.pk)}
    statuses = {str(pk) for pk in ours.statuses.values_list("pk", flat=True)}
    assert found(ours.study_id, "people_participantstatus") == statuses
    assert another.statuses.exists()
    assert not found(theirs.study_id, "people_participant")


def test_a_monitor_of_the_installation_sees_users_too_but_no_allocation(trial):
    make_participant(trial)
    monitor = login(make_user("monitor"))
    everything = monitor.get(reverse("admin:audit_auditevent_changelist"))
    assert "One kind of thing is shown at a time" not in everything.content.decode()
    page = monitor.get(reverse("admin:audit_auditevent_changelist"), {"thing": "accounts_user"})
    assert page.context["cl"].result_list
    event = page.context["cl"].result_list[0]
    assert monitor.get(reverse("admin:audit_auditevent_change", args=[event.pk])).status_code == 200
    assert monitor.post(reverse("admin:audit_auditevent_change", args=[event.pk])).status_code == 403


def test_readings_are_shown_to_the_monitor_of_the_same_trial_only(trial):
    participant = make_participant(trial)
    record_read(
        what="identity",
        participant_study_id=participant.study_id,
        fields=["phone"],
        reason="To call.",
        now=NOW,
    )
    record_read(what="case", participant_study_id=participant.study_id, fields=[], reason="", now=NOW)
    address = reverse("admin:audit_readevent_changelist")
    seen = login(make_user("monitor", trial=trial)).get(address).context["cl"].result_list
    assert [(read.what, read.study_id) for read in seen] == [("identity", participant.study_id)]
    assert not login(make_user("monitor", trial=make_trial("other"))).get(address).context["cl"].result_list
    assert ReadEvent.objects.count() == 2


def test_readings_are_told_in_words_and_filtered_by_kind(trial):
    for what, fields, reason in (
        ("identity", ["email", "phone"], "found by phone"),
        ("arm", ["arm"], "To book the meeting."),
        ("snapshot tiny-1.zip", ["all"], "download"),
    ):
        record_read(what=what, participant_study_id="", fields=fields, reason=reason, now=NOW)
    monitor = login(make_user("monitor"))

    def shown(language="en", **asked):
        monitor.cookies["django_language"] = language
        page = monitor.get(reverse("admin:audit_readevent_changelist"), asked)
        cells = re.findall(r'<t[dh] class="field-(?:kind|details|why)">(.*?)</t', page.content.decode())
        return [cells[start : start + 3] for start in range(0, len(cells), 3)]

    assert shown(what="identity") == [["identity", "e-mail, phone", "found by phone"]]
    assert shown("nb", what="identity")[0][:2] == ["identitet", "e-post, telefon"]
    assert shown(what="snapshot ") == [["snapshot: tiny-1.zip", "everything", "download"]]
    assert len(shown()) == 3
    event = ReadEvent.objects.get(what="arm")
    page = monitor.get(reverse("admin:audit_readevent_change", args=[event.pk]))
    assert "To book the meeting." in page.content.decode()


@pytest.mark.parametrize("role", ["coordinator", "researcher", "statistician", "expert"])
def test_the_trail_is_closed_to_others(role, trial):
    client = login(make_user(role, trial=trial))
    assert client.get(reverse("admin:audit_auditevent_changelist")).status_code in (302, 403, 404)
    assert client.get(reverse("admin:audit_readevent_changelist")).status_code in (302, 403, 404)


def history_page(participant, reader):
    return login(reader).get(reverse("admin:people_participant_history", args=[participant.pk]))


def words_of(page, field):
    return [
        change.new for entry in page.context["entries"] for change in entry.changes if change.field == field
    ]


def test_a_history_calls_people_by_name_and_says_decisions_line_by_line(trial):
    manager = make_user("trial_manager", trial=trial)
    participant = make_verified_participant(trial, by=manager)
    page = history_page(participant, manager)
    assert set(words_of(page, "participant")) - {""} == {participant.study_id}
    assert manager.name in words_of(page, "by")
    assert words_of(page, "does not stand in the way") == ["needs treatment: yes"]
    assert "Verified as eligible" in words_of(page, "status")


def test_a_history_names_no_row_that_tells_an_arm(trial):
    manager = make_user("trial_manager", trial=trial)
    seal(trial)
    participant = make_verified_participant(trial, by=manager)
    allocate(participant=participant, by=manager, now=NOW)
    assert words_of(history_page(participant, manager), "place") == ["(not shown)"]
    assert words_of(history_page(participant, make_user("monitor", trial=trial)), "place") == []


def test_a_history_names_the_role_and_who_gave_it(trial):
    manager = make_user("trial_manager", trial=trial)
    membership = grant(user=make_user(), role="coordinator", trial=trial, by=manager, now=NOW)
    page = login(manager).get(reverse("admin:people_membership_history", args=[membership.pk]))
    assert words_of(page, "role") == ["Coordinator"]
    assert words_of(page, "granted by") == [manager.name]
