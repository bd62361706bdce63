"""The marks of long texts, and how forms are drawn."""

from django import forms

from trial.core.markup import paragraphs


def test_headings_lists_and_paragraphs():
    text = "First line\nof one paragraph.\n\n## Heading\nRight below.\n- one\n- two\n\nLast."

    assert paragraphs(text) == (
        "<p>First line of one paragraph.</p>\n<h2>Heading</h2>\n<p>Right below.</p>\n"
        "<ul><li>one</li><li>two</li></ul>\n<p>Last.</p>"
    )


def test_a_text_cannot_bring_markup_of_its_own():
    assert paragraphs("<script>x</script>\n\n- <b>y</b>") == (
        "<p>&lt;script&gt;x&lt;/script&gt;</p>\n<ul><li>&lt;b&gt;y&lt;/b&gt;</li></ul>"
    )


class Trip(forms.Form):
    where = forms.ChoiceField(choices=[("a", "Home"), ("b", "Away")], widget=forms.RadioSelect)
    days = forms.IntegerField(help_text="Whole days.")
    sure = forms.BooleanField(required=False)


def test_several_inputs_with_one_question_are_a_fieldset_with_a_legend():
    drawn = str(Trip())

    assert "<fieldset" in drawn
    assert "<legend>Where" in drawn
    assert '<label for="id_where_0">Home</label>' in drawn


def test_help_and_error_belong_to_their_field():
    drawn = str(Trip({"days": "many"}))

    assert 'aria-describedby="id_days_helptext id_days_error"' in drawn
    assert 'id="id_days_error"' in drawn
    assert 'aria-describedby="id_where_error"' in drawn
    assert 'aria-invalid="true"' in drawn


def test_the_error_summary_links_to_the_first_thing_that_can_be_answered():
    form = Trip({})

    assert [form[name].anchor for name in ("where", "days")] == ["id_where_0", "id_days"]
