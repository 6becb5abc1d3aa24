"""The signs that a case answers: many cost as many queries as few."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.response.models import CaseFollower
from tests.entrypoints.test_pages import NOW, an_account, signed_in
from tests.entrypoints.test_watch import a_case, an_alert

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


def test_a_case_of_many_alerts_asks_as_much_as_one_of_two():
    case, client, asked = a_case(), signed_in(an_account("duty_officer")), []
    page = f"/cases/{case.pk}"
    client.get(page)  # the first call notes the session's use
    for several in (2, 20):
        for number in range(CaseFollower.objects.count(), several):
            alert = an_alert(subject=f"place:{number}")
            CaseFollower.objects.create(case=case, sign=f"alert:{alert.pk}", joined_at=NOW)
        with CaptureQueriesContext(connection) as queries:
            shown = client.get(page).content.decode()
        assert shown.count("<code>alert:") == several
        asked.append(len(queries))
    assert asked[0] == asked[1]
