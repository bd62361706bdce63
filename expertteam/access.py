"""The doors to cases: 404 to whoever may not know that there is one."""

from django.http import Http404

from expertteam.models import Case
from expertteam.selectors import cases_for
from expertteam.services import may_manage, may_write
from trial.accounts.models import User
from trial.people.study_id import read_study_id


def access_case(user: User, study_id: str) -> Case:
    """The case, for its team and for who manages cases at the site; else 404."""
    case = cases_for(user).filter(participant__study_id=read_study_id(study_id)).first()
    if case is None:
        raise Http404
    return case


def access_case_as_member(user: User, study_id: str) -> Case:
    """The case, for its team; else 404."""
    case = access_case(user, study_id)
    if not may_write(case, user):
        raise Http404
    return case


def access_case_to_manage(user: User, study_id: str) -> Case:
    """The case, for who puts its team together; else 404."""
    case = access_case(user, study_id)
    if not may_manage(case, user):
        raise Http404
    return case


def access_case_to_plan(user: User, study_id: str) -> Case:
    """The case, for who plans its meetings: the team and who manages it; else 404."""
    case = access_case(user, study_id)
    if not (may_write(case, user) or may_manage(case, user)):
        raise Http404
    return case
