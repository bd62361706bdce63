"""Whose words a page about randomization says."""

from django.http import Http404

from randomization.models import SealedList
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.selectors import active_version


def in_force(trial: Trial) -> ProtocolVersion:
    """The version in force; 404 before there is one."""
    try:
        return active_version(trial)
    except ProtocolVersion.DoesNotExist:
        raise Http404 from None


def of_list(sealed: SealedList | None, trial: Trial) -> ProtocolVersion:
    """The version after which the list was made; before that, the one by which it would be."""
    return sealed.protocol_version if sealed else in_force(trial)
