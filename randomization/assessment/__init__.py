"""What a design leads to before anybody is randomized: balance, what can be guessed, power. Pure numbers."""

from randomization.assessment.report import MAXIMUM_PARTICIPANTS, assess, refuse_what_cannot_be_assessed

__all__ = ["MAXIMUM_PARTICIPANTS", "assess", "refuse_what_cannot_be_assessed"]
