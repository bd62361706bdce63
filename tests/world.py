"""One small world with something in every room, and everybody who may knock at a door."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.test import Client

from analysis.services import fetch, make_snapshot
from expertteam.services import log_time, plan_meeting, save_advice, sign_advice, sign_note
from followup.services import interpret_inbound, make_plans, record_call, turn_due_occasions
from randomization.services import ask_to_unblind, record_deviation, reserve_envelopes
from tests.factories import (
    NOW,
    identity_of,
    make_case,
    make_expert,
    make_participant,
    make_report,
    make_trial,
    make_user,
    seal,
)
from tests.randomization.test_unblinding import WHY, blinded, randomized_in
from trial.accounts.models import User
from trial.accounts.roles import ALL, Expert, SystemAdministrator
from trial.audit.models import AuditEvent
from trial.audit.selectors import belonging, history_of
from trial.audit.services import record_read
from trial.messaging.models import Heartbeat
from trial.messaging.services import record_inbound
from trial.people.services import grant
from trial.protocol.models import Trial

THEN = NOW + timedelta(days=16)
PLACES = ("own", "site", "trial")
"""Where somebody has their role: where the object is, at another site of the trial, in another trial."""


class World:
    """People are (role, place); participants ("participant", "own" or "other"), strangers ("", "")."""

    def __init__(self, *, seal: Callable[[Trial], None] = seal) -> None:
        self.trial, self.other = make_trial(), make_trial("other")
        seal(self.trial)
        self._blinded()
        self.north, self.south = (self.trial.sites.get(key=key) for key in ("north", "south"))
        self.case = make_case(self.trial, self.north)
        self.participant = self.case.participant
        self.lead = make_expert(self.case, lead=True)
        by = make_user("statistician", trial=self.trial)
        stratum = "site=north;complaint=mind"
        (self.envelope,) = reserve_envelopes(site=self.north, counts={stratum: 1}, by=by, now=NOW)
        self._work()
        self._weeks()
        self.report = make_report(self.trial)
        self.snapshot = make_snapshot(trial=self.trial, by="system:test", now=THEN)
        with fetch(snapshot=self.snapshot, by=self.lead, now=THEN):
            pass  # a download is logged
        Heartbeat.objects.create(name="any", at=THEN, late_after=timedelta(hours=1))
        record_read(
            what="identity",
            participant_study_id=self.participant.study_id,
            fields=["name"],
            reason="x",
            now=THEN,
        )
        self.keys = dict(self._keys())
        self._browser = Client()

    def _blinded(self) -> None:
        """In a trial of its own, since it has no team: somebody asks, a second person must decide."""
        self.blinded = make_trial("blinded", changes=blinded(second_person=True))
        seal(self.blinded)
        asker = make_user("coordinator", trial=self.blinded)
        self.unblinding = ask_to_unblind(
            participant=randomized_in(self.blinded), reason=WHY, by=asker, now=NOW
        )

    def _work(self) -> None:
        write = {"case": self.case, "by": self.lead, "now": NOW}
        self.note = sign_note(thread=uuid4(), based_on=0, text="A note.", **write)
        self.advice = save_advice(thread=uuid4(), based_on=0, text="A draft.", **write)
        sign_advice(thread=uuid4(), based_on=0, text="Advice.", **write)
        self.entry = log_time(entry=uuid4(), on=NOW.date(), minutes=30, activity="preparation", **write)
        self.meeting = plan_meeting(
            starts_at=THEN + timedelta(days=9), minutes=60, video_url="https://video.example/1", **write
        )

    def _weeks(self) -> None:
        make_plans(now=NOW)
        turn_due_occasions(now=THEN)
        record_inbound(
            provider_id="SM1", sender=identity_of(self.participant).phone, body="perhaps?", now=THEN
        )
        interpret_inbound(now=THEN)
        coordinator = make_user("coordinator", site=self.north)
        record_call(participant=self.participant, by=coordinator, outcome="not_reached", now=THEN)
        record_deviation(
            participant=self.participant, kind="other", description="A day late.", by=coordinator, now=THEN
        )

    def _keys(self):
        """(who, session key): each logs in once. In the blinded trial they are what they are in the first."""
        places = {"own": {"trial": self.trial}, "site": {"site": self.south}, "trial": {"trial": self.other}}
        in_blinded = {"own": {"trial": self.blinded}, "site": {"site": self.blinded.sites.get(key="south")}}
        for role in ALL:
            if role is SystemAdministrator:
                continue
            for place in PLACES:
                user = self._member(role.key, place, places[place])
                if place in in_blinded:
                    grant(user=user, role=role.key, by=None, now=NOW, **in_blinded[place])
                yield (role.key, place), _session(user=user)
        yield (SystemAdministrator.key, "own"), _session(user=make_user(SystemAdministrator.key))
        for place, participant in (("own", self.participant), ("other", make_participant(self.other))):
            yield ("participant", place), _session(participant=participant.study_id)
        yield ("", ""), None

    def thing(self, model):
        """A row of the model: the participant's, or their site's, or their trial's, or any."""
        if model is AuditEvent:
            return history_of(self.participant).last()
        if model is User:
            return self.lead
        for owner, row in (
            ("people.Participant", self.participant),
            ("people.Site", self.north),
            ("protocol.Trial", self.trial),
        ):
            ways = belonging(owner)
            if model in ways and (found := model.objects.filter(**{ways[model]: row.pk}).first()):
                return found
        return model.objects.order_by("pk").last()

    def _member(self, role, place, where):
        if (role, place) == (Expert.key, "own"):
            return make_expert(self.case)
        if (role, place) == ("coordinator", "own"):
            return make_user(role, site=self.north)
        return make_user(role, **where)

    def client(self, who) -> Client:
        """The one browser (making another costs more than a request), as this person's."""
        self._browser.cookies.clear()
        if self.keys[who]:
            self._browser.cookies[settings.SESSION_COOKIE_NAME] = self.keys[who]
        return self._browser


def _session(*, user=None, participant=None) -> str:
    client = Client()
    if user:
        client.force_login(user)
    session = client.session
    if participant:
        session["participant"] = participant
    session.save()
    return session.session_key


@contextmanager
def undone():
    """Whatever is written inside is taken back; services that want the outermost transaction get it."""
    atomic = transaction.atomic()
    atomic._from_testcase = True
    with atomic:
        yield
        transaction.set_rollback(True)
