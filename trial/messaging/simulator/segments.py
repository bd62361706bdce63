"""How many SMS a text fills: 160 characters of the GSM alphabet, 70 of any other; fewer each when joined."""

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_ESCAPED = frozenset("^{}\\[~]|€\f")


def segments(body: str) -> int:
    """Source: 3GPP TS 23.038."""
    if set(body) <= GSM | GSM_ESCAPED:
        length, alone, joined = len(body) + sum(letter in GSM_ESCAPED for letter in body), 160, 153
    else:
        length, alone, joined = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= alone else -(-length // joined)
