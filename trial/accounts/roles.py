"""Roles are plain classes that list permissions; a membership gives a user one, in a trial or at a site.

Concealment decides the cuts: whoever meets participants before allocation never sees a list; whoever analyses
never sees an arm or an identity; whoever designs the lists never meets a participant.
"""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from trial.accounts.permissions import Permission as P


class Role:
    """A named set of permissions. `key` is what the database stores."""

    key: ClassVar[str]
    name: ClassVar[Promise]
    permissions: ClassVar[frozenset[P]]


class Coordinator(Role):
    """Meets participants: verifies, randomizes, calls, corrects. Learns an arm after allocation."""

    key = "coordinator"
    name = _("Coordinator")
    permissions = frozenset(
        {
            P.VIEW_OFFICE,
            P.VIEW_PARTICIPANT,
            P.READ_IDENTITY,
            P.VERIFY_ELIGIBILITY,
            P.RANDOMIZE,
            P.VIEW_ARM,
            P.UNBLIND,
            P.RECORD_DEVIATION,
            P.RESOLVE_REPLY,
            P.RECORD_CALL,
            P.RECORD_STATUS,
            P.VIEW_HEALTH_ANSWERS,
            P.MANAGE_CASE,
        }
    )


class TrialManager(Role):
    """Runs the trial: everything a coordinator does, the protocol's life, members and the trail."""

    key = "trial_manager"
    name = _("Trial manager")
    permissions = Coordinator.permissions | {
        P.VIEW_DATA_ROOM,
        P.VIEW_UNBLINDINGS,
        P.MANAGE_TRIAL,
        P.MANAGE_MEMBERS,
        P.VIEW_AUDIT,
    }


class Statistician(Role):
    """Unblinded: designs and seals the lists. Never meets participants, so reads no identity."""

    key = "statistician"
    name = _("Statistician")
    permissions = frozenset(
        {
            P.VIEW_RANDOMIZATION_DESIGN,
            P.SEAL_LIST,
            P.RESERVE_ENVELOPES,
            P.VIEW_UNBLINDINGS,
            P.VIEW_DATA_ROOM,
        }
    )


class UnblindedStaff(Role):
    """Prepares or gives what an arm stands for in a blinded trial. Never verifies or randomizes anybody."""

    key = "unblinded_staff"
    name = _("Unblinded staff")
    permissions = frozenset(
        {P.VIEW_OFFICE, P.VIEW_PARTICIPANT, P.VIEW_ARM, P.VIEW_BLINDED_ARM, P.MANAGE_CASE}
    )


class Researcher(Role):
    """Blinded: pseudonymous data with masked arms."""

    key = "researcher"
    name = _("Researcher")
    permissions = frozenset({P.VIEW_DATA_ROOM, P.DOWNLOAD_EXPORT})


class Expert(Role):
    """Member of expert teams. Identities and answers open only through the cases they are members of."""

    key = "expert"
    name = _("Expert")
    permissions = frozenset({P.VIEW_CASE, P.WRITE_CASE, P.READ_IDENTITY, P.VIEW_HEALTH_ANSWERS})


class Monitor(Role):
    """Reads who did what, when and why. Writes nothing."""

    key = "monitor"
    name = _("Monitor")
    permissions = frozenset(
        {
            P.VIEW_OFFICE,
            P.VIEW_PARTICIPANT,
            P.VIEW_HEALTH_ANSWERS,
            P.VIEW_DATA_ROOM,
            P.VIEW_UNBLINDINGS,
            P.VIEW_AUDIT,
        }
    )


class SystemAdministrator(Role):
    """Runs the server and lets people in. Sees no participant."""

    key = "system_administrator"
    name = _("System administrator")
    permissions = frozenset({P.VIEW_OFFICE, P.MANAGE_MEMBERS, P.VIEW_SYSTEM})


ALL: tuple[type[Role], ...] = (
    Coordinator,
    TrialManager,
    Statistician,
    UnblindedStaff,
    Researcher,
    Expert,
    Monitor,
    SystemAdministrator,
)
BY_KEY: dict[str, type[Role]] = {role.key: role for role in ALL}
CHOICES = [(role.key, role.name) for role in ALL]
RUN_THE_SERVER = frozenset(role.key for role in ALL if P.VIEW_SYSTEM in role.permissions)
"""The keys of roles that reach beyond any one trial: they are given in the installation's name only."""
