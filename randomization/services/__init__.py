"""The acts of randomization."""

from randomization.services.allocation import allocate
from randomization.services.notices import plan_notices, send_notices
from randomization.services.sealing import seal_lists

__all__ = ["allocate", "plan_notices", "seal_lists", "send_notices"]
