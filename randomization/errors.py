"""What randomization may refuse, in sentences for the person who asked."""

from django.utils.translation import gettext as _

from trial.core.errors import DomainError


class DesignRefused(DomainError):
    """The protocol's design would let someone guess the next arm, or cannot be carried out."""


class AlreadySealed(DomainError):
    def __init__(self) -> None:
        super().__init__(_("The list of this trial is already sealed. A sealed list is never made again."))


class ListMissing(DomainError):
    def __init__(self) -> None:
        super().__init__(_("This trial's list is made elsewhere: choose its file."))


class ListNotWanted(DomainError):
    """A file came where the list is made from a seed: whoever chose it must not believe that it is sealed."""

    def __init__(self) -> None:
        super().__init__(_("This trial's list is made here, and not elsewhere: leave the file away."))


class SecondPersonNeeded(DomainError):
    def __init__(self) -> None:
        super().__init__(
            _("In this trial one statistician proposes the list, and another one approves and seals it.")
        )


class ProposalOutdated(DomainError):
    """Used, replaced by a newer one, or made under a protocol version that is no longer in force."""

    def __init__(self) -> None:
        super().__init__(
            _("This proposal no longer holds: there is a newer one, or another protocol version is in force.")
        )


class NotExtended(DomainError):
    """The list cannot be made longer in this way."""


class NotSealed(DomainError):
    def __init__(self) -> None:
        super().__init__(_("The statistician has not sealed the randomization list of this trial yet."))


class NotOver(DomainError):
    def __init__(self) -> None:
        super().__init__(
            _(
                "The list can be revealed when the trial is closed and its data are locked. "
                "The trial manager does that in the office."
            )
        )


class NotRevealed(DomainError):
    def __init__(self) -> None:
        super().__init__(_("The list of this trial has not been revealed yet."))


class NotReady(DomainError):
    """At least one condition for randomization does not hold; `missing` says which."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(
            _("This participant cannot be randomized yet. Missing: %(missing)s.")
            % {"missing": "; ".join(missing)}
        )


class NotRandomized(DomainError):
    def __init__(self) -> None:
        super().__init__(_("This participant is not randomized."))


class ListExhausted(DomainError):
    """All places of the stratum are used. The list never starts over: the statistician must add places."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "All places on the list for this site and these answers are used. Nobody was randomized. "
                "Ask the trial statistician for more."
            )
        )


class SiteRefused(DomainError):
    """This site does not take a late place: the sentence says why."""


class NoLatePlace(DomainError):
    """The sealed list has no place for another site. It never gets one by itself."""

    def __init__(self) -> None:
        super().__init__(
            _("The sealed list has no late place left for this site. This site cannot take part.")
        )


class ListDamaged(DomainError):
    """What is stored does not open or does not agree with itself. Nothing is allocated from such a list."""

    def __init__(self, what: str) -> None:
        super().__init__(
            _("The sealed list does not agree with itself (%(what)s). Tell the statistician.")
            % {"what": what}
        )


class TrailDisagrees(DomainError):
    """The audit trail and the tables of randomization do not say the same, or the trail was touched."""

    def __init__(self, what: str) -> None:
        super().__init__(
            _("The audit trail and the randomization do not agree (%(what)s). Tell the statistician.")
            % {"what": what}
        )


class EnvelopesRefused(DomainError):
    """No places can be taken out of the list for envelopes, or not so many."""


class EnvelopeRefused(DomainError):
    """This envelope cannot have been opened for this participant, or its end is on record already."""


class UnblindingRefused(DomainError):
    """Nobody may be unblinded here, or not by this person, or the reason does not say enough."""
