"""Permuted blocks."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from randomization.designs.base import StrataDesign
from randomization.drbg import Stream
from randomization.errors import DesignRefused


@dataclass(frozen=True)
class BlockDesign(StrataDesign):
    """Permuted blocks in each stratum; several block sizes mean that each block's size is drawn."""

    block_sizes: tuple[int, ...]

    method = "permuted_blocks"

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"block_sizes": list(self.block_sizes)}

    def refuse_what_can_be_guessed(self) -> None:
        super().refuse_what_can_be_guessed()
        if not self.block_sizes:
            raise DesignRefused(_("Name at least one block size."))
        if len(set(self.block_sizes)) != len(self.block_sizes):
            raise DesignRefused(_("A block size is named twice."))
        for size in self.block_sizes:
            refuse_bad_block(size, unit=len(self.arms))

    def places(self, stream: Stream, stratum: str, at_least: int) -> list[str]:
        """Whole blocks until there are `at_least`."""
        blocks = [self._block(size) for size in self.block_sizes]
        places: list[str] = []
        while len(places) < at_least:
            block = blocks[stream.below(len(blocks)) if len(blocks) > 1 else 0].copy()
            stream.shuffle(block)
            places += block
        return places

    def _block(self, size: int) -> list[str]:
        repeats = size // sum(self.ratio.values())
        return [arm for arm, share in self.ratio.items() for _place in range(share * repeats)]


def refuse_bad_block(size: int, *, unit: int) -> None:
    """Raises DesignRefused for a size that can be guessed, or that cannot hold the ratio's `unit` places."""
    if size <= 2:
        raise DesignRefused(
            _("Blocks of %(size)s are refused: every second allocation could be guessed for certain.")
            % {"size": size}
        )
    if size % unit:
        raise DesignRefused(
            _("A block of %(size)s cannot hold the ratio: it must be a multiple of %(unit)s.")
            % {"size": size, "unit": unit}
        )
