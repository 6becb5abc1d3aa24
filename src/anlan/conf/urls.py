"""Every address the server answers to."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from anlan.entrypoints.api import api
from anlan.entrypoints.web import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.status_page, name="status"),
    path("healthz", views.health, name="health"),
    path("metrics", views.metrics_page, name="metrics"),
    path("api/", api.urls),
]
