"""A list that was made elsewhere: the design says only what it must look like."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from randomization.designs.base import StrataDesign
from randomization.designs.blocks import refuse_bad_block
from randomization.drbg import Stream
from randomization.errors import DesignRefused


@dataclass(frozen=True)
class ImportedDesign(StrataDesign):
    """The statistician brings the list; nothing can be made again from a seed."""

    block_size: int | None
    """Size of the blocks by which the list is checked; None where it has none."""

    method = "imported_list"

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"block_size": self.block_size}

    def refuse_what_can_be_guessed(self) -> None:
        super().refuse_what_can_be_guessed()
        if self.block_size is not None:
            refuse_bad_block(self.block_size, unit=len(self.arms))

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        raise DesignRefused(_("This trial's list is made elsewhere: choose its file."))
