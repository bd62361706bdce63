import pytest

from trial.protocol.sms import parts, strange_letters


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("å" * 160, 1),
        ("å" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("–" * 70, 1),
        ("–" * 71, 2),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
    ],
)
def test_an_sms_holds_160_letters_of_the_table_or_70_others(text, number):
    assert parts(text) == number


def test_nordic_letters_belong_to_the_table_and_dashes_do_not():
    assert strange_letters("æøåÆØÅäöÄÖé {x}") == []
    assert strange_letters("a–b… – ŋ") == ["ŋ", "–", "…"]
