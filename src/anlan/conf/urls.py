"""Every address the server answers to."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from anlan.entrypoints.api import api
from anlan.entrypoints.web import views
from anlan.entrypoints.web.pages import (
    cases,
    comparing,
    design,
    duties,
    inbox,
    replays,
    reporting,
    reviews,
    settings,
    signing,
    users,
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
    path("design", design.design_page),
    path("inbox", inbox.inbox),
    path("inbox/<int:notice>/aside", inbox.put_aside),
    path("settings", settings.settings),
    path("settings/theme", settings.choose_theme),
    path("settings/password", settings.change_password),
    path("settings/sessions/others", settings.end_others),
    path("settings/tokens", settings.issue_token),
    path("settings/tokens/<int:token>/end", settings.end_one),
    path("users", users.users),
    path("users/new", users.new_account),
    path("users/<int:account>", users.user),
    path("users/<int:account>/change", users.change),
    path("users/<int:account>/invite", users.invite),
    path("users/<int:account>/close", users.close),
    path("users/<int:account>/tokens/<int:token>/revoke", users.revoke),
]
