"""The state rebuilt from the journal, and the state as of an instant."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.accountability import public
from anlan.accountability.selectors import asof
from anlan.accountability.selectors import rebuild as rebuilding
from anlan.infra import contents, journal
from anlan.kernel.actor import Actor, Role
from anlan.kernel.errors import InvalidInputError, NotAllowedError, NotFoundError
from anlan.registry.domain.events import AccountChanged
from anlan.registry.models import Account, Area

from .conftest import ME, NOW, a_holder_with_contact, grow

pytestmark = pytest.mark.django_db(databases="__all__")
AUDITOR = Actor(id="account:8", role=Role.AUDITOR, areas=("",))


def change(row, *, now=NOW, gone=False):
    with transaction.atomic():
        event = AccountChanged(account=row.username, what="changed")
        given = {"gone": [row]} if gone else {"rows": [row]}
        journal.record(event, actor=ME, now=now, **given)


def an_area(code, path, *, now=NOW, kind="district"):
    with transaction.atomic():
        row = Area(code=code, kind=kind, name_zh=code, path=path)
        event = AccountChanged(account=code, what="made")
        journal.record(event, actor=ME, now=now, rows=[row])
    return row


# --- rebuild ---


def test_rebuilt_equals_live():
    grow(3)
    row = Account.objects.first()
    row.role = "commander"
    change(row)
    change(Account.objects.last(), gone=True)
    a_holder_with_contact()
    assert public.rebuild() == []


def test_what_was_changed_behind_the_journals_back_is_named():
    grow(3)
    first, second, third = Account.objects.order_by("pk")
    Account.objects.filter(pk=first.pk).update(role="commander", areas=["410100"])
    Account.objects.filter(pk=second.pk).delete()
    fourth = Account.objects.create(username="ghost", role="auditor", created_at=NOW)
    assert [str(item) for item in public.rebuild()] == [
        f"differs registry.account {first.pk} (areas, role)",
        f"missing registry.account {second.pk}",
        f"extra registry.account {fourth.pk}",
    ]
    assert third.role == "duty_officer"


def test_what_others_write_meanwhile_is_no_difference(monkeypatch):
    """The journal was read, then a row was changed, another made and a third deleted."""
    grow(3)

    def busy():
        first, _, third = Account.objects.order_by("pk")
        first.role = "commander"
        change(first)
        change(third, gone=True)
        grow(1)
        yield from live()

    live = rebuilding._live
    monkeypatch.setattr(rebuilding, "_live", busy)
    assert public.rebuild() == []
    Account.objects.update(role="auditor")
    monkeypatch.setattr(rebuilding, "_live", live)
    assert len(public.rebuild()) == 3


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["make", "change", "delete"]),
            st.integers(0, 9),
            st.sampled_from(["auditor", "commander", "duty_officer"]),
        ),
        max_size=30,
    )
)
def test_any_history_rebuilds(steps):
    """A dictionary is the model: it, the live rows and the journal say the same."""
    with transaction.atomic():
        model = {}
        for what, number, role in steps:
            name = f"seat-{number}"
            row = Account.objects.filter(username=name).first()
            if what == "delete" and row is not None:
                change(row, gone=True)
                model.pop(name)
            elif what != "delete":
                row = row or Account(username=name, created_at=NOW)
                row.role = role
                change(row)
                model[name] = role
        assert dict(Account.objects.values_list("username", "role")) == model
        assert public.rebuild() == []
        seen = public.state_as_of(AUDITOR, NOW, table="registry.account")
        assert {row.fields["username"]: row.fields["role"] for row in seen.rows} == model
        transaction.set_rollback(True)


# --- as of ---


def test_the_past_is_told_as_it_was():
    (made,) = grow(1, now=NOW)
    row = Account.objects.get()
    row.role = "commander"
    change(row, now=NOW + timedelta(hours=1))
    change(row, now=NOW + timedelta(hours=2), gone=True)
    asked = [-1, 0, 59, 60, 119, 120]
    roles = [
        [
            found.fields["role"]
            for found in public.state_as_of(
                AUDITOR, NOW + timedelta(minutes=minutes), table="registry.account"
            ).rows
        ]
        for minutes in asked
    ]
    assert roles == [[], ["duty_officer"], ["duty_officer"], ["commander"], ["commander"], []]
    found = public.state_as_of(AUDITOR, NOW, table="registry.account").rows[0]
    assert found.entry == made.seq, "the entry that made it so can be proven"


def test_without_a_table_the_rows_are_counted():
    grow(2)
    a_holder_with_contact()
    seen = public.state_as_of(AUDITOR, NOW)
    assert seen.counts == {"registry.account": 2, "registry.holder": 1}
    assert seen.rows == []


def test_one_row_is_found_by_its_key():
    an_area("410100", "410100")
    an_area("410102", "410100/410102")
    seen = public.state_as_of(AUDITOR, NOW, table="registry.area", key="410102")
    assert [row.pk for row in seen.rows] == ["410102"]
    with pytest.raises(NotFoundError):
        public.state_as_of(AUDITOR, NOW, table="registry.area", key="410199")


def test_the_answer_is_bounded(monkeypatch):
    monkeypatch.setattr(asof, "MOST_ROWS", 3)
    grow(5)
    seen = public.state_as_of(AUDITOR, NOW, table="registry.account")
    assert (len(seen.rows), seen.more, seen.counts) == (3, True, {"registry.account": 5})
    rest = public.state_as_of(AUDITOR, NOW, table="registry.account", after=3)
    assert (len(rest.rows), rest.more) == (2, False)


def test_personal_data_is_named_only_as_kept_or_destroyed():
    ref = a_holder_with_contact()
    (row,) = public.state_as_of(AUDITOR, NOW, table="registry.holder").rows
    assert row.fields["contact_content"] == "kept"
    contents.destroy([ref.id], reason="test", now=NOW)
    (row,) = public.state_as_of(AUDITOR, NOW, table="registry.holder").rows
    assert row.fields["contact_content"] == "destroyed"
    assert str(ref.id) not in str(row.fields)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.AUDITOR, Role.AUDIT_ADMIN}))
def test_only_auditors_ask(role):
    with pytest.raises(NotAllowedError):
        public.state_as_of(Actor(id="x", role=role, areas=("",)), NOW)


def test_an_auditor_of_a_district_sees_what_says_that_it_lies_there():
    an_area("410100", "410100")
    an_area("410102", "410100/410102")
    an_area("410103", "410100/410103")
    grow(1)
    local = Actor(id="x", role=Role.AUDITOR, areas=("410100/410102",))
    assert public.state_as_of(local, NOW).counts == {"registry.area": 1}
    seen = public.state_as_of(local, NOW, table="registry.area")
    assert [row.pk for row in seen.rows] == ["410102"]
    with pytest.raises(NotFoundError):
        public.state_as_of(local, NOW, table="registry.area", key="410103")


def test_tables_that_are_not_state_are_refused():
    for table in ("infra.contentitem", "registry.nothing", "x' OR 1=1 --"):
        with pytest.raises(NotFoundError):
            public.state_as_of(AUDITOR, NOW, table=table)
    with pytest.raises(InvalidInputError):
        public.state_as_of(AUDITOR, NOW, key="1")


def test_secrets_are_not_in_the_past_either():
    grow(1)
    (row,) = public.state_as_of(AUDITOR, NOW, table="registry.account").rows
    assert "password" not in row.fields


def test_an_instant_of_another_zone_is_the_same_instant():
    grow(1)
    there = NOW.astimezone(timezone(timedelta(hours=8)))
    assert public.state_as_of(AUDITOR, there).counts == {"registry.account": 1}
