from django.urls import path

from trial.portal import views

app_name = "portal"

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.login, name="login"),
    path("login/code/", views.code, name="code"),
    path("login/code/again/", views.code_again, name="code_again"),
    path("logout/", views.logout, name="logout"),
    path("messages/", views.sent, name="messages"),
    path("advice/", views.advice, name="advice"),
    path("week/<int:number>/", views.week, name="week"),
    path("break/", views.pause, name="pause"),
    path("break/end/", views.resume, name="resume"),
    path("phone/", views.phone, name="phone"),
    path("phone/code/", views.phone_code, name="phone_code"),
    path("phone/code/again/", views.phone_code_again, name="phone_code_again"),
    path("withdraw/", views.withdraw, name="withdraw"),
    path("withdraw/<slug:kind>/", views.withdraw_from, name="withdraw_from"),
]
