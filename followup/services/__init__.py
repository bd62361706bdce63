"""The acts of follow-up. The sweeps are idempotent: run twice or by eight workers, they have one effect."""

from followup.services.answers import correct_answer, record_call, record_web_answer, resolve_reply
from followup.services.plans import finish_plans, make_plans
from followup.services.prompts import Turned, turn_due_occasions, turn_reminders
from followup.services.replies import Interpreted, interpret_inbound

__all__ = [
    "Interpreted",
    "Turned",
    "correct_answer",
    "finish_plans",
    "interpret_inbound",
    "make_plans",
    "record_call",
    "record_web_answer",
    "resolve_reply",
    "turn_due_occasions",
    "turn_reminders",
]
