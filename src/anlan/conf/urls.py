"""Every address the server answers to."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from anlan.entrypoints.api import api
from anlan.entrypoints.web import views
from anlan.entrypoints.web.pages import (
    cases,
    comparing,
    duties,
    replays,
    reporting,
    reviews,
    signing,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.status_page, name="status"),
    path("healthz", views.health, name="health"),
    path("metrics", views.metrics_page, name="metrics"),
    path("api/", api.urls),
    path("sign-in", signing.sign_in),
    path("sign-out", signing.sign_out),
    path("welcome", signing.welcome),
    path("language", signing.choose_language),
    path("report", reporting.report),
    path("follow", reporting.follow),
    path("duties", duties.duties),
    path("duties/<int:notice>/answer", duties.answer),
    path("cases", cases.case_list),
    path("cases/<int:case_id>", cases.case_page),
    path("cases/<int:case_id>/<str:trigger>", cases.case_move),
    path("replays", replays.replays),
    path("replays/new", replays.new_replay),
    path("replays/compare", comparing.compare_replays),
    path("replays/<int:run>", replays.replay_page),
    path("replays/<int:run>/stop", replays.stop_replay),
    path("replays/<int:run>/review", reviews.replay_review),
    path("review", reviews.review),
]
