"""The three ways to leave, in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from trial.people.models import Status


@dataclass(frozen=True)
class Withdrawal:
    """One way to leave: what stops, what goes on, and how it is said afterwards."""

    key: str
    status: Status
    title: Promise
    short: Promise
    means: tuple[Promise, ...]
    done: Promise
    final: bool = False
    """Cannot be undone, so the page asks once more."""


ALL = (
    Withdrawal(
        "intervention",
        Status.WITHDRAWN_INTERVENTION,
        _("Leave the follow-up that the study gives"),
        _("You go on answering questions, but do not want the study's follow-up any more."),
        (
            _("You get no more of the follow-up that the study may give you."),
            _("We still send you questions, and your answers still count."),
            _("Your ordinary follow-up from your doctor and others goes on as before."),
        ),
        _("You have left the follow-up that the study gives."),
    ),
    Withdrawal(
        "contact",
        Status.WITHDRAWN_CONTACT,
        _("No more contact"),
        _("We send nothing more and do not call. What you have answered is still used."),
        (
            _("We send you no more messages and do not call you."),
            _("You get no more of the follow-up that the study may give you through us."),
            _("What you have answered so far is still used. So are the registers that you agreed to."),
        ),
        _("We will not contact you any more."),
    ),
    Withdrawal(
        "data",
        Status.WITHDRAWN_DATA,
        _("Take back everything"),
        _("You leave the study, and your answers are not used any more."),
        (
            _("We send you no more messages and do not call you."),
            _("We delete your name, phone number and everything else that tells who you are, at once."),
            _("Your answers are not used any more, except in results that are published already."),
            _("This page closes. You cannot undo it."),
        ),
        _("You have left the study. Your answers are not used any more."),
        final=True,
    ),
)
WITHDRAWALS = {one.key: one for one in ALL}


def possible(held: Iterable[Status]) -> list[Withdrawal]:
    """The ways that are left to somebody for whom these statuses hold.

    After "no more contact" the study's follow-up has ended too; only the data are left to decide about.
    """
    known = set(held)
    if Status.WITHDRAWN_CONTACT in known:
        known.add(Status.WITHDRAWN_INTERVENTION)
    return [withdrawal for withdrawal in ALL if withdrawal.status not in known]
