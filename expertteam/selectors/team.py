"""Who is on a case's team, who could be, and whom the protocol would ask."""

from dataclasses import dataclass

from django.db.models import QuerySet

from expertteam.models import Case, CaseMember
from expertteam.selectors.summary import answers_and_scores
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.people.selectors import Someone, users_with
from trial.protocol.expressions import evaluate
from trial.protocol.schema import Profession
from trial.protocol.schema.trial import ExpertTeam
from trial.protocol.selectors import protocol_of


def team_of(case: Case) -> ExpertTeam:
    """What the protocol says about teams, in the version under which the case was opened."""
    team = protocol_of(case.protocol_version).expert_team
    if team is None:
        raise LookupError(f"{case.protocol_version} has no expert team, yet {case} is a case.")
    return team


def members_of(case: Case) -> QuerySet[CaseMember]:
    """Who is on the team now, the lead first."""
    return CaseMember.objects.filter(case=case, until=None).select_related("user").order_by("-lead", "since")


def is_member(user: Someone, case: Case) -> bool:
    return user.is_authenticated and members_of(case).filter(user=user).exists()


def leads(user: Someone, case: Case) -> bool:
    return user.is_authenticated and members_of(case).filter(user=user, lead=True).exists()


def candidates(case: Case) -> QuerySet[User]:
    """Experts at the participant's site; who is on the team already may get another seat or the lead."""
    return users_with(Permission.VIEW_CASE, site=case.participant.site)


def profession_name(case: Case, key: str, language: str) -> str:
    """What people call a profession; its key where the protocol no longer knows it."""
    names = {profession.key: profession.name.in_(language) for profession in team_of(case).professions}
    return names.get(key, key)


@dataclass(frozen=True)
class Seat:
    """One profession of the protocol, and whether this team needs, suggests and has it."""

    profession: Profession
    name: str
    suggested: bool
    members: tuple[CaseMember, ...]

    @property
    def wanted(self) -> bool:
        """Whether somebody is still to be found."""
        return (self.profession.required or self.suggested) and not self.members


def seats(case: Case, language: str) -> list[Seat]:
    """The team as the protocol composes it from this participant's eligibility and baseline answers."""
    known = answers_and_scores(case.participant)
    members = list(members_of(case))
    return [
        Seat(
            profession,
            profession.name.in_(language),
            profession.suggest is not None and evaluate(profession.suggest, known) is True,
            tuple(member for member in members if member.profession == profession.key),
        )
        for profession in team_of(case).professions
    ]
