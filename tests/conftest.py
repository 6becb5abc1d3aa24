"""What every test stands on: steady examples, disarmed failpoints, one demo city a module."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from zlib import crc32

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from hypothesis import settings
from pytest_django.plugin import blocking_manager_key

from anlan.entrypoints import here, probes
from anlan.infra import failpoints
from anlan.infra.models import JournalHead
from anlan.registry.selectors import packs
from anlan.registry.services.examining import forget_examined
from anlan.sensing.services import hands
from tests.cities import load_demo

ALIASES = ("default", "contents")

# A failure must be the same tomorrow; `search` looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", deadline=None, derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


#: Tests that start processes or servers of their own, or ask for a connection by themselves.
ASK_BY_THEMSELVES = ("tests/faults/", "tests/infra/", "tests/flow/", "tests/entrypoints/")


def asks_the_database(item) -> bool:
    """Return whether a test may say something else on another database."""
    test_class = getattr(item, "cls", None)
    return (
        "django_db_setup" in item.fixturenames
        or item.get_closest_marker("django_db") is not None
        or (test_class is not None and issubclass(test_class, TransactionTestCase))
        or item.nodeid.startswith(ASK_BY_THEMSELVES)
    )


def is_of_share(item, share):
    """Return whether a test's file is of a share: ``2/3`` is the second of three."""
    mine, shares = map(int, share.split("/"))
    return crc32(item.nodeid.partition("::")[0].encode()) % shares == mine - 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """On PostgreSQL, leave out what asks no database: on SQLite it has said all it can say."""
    share = os.environ.get("ANLAN_TESTS_SHARE", "1/1")
    left_out = [
        item
        for item in items
        if not (
            is_of_share(item, share) and (connection.vendor == "sqlite" or asks_the_database(item))
        )
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Put back the row that migrations made, after a test that emptied all tables."""
    try:
        return (yield)
    finally:
        marker = item.get_closest_marker("django_db")
        # After the last test the whole database is gone.
        if nextitem is not None and marker is not None and marker.kwargs.get("transaction"):
            with item.config.stash[blocking_manager_key].unblock():
                JournalHead.objects.get_or_create(id=1)


@pytest.fixture(autouse=True)
def _no_failpoint_stays_armed():
    yield
    failpoints.arm("")


@pytest.fixture(autouse=True)
def _no_registry_fact_is_remembered():
    """Tests load the same packs, so the same revision, at different times."""
    yield
    packs.forget_facts()
    forget_examined()


@pytest.fixture(autouse=True)
def _no_clockwork_is_remembered():
    yield
    for name in (probes.BEAT, probes.FAILING):
        (here.workspace().root / name).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _no_reading_is_remembered():
    """Readings lie in files, which no transaction takes back."""
    yield
    hands.let_go()
    # Most tests judge nothing, and need not wait until the judge's kernels are loaded.
    judge = sys.modules.get("anlan.warning.services.streams.here")
    if judge is not None:
        judge.forget()
    shutil.rmtree(here.workspace().observations, ignore_errors=True)
    shutil.rmtree(here.workspace().judge, ignore_errors=True)


@pytest.fixture(scope="module")
def demo_of_the_module(django_db_setup, django_db_blocker):
    """The demo city, loaded once for a module's tests and taken back afterwards."""
    with django_db_blocker.unblock():
        stack = ExitStack()
        for alias in ALIASES:
            stack.enter_context(transaction.atomic(using=alias))
        load_demo(datetime(2021, 7, 1, tzinfo=UTC))
    yield
    with django_db_blocker.unblock():
        for alias in ALIASES:
            transaction.set_rollback(True, using=alias)
        stack.close()
