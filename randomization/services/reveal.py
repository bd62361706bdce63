"""Revealing a trial's list when the trial is over."""

from datetime import datetime

from django.db import transaction

from randomization.errors import NotOver, NotSealed
from randomization.models import Reveal, SealedList
from trial.accounts.models import User
from trial.protocol.models import Trial
from trial.protocol.selectors import is_locked


@transaction.atomic
def reveal_list(*, trial: Trial, by: User, now: datetime) -> Reveal:
    """Let anybody see the list, its nonce and its seed from now on. A second call returns the first reveal.

    Raises NotSealed, and NotOver while somebody could still be randomized or a blinded answer still change.
    """
    sealed = SealedList.objects.select_for_update().filter(trial=trial).first()
    if sealed is None:
        raise NotSealed
    if not is_locked(trial):
        raise NotOver
    revealed, _created = Reveal.objects.get_or_create(sealed_list=sealed, defaults={"at": now, "by": by})
    return revealed
