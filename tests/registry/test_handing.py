"""A pack taken out and brought in: who may, what is shown first, and that nothing stays behind."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta

import pytest

from anlan.infra import contents, failpoints, here
from anlan.infra.models import ContentItem, JournalEntry
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import NotAllowedError
from anlan.kernel.scales import RiskGrade
from anlan.registry import public
from anlan.registry.domain.edits import (
    RiskPointEdit,
    SensorEdit,
)
from anlan.registry.domain.errors import (
    LoadCrossedError,
    PackUploadGoneError,
    PackUploadUnreadableError,
)
from anlan.registry.domain.parse import PackUnreadableError
from anlan.registry.models import Holder
from tests.registry.loads import load
from tests.registry.small_city import ADMIN, KEEPER, NOW

pytestmark = pytest.mark.django_db(databases="__all__")
TODAY = date(2026, 11, 23)
LATER = NOW + timedelta(minutes=5)
WHY = "市局 2026 年第 12 号通知"
EAST = Actor(
    id="account:8", role=Role.SYSTEM_ADMIN, areas=("410100/410102",), scopes=frozenset({"*"})
)
CULVERT = RiskPointEdit("culvert-1", "commander", RiskGrade.MAJOR, "plan-flood", TODAY)


@pytest.fixture(autouse=True)
def city():
    load()


def take(edit, actor=ADMIN, now=LATER, reason=WHY, seen=None):
    key = public.fingerprint_of(edit.section, edit.key) if seen is None else seen
    return public.take_edit(actor, edit, seen=key, reason=reason, now=now)


class TestPack:
    def zipped(self, **files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return out.getvalue()

    def test_nothing_of_it_lies_beside_the_workspace(self, monkeypatch):
        """A pack holds contacts: a process that is killed leaves them where they are swept."""
        seen = []
        monkeypatch.setattr(failpoints, "reach", lambda name: seen.append((name, left())))

        def left():
            root = here.workspace().passing
            return [path.name for path in root.rglob("holders.csv")] if root.is_dir() else []

        data = public.pack_zip(ADMIN, reason=WHY, now=LATER)
        public.keep_upload(ADMIN, data, now=LATER)
        used = [found for name, found in seen if name == "passing.used"]
        assert used == [["holders.csv"], ["holders.csv"]]
        assert left() == []

    def test_out_and_in_again_is_no_difference(self):
        data = public.pack_zip(ADMIN, reason=WHY, now=LATER)
        shown = public.keep_upload(ADMIN, data, now=LATER)
        assert shown.diff.is_empty
        assert JournalEntry.objects.filter(event="ContactsShown", payload__what="pack").exists()

    def test_an_older_pack_says_what_it_takes_back_and_is_loaded_on_confirmation(self):
        data = public.pack_zip(ADMIN, reason=WHY, now=LATER)
        take(CULVERT)
        shown = public.keep_upload(ADMIN, data, now=LATER)
        assert shown.undone == (("risk_points", "culvert-1"),)
        public.load_upload(ADMIN, shown.upload, revision=shown.revision, now=LATER)
        assert public.place("culvert-1").owner_post == "east-desk"
        with pytest.raises(PackUploadGoneError):
            public.load_upload(ADMIN, shown.upload, revision=public.revision(), now=LATER)

    def test_what_was_shown_is_what_is_loaded(self):
        data = public.pack_zip(ADMIN, reason=WHY, now=LATER)
        take(SensorEdit("s1", in_force=False, on=TODAY))
        shown = public.keep_upload(ADMIN, data, now=LATER)
        take(CULVERT)
        with pytest.raises(LoadCrossedError):
            public.load_upload(ADMIN, shown.upload, revision=shown.revision, now=LATER)
        assert public.place("culvert-1").owner_post == "commander"

    @pytest.mark.parametrize("actor", [EAST, KEEPER])
    def test_it_is_for_keepers_of_the_whole_city(self, actor):
        for act in (
            lambda: public.pack_zip(actor, reason=WHY, now=LATER),
            lambda: public.keep_upload(actor, b"", now=LATER),
            lambda: public.load_upload(actor, "x", revision="", now=LATER),
            lambda: public.discard_upload(actor, "x", now=LATER),
        ):
            with pytest.raises(NotAllowedError):
                act()

    @pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04broken"])
    def test_what_is_no_pack_is_refused(self, data):
        with pytest.raises(PackUploadUnreadableError):
            public.keep_upload(ADMIN, data, now=LATER)

    def test_a_zip_without_a_city_is_refused(self):
        with pytest.raises(PackUploadUnreadableError):
            public.keep_upload(ADMIN, self.zipped(**{"areas.csv": "code"}), now=LATER)

    def test_nothing_leads_out_of_the_pack(self):
        names = {"pack/city.yaml": "format: 1", "pack/../../evil.yaml": "x", "/abs.yaml": "x"}
        with pytest.raises(PackUnreadableError):
            public.keep_upload(ADMIN, self.zipped(**names), now=LATER)

    def test_a_key_of_another_content_finds_nothing(self):
        other = str(Holder.objects.get(pk="h1").contact_content)
        with pytest.raises(PackUploadGoneError):
            public.discard_upload(ADMIN, other, now=LATER)
        assert contents.get(other) is not contents.DESTROYED

    def test_thrown_away_it_is_destroyed(self):
        data = public.pack_zip(ADMIN, reason=WHY, now=LATER)
        key = public.keep_upload(ADMIN, data, now=LATER).upload
        public.discard_upload(ADMIN, key, now=LATER)
        assert ContentItem.objects.using("contents").get(pk=key).data is None
