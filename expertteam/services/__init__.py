"""Everything that is written about cases, one function per act."""

from expertteam.services.cases import assign, end_assignment, may_manage, may_write, open_cases
from expertteam.services.identity import read_case, read_name
from expertteam.services.meetings import cancel_meeting, plan_meeting, record_attendance
from expertteam.services.time import log_time, remove_time
from expertteam.services.writing import save_advice, sign_advice, sign_note

__all__ = [
    "assign",
    "cancel_meeting",
    "end_assignment",
    "log_time",
    "may_manage",
    "may_write",
    "open_cases",
    "plan_meeting",
    "read_case",
    "read_name",
    "record_attendance",
    "remove_time",
    "save_advice",
    "sign_advice",
    "sign_note",
]
