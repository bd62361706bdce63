"""What the rules of screening say no to."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from trial.core.errors import DomainError


class NotRecruiting(DomainError):
    """The trial takes in nobody now."""

    def __init__(self) -> None:
        super().__init__(_("This study does not take in new participants now."))


class SiteNotOpen(DomainError):
    """The site takes in nobody now."""

    def __init__(self) -> None:
        super().__init__(_("This place does not take in new participants now. Choose another one."))


class Unanswered(DomainError):
    """Criteria that cannot be decided because something is not answered."""

    def __init__(self, items: Collection[str]) -> None:
        self.items = frozenset(items)
        super().__init__(_("Some questions still need an answer before we can tell you if you fit."))


class AlreadyDecided(DomainError):
    """The answers are in use and can no longer be changed here."""

    def __init__(self) -> None:
        super().__init__(_("You have already sent these answers."))


class NotEligible(DomainError):
    """The step is for those who fit."""

    def __init__(self) -> None:
        super().__init__(_("Answer the questions about whether you can take part first."))


class ConsentMissing(DomainError):
    """Nobody is registered without a consent that holds."""

    def __init__(self) -> None:
        super().__init__(_("We need your consent before you go on."))


class TextChanged(DomainError):
    """The consent text on the server is not the one that was read."""

    def __init__(self) -> None:
        super().__init__(_("The text has changed since you opened the page. Please read it again."))


class BaselineNotFinished(DomainError):
    """The criteria are checked when the first questionnaire is there."""

    def __init__(self) -> None:
        super().__init__(_("The participant has not finished the first questionnaire."))


class AlreadyRandomized(DomainError):
    """The decision that led to randomization stands."""

    def __init__(self) -> None:
        super().__init__(_("The participant is randomized; the decision about the criteria stands."))


class DecisionMissing(DomainError):
    """Every criterion needs its own decision."""

    def __init__(self, criteria: Collection[str]) -> None:
        self.criteria = tuple(criteria)
        super().__init__(_("Decide on every criterion: %(missing)s.") % {"missing": ", ".join(self.criteria)})
