"""The acts of randomization."""

from randomization.services.allocation import allocate
from randomization.services.sealing import seal_lists

__all__ = ["allocate", "seal_lists"]
