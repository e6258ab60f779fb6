"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from dispatch.console.api import api as dispatch_api
from project import views

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("demo/sign-in/", views.demo_sign_in, name="demo-sign-in"),
    path("admin/", admin.site.urls),
    path("console/", include("dispatch.console.urls")),
    path("api/dispatch/", dispatch_api.urls),
]

handler403 = "project.views.permission_denied"
handler404 = "project.views.page_not_found"
handler500 = "project.views.server_error"
