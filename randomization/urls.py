app_name = "randomization"
urlpatterns = []
