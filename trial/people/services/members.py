"""Who works where: grant and end memberships; make the protocol's sites."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import (
    BY_KEY,
    RUN_THE_SERVER,
    Coordinator,
    Expert,
    Researcher,
    Role,
    Statistician,
    TrialManager,
    UnblindedStaff,
)
from trial.people.errors import NotPermitted, RolesKeptApart
from trial.people.models import Membership, Site
from trial.people.selectors import granting, has_permission, memberships
from trial.protocol.models import Trial
from trial.protocol.schema import Protocol
from trial.protocol.selectors import blinded_trials

KEPT_APART: tuple[tuple[type[Role], type[Role]], ...] = (
    (Statistician, Coordinator),
    (Statistician, TrialManager),
    (Statistician, Expert),
    (Statistician, Researcher),
    (Researcher, Coordinator),
    (Researcher, TrialManager),
    (Researcher, Expert),
    (UnblindedStaff, Statistician),
    (UnblindedStaff, Researcher),
    (UnblindedStaff, Coordinator),
    (UnblindedStaff, TrialManager),
)
"""Who holds the lists never meets participants, who analyses blinded never learns an arm, and who knows the
arms of a blinded trial neither verifies nor randomizes."""
APART_IF_BLINDED = ((Expert, Coordinator), (Expert, TrialManager))
"""An expert learns the arm of a blinded trial by being given a case."""


@transaction.atomic
def grant(
    *,
    user: User,
    role: str,
    trial: Trial | None = None,
    site: Site | None = None,
    by: User | None,
    now: datetime,
) -> Membership:
    """Give a user a role at a site, in a trial, or (with neither) in the installation; held already, it is
    returned.

    `by` is None where the system does it, such as the first set-up. Raises NotPermitted where `by` grants
    no members there, RolesKeptApart where the user would hold two roles that concealment keeps apart.
    """
    if site is not None and trial is None:
        trial = site.trial
    User.objects.select_for_update().get(pk=user.pk)
    must_grant(user=user, role=role, trial=trial, by=by)
    held = memberships(user).filter(trial=trial, site=site, role=role).first()
    return held or Membership.objects.create(
        user=user, trial=trial, site=site, role=role, granted_at=now, granted_by=by
    )


def must_grant(*, user: User, role: str, trial: Trial | None, by: User | None) -> None:
    """Raises NotPermitted or RolesKeptApart where `grant` would, and writes nothing.

    Who runs the server does so for all trials: that role is given in the installation's name only.
    """
    _must_manage_members(by, None if role in RUN_THE_SERVER else trial)
    _refuse_conflicts(user, BY_KEY[role], trial)


@transaction.atomic
def end_membership(*, membership: Membership, by: User | None, now: datetime) -> None:
    """The user no longer has the role. Ended already, nothing changes. Raises NotPermitted."""
    _must_manage_members(by, membership.trial)
    Membership.objects.filter(pk=membership.pk, ended_at=None).update(ended_at=now)
    membership.refresh_from_db()


@transaction.atomic
def sync_sites(*, trial: Trial, protocol: Protocol, now: datetime) -> list[Site]:
    """Make the trial's sites those of the protocol: new ones open, changed ones follow, others close."""
    sites = []
    for described in protocol.sites:
        site, _created = Site.objects.update_or_create(
            trial=trial,
            key=described.key,
            defaults={"name": described.name, "pair": described.pair, "cluster": described.cluster},
            create_defaults={
                "name": described.name,
                "pair": described.pair,
                "cluster": described.cluster,
                "opened_at": now,
            },
        )
        sites.append(site)
    dropped = Site.objects.filter(trial=trial, closed_at=None).exclude(pk__in=[site.pk for site in sites])
    dropped.update(closed_at=now)
    return sites


@transaction.atomic
def open_site(*, site: Site, by: User, now: datetime) -> None:
    """The site takes in participants, again or for the first time. Raises NotPermitted."""
    _hold(site, by)
    Site.objects.filter(pk=site.pk).exclude(opened_at__isnull=False, closed_at=None).update(
        opened_at=now, closed_at=None
    )
    site.refresh_from_db()


@transaction.atomic
def close_site(*, site: Site, by: User, now: datetime) -> None:
    """The site takes in nobody more. Raises NotPermitted."""
    _hold(site, by)
    Site.objects.filter(pk=site.pk, opened_at__isnull=False, closed_at=None).update(closed_at=now)
    site.refresh_from_db()


def _must_manage_members(by: User | None, trial: Trial | None) -> None:
    """For the whole trial; for a role that holds in all trials, in the installation."""
    held = granting(by, Permission.MANAGE_MEMBERS) if by else ()
    if by is not None and not any(
        m.site_id is None and m.trial_id in (None, trial and trial.pk) for m in held
    ):
        raise NotPermitted(_("You may not give or end roles there."))


def _hold(site: Site, by: User) -> None:
    """For whoever manages the trial: nobody is randomized in it until the caller's transaction ends."""
    if not has_permission(by, Permission.MANAGE_TRIAL, site=site):
        raise NotPermitted(_("You may not open or close this site."))
    Trial.objects.select_for_update(no_key=True).get(pk=site.trial_id)


def _refuse_conflicts(user: User, role: type[Role], trial: Trial | None) -> None:
    blinded = blinded_trials(None if trial is None else [trial.pk])
    apart = (*KEPT_APART, *APART_IF_BLINDED) if blinded else KEPT_APART
    for held in memberships(user):
        same_trial = trial is None or held.trial_id is None or held.trial_id == trial.pk
        pair = {BY_KEY[held.role], role}
        if same_trial and any(pair == {one, other} for one, other in apart):
            raise RolesKeptApart(
                _("One person cannot be both %(held)s and %(role)s in the same trial.")
                % {"held": BY_KEY[held.role].name, "role": role.name}
            )
