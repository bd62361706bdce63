from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trial.protocol.expressions import ExpressionError, evaluate, syntax_error, texts, variables

THREE = st.sampled_from([True, False, None])


def known(**answers):
    return {key: value for key, value in answers.items() if value is not None}


def kleene_and(a, b):
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def kleene_or(a, b):
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def kleene_not(a):
    return None if a is None else not a


@given(THREE, THREE)
def test_and_or_and_not_follow_kleene_on_both_sides(a, b):
    answers = known(a=a, b=b)
    assert evaluate("a && b", answers) is kleene_and(a, b)
    assert evaluate("a || b", answers) is kleene_or(a, b)
    assert evaluate("!a", answers) is kleene_not(a)


TREES = st.recursive(
    st.sampled_from(["a", "b", "c", "d"]),
    lambda inner: st.one_of(
        st.tuples(st.just("!"), inner), st.tuples(st.sampled_from(["&&", "||"]), inner, inner)
    ),
    max_leaves=12,
)


def written(tree):
    match tree:
        case str():
            return tree
        case ("!", inner):
            return f"!({written(inner)})"
        case (operator, left, right):
            return f"({written(left)} {operator} {written(right)})"


def worth(tree, answers):
    match tree:
        case str():
            return answers[tree]
        case ("!", inner):
            return kleene_not(worth(inner, answers))
        case ("&&", left, right):
            return kleene_and(worth(left, answers), worth(right, answers))
        case ("||", left, right):
            return kleene_or(worth(left, answers), worth(right, answers))


@given(TREES, st.fixed_dictionaries(dict.fromkeys("abcd", THREE)))
def test_any_nested_condition_follows_kleene(tree, answers):
    assert evaluate(written(tree), answers) is worth(tree, answers)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_whole_numbers_decimals_and_fractions_compare_alike(left, right):
    for number in (left, float(left), Decimal(left)):
        assert evaluate(f"n >= {right}", {"n": number}) is (left >= right)
        assert evaluate(f"n < {right}.5", {"n": number}) is (
            left < right + 0.5 if right >= 0 else left < right - 0.5
        )


def test_a_missing_answer_decides_nothing_unless_the_rest_does():
    expression = "sick_listed && weeks >= 8 && weeks <= 20"
    assert evaluate(expression, {}) is None
    assert evaluate(expression, {"sick_listed": True}) is None
    assert evaluate(expression, {"sick_listed": False}) is False
    assert evaluate(expression, {"weeks": 30}) is False
    assert evaluate(expression, {"sick_listed": True, "weeks": 8}) is True


def test_none_means_not_answered():
    assert evaluate("a", {"a": None}) is None


def test_an_answer_of_several_options_is_a_list():
    assert evaluate("'pregnant' in conditions", {"conditions": ["pregnant", "other"]}) is True
    assert evaluate("'pregnant' in conditions", {"conditions": ["none"]}) is False
    assert evaluate("'pregnant' in conditions", {}) is None


def test_postal_codes_compare_as_text_of_the_same_length():
    expression = "code >= '6000' && code <= '7999'"
    assert evaluate(expression, {"code": "7030"}) is True
    assert evaluate(expression, {"code": "0150"}) is False


def test_what_can_never_be_true_or_false_is_a_mistake_of_the_protocol():
    with pytest.raises(ExpressionError, match="different kinds"):
        evaluate("weeks > 'many'", {"weeks": 3})
    with pytest.raises(ExpressionError, match="not true or false"):
        evaluate("weeks + 1", {"weeks": 3})


SYNTAX = [
    ("a >", "it ends too early, at column 4"),
    ("a and b", "“and” cannot stand at column 3; write &&"),
    ("a = 3", "“=” cannot stand at column 3; write == to compare"),
    ("(a > 3", ") is missing at column 7"),
    ("a == 'x", "“'” cannot stand at column 6; a text must be closed with the quote that opened it"),
    ("a &&\nb c", "“c” cannot stand at line 2, column 3"),
    ("a &&\n(b\n", ") is missing at line 3, column 1"),
    ("", "it ends too early, at column 1"),
]


@pytest.mark.parametrize(("expression", "said"), SYNTAX)
def test_syntax_is_explained_with_its_place_in_plain_words(expression, said):
    assert syntax_error("a && b") is None
    assert syntax_error(expression) == said


@given(st.text("ab 'x\"&|=<>!()[]3\n", max_size=12))
def test_whatever_is_written_the_explanation_is_one_plain_line(expression):
    said = syntax_error(expression) or ""
    assert "\n" not in said
    assert "Syntax error" not in said


def test_variables_and_quoted_texts_are_found():
    expression = """kind == "pain" || 'x' in list && weeks > 3"""
    assert variables(expression) == {"kind", "list", "weeks"}
    assert texts(expression) == ["pain", "x"]
