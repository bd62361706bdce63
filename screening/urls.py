from django.urls import path

from screening.views import joining, participant, public

app_name = "screening"

urlpatterns = [
    path("", public.trials, name="trials"),
    path("t/<slug:slug>/", public.about, name="about"),
    path("t/<slug:slug>/start/", public.start, name="start"),
    path("t/<slug:slug>/questions/<int:page>/", public.questions, name="questions"),
    path("t/<slug:slug>/check/", public.check, name="check"),
    path("t/<slug:slug>/result/", public.result, name="result"),
    path("t/<slug:slug>/again/", public.again, name="again"),
    path("t/<slug:slug>/consent/", joining.consent, name="consent"),
    path("t/<slug:slug>/declined/", public.declined, name="declined"),
    path("t/<slug:slug>/contact/", joining.contact, name="contact"),
    path("t/<slug:slug>/confirm/", joining.confirm, name="confirm"),
    path("t/<slug:slug>/confirm/again/", joining.send_again, name="send_again"),
    path("t/<slug:slug>/confirm/phone/", joining.correct_phone, name="correct_phone"),
    path("baseline/", participant.baseline, name="baseline"),
    path("baseline/later/", participant.later, name="later"),
    path("baseline/thanks/", participant.thanks, name="thanks"),
    path("consent/", participant.consent_copy, name="consent_copy"),
    path("consent/text/", participant.consent_text, name="consent_text"),
]
