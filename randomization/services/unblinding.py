"""Emergency unblinding: one participant, one reason, one asker. The analysis stays as randomized."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from randomization.arms import arm_of
from randomization.errors import UnblindingRefused
from randomization.models import Allocation, Notice, Unblinding, UnblindingDecision
from randomization.services.notices import plan_notices
from randomization.unblindings import Asked, may_be_unblinded, rules_of
from trial.accounts.models import User
from trial.accounts.permissions import Permission
from trial.accounts.roles import ALL
from trial.audit.services import record_read
from trial.people.errors import NotPermitted
from trial.people.models import Participant, Site
from trial.people.selectors import has_permission
from trial.people.services import lock_participant
from trial.protocol.schema.trial import Arm
from trial.protocol.schema.trial import Unblinding as Rules
from trial.protocol.selectors import protocol_of

FEWEST_WORDS = 4
MAY_DECIDE = [role.key for role in ALL if Permission.UNBLIND in role.permissions]


@transaction.atomic
def ask_to_unblind(*, participant: Participant, reason: str, by: User, now: datetime) -> Unblinding:
    """Ask for one participant's arm in an emergency; released at once where no second person is wanted.

    The roles that the protocol names are told, and whoever may decide; never the arm. While a request waits
    or is released, the asker's next one is the same. Raises NotPermitted, or UnblindingRefused.
    """
    _must_be_allowed(by, participant.site)
    lock_participant(participant)
    rules = _rules(participant)
    if len(reason.split()) < FEWEST_WORDS:
        raise UnblindingRefused(
            _("Write why you must know the group, in at least %(words)s words.") % {"words": FEWEST_WORDS}
        )
    refused = UnblindingDecision.objects.filter(released=False).values("unblinding")
    own = Unblinding.objects.filter(participant=participant, by=by).exclude(pk__in=refused)
    if existing := own.first():
        return existing
    unblinding = Unblinding.objects.create(participant=participant, reason=reason.strip(), by=by, at=now)
    if rules.second_person:
        _tell(Notice.Kind.UNBLINDING_ASKED, unblinding, {*rules.tell, *MAY_DECIDE}, now=now)
    else:
        _decide(unblinding, released=True, by=by, rules=rules, now=now)
    return unblinding


@transaction.atomic
def decide_unblinding(
    *, unblinding: Unblinding, released: bool, by: User, now: datetime
) -> UnblindingDecision:
    """Release the arm to the asker or refuse to, as somebody else. The first decision stands and is returned.

    The asker and the roles that the protocol names are told; never the arm. Raises NotPermitted, or
    UnblindingRefused for the asker's own request.
    """
    participant = unblinding.participant
    _must_be_allowed(by, participant.site)
    lock_participant(participant)
    if by.pk == unblinding.by_id:
        raise UnblindingRefused(_("Somebody else must decide about your own request."))
    if existing := UnblindingDecision.objects.filter(unblinding=unblinding).first():
        return existing
    return _decide(unblinding, released=released, by=by, rules=_rules(participant), now=now)


def unblinded_arm(*, user: User, asked: Asked, now: datetime) -> Arm:
    """The arm, to the one who asked, after the release; each time it is kept in the read log with the reason.

    Raises NotPermitted for anybody else, and for the asker before the release or after their role ended.
    """
    unblinding = asked.unblinding
    participant = unblinding.participant
    _must_be_allowed(user, participant.site)
    if unblinding.by_id != user.pk or not asked.is_released:
        raise NotPermitted(_("You may not know which arm this participant is in."))
    allocation = Allocation.objects.select_related("place__stratum").get(participant=participant)
    record_read(
        what="arm",
        participant_study_id=participant.study_id,
        fields=["arm"],
        reason=unblinding.reason,
        now=now,
    )
    return protocol_of(allocation.protocol_version).arm(arm_of(allocation))


def _must_be_allowed(user: User, site: Site) -> None:
    if not has_permission(user, Permission.UNBLIND, site=site):
        raise NotPermitted(_("You may not unblind participants of this site."))


def _rules(participant: Participant) -> Rules:
    rules = rules_of(participant.trial)
    if rules is None or not may_be_unblinded(participant):
        raise UnblindingRefused(_("Only a randomized participant of a blinded trial can be unblinded."))
    return rules


def _decide(
    unblinding: Unblinding, *, released: bool, by: User, rules: Rules, now: datetime
) -> UnblindingDecision:
    decision = UnblindingDecision.objects.create(unblinding=unblinding, released=released, by=by, at=now)
    kind = Notice.Kind.UNBLINDED if released else Notice.Kind.UNBLINDING_REFUSED
    asker = [unblinding.by] if by != unblinding.by else []
    _tell(kind, unblinding, rules.tell, also=asker, now=now)
    return decision


def _tell(
    kind: Notice.Kind,
    unblinding: Unblinding,
    roles: Collection[str],
    *,
    also: Collection[User] = (),
    now: datetime,
) -> None:
    participant = unblinding.participant
    plan_notices(kind=kind, about=unblinding.pk, participant=participant, roles=roles, also=also, now=now)
