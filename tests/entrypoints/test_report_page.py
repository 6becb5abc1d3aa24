"""Reporting a danger on the open page, and following it by the secret link."""

from __future__ import annotations

import re

import pytest

from anlan import flow
from anlan.infra import delivery
from anlan.sensing.models import Report
from tests.entrypoints.test_pages import (
    NOW,
    an_account,
    browser,
    send,
    signed_in,
)

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("demo")]


class TestReport:
    def file(self, client, **fields):
        shown = client.get("/report").content.decode()
        key = re.search(r'name="key" value="([\w-]+)"', shown).group(1)
        return send(client, "/report", "/report", **{"key": key, **fields})

    def test_it_is_kept_and_can_be_followed(self):
        client = browser()
        answer = self.file(client, text="隧道积水很深", place="京广路", phone="13900000000")
        assert answer.status_code == 303
        row = Report.objects.get()
        page = client.get(answer["Location"] + "&lang=zh").content.decode()
        assert row.number in page
        assert "13900000000" not in page
        delivery.settle(flow.REACTIONS, now=NOW)
        page = client.get(answer["Location"] + "&lang=en").content.decode()
        assert "Urban flooding" in page
        assert "left" in page

    def test_sent_twice_it_is_one(self):
        client = browser()
        fields = {"text": "路面塌陷", "key": "the-same-form"}
        first = send(client, "/report", "/report", **fields)
        second = send(client, "/report", "/report", **fields)
        assert first["Location"] == second["Location"]
        assert Report.objects.count() == 1

    def test_an_empty_one_is_kept_too(self):
        assert self.file(browser()).status_code == 303
        assert "empty" in Report.objects.get().flags

    def test_what_is_too_long_is_given_back(self):
        answer = self.file(browser(), text="x" * 10_001, place="京广路")
        assert answer.status_code == 422
        assert 'value="京广路"' in answer.content.decode()
        assert not Report.objects.exists()

    def test_a_wrong_secret_finds_nothing(self):
        self.file(browser(), text="隧道积水")
        answer = browser().get(f"/follow?number={Report.objects.get().number}&secret=x")
        assert answer.status_code == 404

    def test_a_scripted_text_is_shown_nowhere_as_script(self):
        client = signed_in(an_account("duty_officer"))
        self.file(browser(), text="<script>alert(1)</script>", place='"><img src=x>' * 30)
        delivery.settle(flow.REACTIONS, now=NOW)
        for address in ("/cases", "/duties"):
            assert "<script" not in client.get(address).content.decode()
