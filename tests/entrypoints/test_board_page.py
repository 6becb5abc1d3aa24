"""The board of rules, the layers of the map: what each shows, hides and remembers."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.accountability import public as accountability
from anlan.entrypoints.web.watching import layers
from anlan.registry import public as registry
from tests.entrypoints.test_pages import NOW, an_account, send, signed_in
from tests.entrypoints.test_rules_pages import TUNNEL, the_case, water

pytestmark = pytest.mark.django_db(databases="__all__")


class TestBoard:
    def test_every_rule_in_force_is_there_and_what_became_of_its_alerts(self, demo, officer):
        water(0, 45, 45, 45)
        accountability.count_rules(now=NOW)
        text = officer.get("/precision?lang=en").content.decode()
        for rule in registry.rules_in_force(at=NOW):
            assert f'href="/rules/{rule.id}"' in text
        assert "None settled yet" in text
        assert "open 1" in text

    def test_a_closed_case_makes_the_rule_right_on_board_interface_and_page(self, demo, officer):
        water(0, 45, 45, 45)
        case = the_case()
        page = f"/cases/{case.pk}"
        measured = {"measured": "0", "limit": "5", "unit": "cm", "minutes": "60"}
        answer = send(officer, page, f"{page}/dismiss", reason="nothing_found", **measured)
        assert answer.status_code == 303, answer.content.decode()
        accountability.count_rules(now=NOW)
        text = officer.get("/precision?lang=en").content.decode()
        assert "0 % right" in text
        assert "Acted on 1 of 1" in text
        assert "0% confirmed" in officer.get(f"/rules/{TUNNEL}?lang=en").content.decode()
        lines = officer.get("/precision?form=csv").content.decode("utf-8-sig").splitlines()
        assert any(line.startswith(f"{TUNNEL},1,0,1,") for line in lines)

    def test_it_asks_as_much_of_one_alert_as_of_none(self, demo, officer):
        officer.get("/precision")
        asked = []
        for values in ((), (0, 45, 45, 45)):
            water(*values)
            accountability.count_rules(now=NOW)
            with CaptureQueriesContext(connection) as seen:
                officer.get("/precision")
            asked.append(len(seen))
        assert max(asked) <= 40
        assert asked[1] - asked[0] <= 2  # the names of those who acted


class TestLayers:
    def features(self, client, off=""):
        answer = client.get(f"/watch/features?off={off}&lang=en")
        assert answer.status_code == 200
        return json.loads(answer.content)

    def kinds(self, found, kind):
        return [x["properties"] for x in found["features"] if x["properties"]["kind"] == kind]

    def test_a_domain_that_is_off_is_not_drawn_and_that_is_said(self, demo, officer):
        every = {x["code"] for x in self.kinds(self.features(officer), "sensor")}
        found = self.features(officer, "gas")
        shown = {x["code"] for x in self.kinds(found, "sensor")}
        assert every - shown == {
            x.code for x in registry.sensors(at=NOW) if x.quantity == "gas_lel" and x.code in every
        }
        assert "Layers switched off: Gas" in found["left_out"]

    def test_what_has_no_domain_is_a_layer_too(self, demo, officer):
        domains = [one.id for one in registry.domains()]
        found = self.features(officer, ".".join([*domains, layers.OTHER]))
        assert self.kinds(found, "sensor") == self.kinds(found, "case") == []

    def test_nonsense_switches_nothing_off(self, demo, officer):
        found = self.features(officer, "nonsense...." + "x" * 3000)
        assert found["left_out"] == self.features(officer)["left_out"]

    def test_a_sensor_is_drawn_in_the_level_of_its_open_alert(self, demo, officer):
        water(0, 45, 45, 45)
        (one,) = (x for x in self.kinds(self.features(officer), "sensor") if x["code"] == "TUN-01")
        assert one["level"] in {"red", "orange", "yellow", "blue"}
        assert one["look"].startswith(one["level"] + "-")

    def test_the_choice_is_kept_for_each_person(self, demo, officer):
        on = [one.id for one in registry.domains() if one.id != "gas"]
        answer = send(officer, "/watch", "/watch/layers", on=[*on, layers.OTHER], back="/watch")
        assert (answer.status_code, answer["Location"]) == (303, "/watch")
        text = officer.get("/watch").content.decode()
        assert 'value="gas">' in text
        assert 'value="rain" checked>' in text
        assert "&amp;off=gas" in text
        assert "/streams?domain=bridge.crowd" in text
        # Somebody else at the same browser has a choice of their own.
        other = signed_in(an_account("commander", name="other"), "commander")
        for name, cookie in officer.cookies.items():
            if name.startswith(layers.COOKIE):
                other.cookies[name] = cookie.value
        assert 'value="gas" checked>' in other.get("/watch").content.decode()

    def test_the_list_is_narrowed_alike(self, demo, officer):
        text = officer.get("/streams?domain=rain.other").content.decode()
        assert "RAIN-01" in text
        assert "GAS-01" not in text

    def test_layers_cost_no_query_for_each_thing(self, demo, officer):
        self.features(officer)
        asked = []
        for off in ("fire", "gas", "gas.rain.other"):
            with CaptureQueriesContext(connection) as seen:
                self.features(officer, off)
            asked.append(len(seen))
        assert max(asked) <= 60
