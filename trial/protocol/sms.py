"""How many SMS a text takes (3GPP TS 23.038: seven bits a letter, sixteen with letters outside its table)."""

from math import ceil

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
"""Letters that take two places."""


def strange_letters(text: str) -> list[str]:
    """The letters outside the table, each once."""
    return sorted(set(text) - BASIC - EXTENDED)


def parts(text: str) -> int:
    """Number of SMS: one of 160 letters or several of 153; with strange letters 70 and 67."""
    if strange_letters(text):
        places, single, several = len(text.encode("utf-16-le")) // 2, 70, 67
    else:
        places, single, several = len(text) + sum(letter in EXTENDED for letter in text), 160, 153
    return 1 if places <= single else ceil(places / several)
