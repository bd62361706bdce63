"""Where a participant stands on the way to randomization, read in one statement of our own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from screening.eligibility import eligibility, left_to_a_person
from trial.core.db import rows
from trial.people.models import Participant, Status
from trial.protocol.models import ProtocolVersion
from trial.protocol.schema import BASELINE, Criterion
from trial.protocol.selectors import protocol_of

STANDING = """
SELECT site.key,
       ARRAY(SELECT name FROM people_participantstatus
              WHERE participant_id = participant.id AND at <= %(at)s),
       EXISTS (SELECT FROM screening_consent WHERE participant_id = participant.id),
       verification.eligible, (SELECT version_id FROM protocol_activation
                                WHERE trial_id = participant.trial_id AND at <= verification.at
                                ORDER BY id DESC LIMIT 1),
       verification.decisions, attempt.answers,
       (SELECT jsonb_object_agg(answer.item, answer.value)
          FROM questionnaires_responseset AS response
          JOIN questionnaires_answer AS answer ON answer.response_set_id = response.id
         WHERE response.participant_id = participant.id AND response.occasion = %(baseline)s)
  FROM people_participant AS participant
  JOIN people_site AS site ON site.id = participant.site_id
  LEFT JOIN screening_attempt AS attempt ON attempt.participant_id = participant.id
  LEFT JOIN LATERAL (SELECT eligible, decisions, at FROM screening_verification
                      WHERE participant_id = participant.id
                      ORDER BY id DESC LIMIT 1) AS verification ON true
 WHERE participant.id = %(participant)s
"""
STANDING_COLUMNS = 8
"""So that another room's statement can take this one in, and split what comes."""

GONE = {
    Status.WITHDRAWN_INTERVENTION,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
    Status.DIED,
    Status.COMPLETED,
}
"""Nobody comes back from these."""


@dataclass(frozen=True)
class Standing:
    """What decides whether somebody may be randomized, as it was at one moment."""

    site: str
    """Key of the participant's site."""
    happened: frozenset[str]
    """Names of all statuses so far, also of those that later ones undid."""
    has_consented: bool
    found_eligible: bool
    """What the coordinator's latest word comes to."""
    verified_under: int | None
    """Id of the protocol version that was in force when that was said."""
    decisions: Mapping[str, bool]
    """The coordinator's latest word on each criterion: true where it does not stand in the way."""
    screening: Mapping[str, Any]
    """The eligibility answers."""
    baseline: Mapping[str, Any]
    """The answers to the baseline questionnaire."""

    @classmethod
    def read(cls, *columns: Any) -> Self:
        """From the columns of the statement."""
        site, happened, consented, eligible, verified_under, *documents = columns
        decisions, screening, baseline = (json.loads(document or "{}") for document in documents)
        return cls(
            site=site,
            happened=frozenset(happened),
            has_consented=consented,
            found_eligible=bool(eligible),
            verified_under=verified_under,
            decisions=decisions,
            screening=screening,
            baseline=baseline,
        )

    @property
    def has_left(self) -> bool:
        return not self.happened.isdisjoint(GONE)

    @property
    def has_finished_baseline(self) -> bool:
        return Status.BASELINE_COMPLETED in self.happened

    def fits(self, version: ProtocolVersion) -> bool:
        """Whether no answer stands against a criterion of this version."""
        return not eligibility(self.screening, protocol_of(version)).failed

    def is_verified(self, version: ProtocolVersion) -> bool:
        """Whether somebody went through all criteria of this version that the answers leave open.

        What was said about a criterion that had another wording then does not count.
        """
        asked = left_to_a_person(self.screening, protocol_of(version))
        then = self._criteria_then(version)
        return self.found_eligible and all(
            criterion in then and self.decisions.get(criterion.key) for criterion in asked
        )

    def answer(self, item: str) -> Any:
        """What was answered before randomization; None where nothing was."""
        return self.screening.get(item, self.baseline.get(item))

    def _criteria_then(self, version: ProtocolVersion) -> tuple[Criterion, ...]:
        if self.verified_under is not None and self.verified_under != version.pk:
            version = ProtocolVersion.objects.get(pk=self.verified_under)
        return protocol_of(version).eligibility.criteria


def standing_of(participant: Participant, *, at: datetime | None = None) -> Standing:
    """As committed at this moment; what a caller locked before stays so until its transaction ends.

    Of the statuses all, whatever time they bear: clocks differ, and a click may have waited. With `at`, those
    until then.
    """
    return rows(Standing.read, STANDING, standing_values(participant, at=at))[0]


def standing_values(participant: Participant, *, at: datetime | None = None) -> dict[str, Any]:
    """What the statement asks for."""
    return {"participant": participant.pk, "at": at or "infinity", "baseline": BASELINE}
