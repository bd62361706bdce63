"""How every form of Tilbake is drawn: one renderer, one bound field, the templates in `templates/forms/`.

A page writes `{% include "forms/errors.html" %}` above its heading and `{{ form }}` inside its
`<form class="tb-form" method="post" novalidate>`. The error summary takes the focus, links to each field, and
each field says again what is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext_lazy as _

from trial.core.errors import DomainError

WHOLE_NUMBER = {
    "required": _("Write a whole number."),
    "invalid": _("Write a whole number, without decimals."),
    "min_value": _("Write %(limit_value)s or more."),
    "max_value": _("Write %(limit_value)s or less."),
}
"""What a field for a whole number says instead of Django's own sentences."""


def tried(
    form: forms.Form, act: Callable[[], object], at: Mapping[type[DomainError], str] | None = None
) -> bool:
    """Do it; a rule of the trial that says no becomes an error of the form, at the field that `at` names."""
    try:
        act()
    except DomainError as refused:
        field = next((name for kind, name in (at or {}).items() if isinstance(refused, kind)), None)
        form.add_error(field, str(refused))
        return False
    return True


class Field(BoundField):
    """A bound field that knows how our templates draw it."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        classes = (widget or self.field.widget).attrs.get("class", "")
        return attrs | {"class": f"{classes} ds-input".strip()}

    @property
    def is_group(self) -> bool:
        """Several inputs with one question: drawn as a fieldset."""
        return isinstance(self.field.widget, (forms.RadioSelect, forms.CheckboxSelectMultiple))

    @property
    def is_tick(self) -> bool:
        return isinstance(self.field.widget, forms.CheckboxInput)

    @property
    def is_scale(self) -> bool:
        """A row of numbers: the widget says so with `data-scale`."""
        return "data-scale" in self.field.widget.attrs

    @property
    def anchor(self) -> str:
        """The id that the error summary links to: the first thing that can be answered."""
        return f"{self.auto_id}_0" if self.is_group else self.auto_id


class Renderer(TemplatesSetting):
    """Django's own form rendering with our templates; set as FORM_RENDERER."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
    bound_field_class = Field
