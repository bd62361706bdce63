"""What one snapshot is about, and its participants in batches, so that no table is ever held in memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from analysis.export.masking import Mask
from trial.people.models import Participant
from trial.people.selectors import without_data_withdrawn
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.reading import Study
from trial.protocol.schema import BASELINE, Instrument, Item, Protocol
from trial.protocol.selectors import study_of

BATCH = 100
"""Participants per batch: a few queries each, and a few thousand answers in memory."""


@dataclass(frozen=True)
class Scope:
    """One trial at one moment."""

    trial: Trial
    versions: tuple[ProtocolVersion, ...]
    """Every version that was ever in force, the present one first."""
    mask: Mask
    arms: Mapping[int, str]
    """Arm by participant."""
    randomized_at: Mapping[int, datetime]
    now: datetime

    @cached_property
    def studies(self) -> tuple[Study, ...]:
        return tuple(study_of(version) for version in self.versions)

    @property
    def protocol(self) -> Protocol:
        """The one in force."""
        return self.studies[0].protocol

    @property
    def language(self) -> str:
        return self.protocol.language

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.protocol.time_zone)

    def day(self, moment: datetime | None) -> date | None:
        """The trial's local day of a moment."""
        return moment and moment.astimezone(self.zone).date()

    def batches(self) -> Iterator[list[Participant]]:
        """Everybody whose data may leave, sorted by study id."""
        everybody = (
            without_data_withdrawn(Participant.objects.filter(trial=self.trial))
            .select_related("site", "protocol_version")
            .defer("protocol_version__source", "protocol_version__instruments")
            .order_by("study_id")
        )
        after = ""
        while batch := list(everybody.filter(study_id__gt=after)[:BATCH]):
            yield batch
            after = batch[-1].study_id

    def instruments(self) -> dict[str, Instrument]:
        """Every instrument of every version, as the latest version that has it words it."""
        found: dict[str, Instrument] = {}
        for study in self.studies:
            found = {**study.instruments, **found}
        return dict(sorted(found.items()))

    def items_of(self, instrument: str) -> list[Item]:
        """The instrument's questions in all versions, with all their options."""
        return merged(
            study.instruments[instrument].items for study in self.studies if instrument in study.instruments
        )

    def eligibility_items(self) -> list[Item]:
        return merged(study.protocol.eligibility.items for study in self.studies)

    def occasions(self) -> dict[str, str]:
        """The occasions in the order of the trial, and their titles."""
        found = {BASELINE: "before randomization"}
        for study in self.studies:
            for one in study.protocol.questionnaires:
                found.setdefault(one.occasion, one.title.in_(self.language))
        return found


def merged(versions: Iterable[Iterable[Item]]) -> list[Item]:
    """The items of several versions, latest first: each once, with the options of all of them."""
    items: dict[str, Item] = {}
    for version in versions:
        for item in version:
            known = items.setdefault(item.key, item)
            values = {option.value for option in known.options}
            if dropped := tuple(option for option in item.options if option.value not in values):
                items[item.key] = known.model_copy(update={"options": (*known.options, *dropped)})
    return list(items.values())
