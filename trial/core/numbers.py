"""Numbers as people read them."""

from django.utils.formats import number_format


def rounded(value: float, decimals: int) -> str:
    """In the reader's language; `number_format` alone cuts off what is beyond the decimals, and keeps −0."""
    return str(number_format(round(value, decimals) + 0.0, decimals))


def percent(share: float, decimals: int = 0) -> str:
    """Of a share from 0 to 1."""
    return f"{rounded(100 * share, decimals)}\u00a0%"
