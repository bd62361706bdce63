"""Everything that can be wrong with a protocol file, found at once and said with its place and its remedy."""

from trial.protocol.checks.problems import Problem, ProtocolProblems
from trial.protocol.checks.run import check, findings

__all__ = ["Problem", "ProtocolProblems", "check", "findings"]
