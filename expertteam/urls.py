from django.urls import path

from expertteam.views import cases, identity, meetings, team, time, writing

app_name = "expertteam"
urlpatterns = [
    path("", cases.cases, name="cases"),
    path("<str:study_id>/", cases.case, name="case"),
    path("<str:study_id>/team/", team.team, name="team"),
    path("<str:study_id>/team/<int:member>/leave/", team.leave, name="leave"),
    path("<str:study_id>/notes/", writing.note, name="new_note"),
    path("<str:study_id>/notes/<uuid:thread>/", writing.note, name="note"),
    path("<str:study_id>/advice/", writing.advice, name="new_advice"),
    path("<str:study_id>/advice/<uuid:thread>/", writing.advice, name="advice"),
    path("<str:study_id>/meetings/", meetings.plan, name="plan"),
    path("<str:study_id>/meetings/<int:meeting>/", meetings.attendance, name="attendance"),
    path("<str:study_id>/meetings/<int:meeting>/cancel/", meetings.cancel, name="cancel"),
    path("<str:study_id>/time/", time.time, name="time"),
    path("<str:study_id>/time/<uuid:entry>/remove/", time.remove, name="remove_time"),
    path("<str:study_id>/name/", identity.name, name="name"),
]
