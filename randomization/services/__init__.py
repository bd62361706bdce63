"""The acts of randomization."""

from randomization.services.allocation import allocate
from randomization.services.clusters import allocate_late_site
from randomization.services.deviations import record_deviation
from randomization.services.envelopes import (
    print_envelopes,
    reserve_envelopes,
    return_envelope,
    use_envelope,
)
from randomization.services.extension import extend_lists
from randomization.services.notices import plan_notices, send_notices
from randomization.services.proposals import approve_proposal, propose_list, proposed_list
from randomization.services.reports import ask_for_report, make_due_reports
from randomization.services.reveal import reveal_list
from randomization.services.sealing import seal_lists
from randomization.services.unblinding import ask_to_unblind, decide_unblinding, unblinded_arm

__all__ = [
    "allocate",
    "allocate_late_site",
    "approve_proposal",
    "ask_for_report",
    "ask_to_unblind",
    "decide_unblinding",
    "extend_lists",
    "make_due_reports",
    "plan_notices",
    "print_envelopes",
    "propose_list",
    "proposed_list",
    "record_deviation",
    "reserve_envelopes",
    "return_envelope",
    "reveal_list",
    "seal_lists",
    "send_notices",
    "unblinded_arm",
    "use_envelope",
]
