"""The first page of the office: what waits, how the trials go, and whether the machinery runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from followup.selectors import response_last_week, worklist_calls, worklist_unclear
from randomization.selectors import PlacesLeft, allocated_participants, places_left
from randomization.unblindings import waiting_for
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.messaging.selectors import late_sweeps
from trial.office.worklists import WORKLISTS
from trial.people.models import Participant
from trial.people.selectors import has_permission, participants_for, sites_for, trials_for
from trial.protocol.models import ProtocolVersion, Trial, TrialStatus
from trial.protocol.schema import Text
from trial.protocol.selectors import active_protocol, status_of


@dataclass(frozen=True)
class Card:
    """One worklist and how many wait in it."""

    title: str | Promise
    what: str | Promise
    count: int
    address: str


@dataclass(frozen=True)
class Progress:
    """How a trial goes."""

    address: str
    names: Text
    status: str | Promise
    recruiting: bool
    registered: int
    randomized: int
    target: int
    response: int | None
    """Per cent of last week's questions that were answered."""
    places: PlacesLeft
    """On the randomization lists, for whoever manages the trial."""


def dashboard(user: User, now: datetime) -> dict[str, Any]:
    """What the page needs; everything counted over what the user may see."""
    return {
        "to_unblind": waiting_for(user, sites_for(user, Permission.UNBLIND)),
        "cards": _cards(user, now),
        "trials": [
            progress
            for trial in trials_for(user, Permission.VIEW_OFFICE)
            if (progress := _progress(trial, user, now)) is not None
        ],
        "late": late_sweeps(now),
        "may_find": has_permission(user, Permission.READ_IDENTITY),
    }


def _cards(user: User, now: datetime) -> list[Card]:
    cards = []
    for worklist in WORKLISTS:
        if has_permission(user, worklist.permission):
            waiting = worklist.among(participants_for(user, worklist.permission)).count()
            address = f"{reverse('admin:people_participant_changelist')}?worklist={worklist.key}"
            cards.append(Card(worklist.title, worklist.what, waiting, address))
    if has_permission(user, Permission.RESOLVE_REPLY):
        cards.append(
            Card(
                _("Unclear replies"),
                _("Replies by SMS that need a person to read them."),
                worklist_unclear(user).count(),
                reverse("admin:followup_unclearreply_changelist"),
            )
        )
    if has_permission(user, Permission.RECORD_CALL):
        cards.append(
            Card(
                _("To call"),
                _("No answer for several weeks: a call may help."),
                len(worklist_calls(user, now)),
                reverse("admin:followup_call_worklist"),
            )
        )
    return sorted(
        cards, key=lambda card: card.address.endswith("=baseline")
    )  # nobody can do much about these


def _progress(trial: Trial, user: User, now: datetime) -> Progress | None:
    """None for a trial without a protocol in force."""
    try:
        protocol = active_protocol(trial)
    except ProtocolVersion.DoesNotExist:
        return None
    status = status_of(trial)
    manages = has_permission(user, Permission.MANAGE_TRIAL, trial=trial)
    return Progress(
        address=reverse("admin:protocol_trial_change", args=[trial.pk]),
        names=protocol.names,
        status=status.label,
        recruiting=status == TrialStatus.Name.RECRUITING,
        registered=Participant.objects.filter(trial=trial).count(),
        randomized=allocated_participants(trial).count(),
        target=protocol.target,
        response=response_last_week(trial, now),
        places=places_left(trial) if manages else PlacesLeft.ENOUGH,
    )
