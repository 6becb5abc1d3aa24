"""Readings of one stream, a minute apart, and the comparison of database and store at a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anlan.sensing import public
from anlan.sensing.domain.observations import BatchIn, RowIn
from anlan.sensing.services import agreement, hands
from tests.sensing.conftest import GATEWAY, NOW


def minute(number):
    return NOW + timedelta(minutes=number)


def send(*numbers):
    for number in numbers:
        rows = (RowIn("s2", minute(number), float(number)),)
        public.keep_observations(GATEWAY, BatchIn(rows), now=minute(number))


def agreed(number):
    return public.agree(now=minute(number))


def values():
    found = public.read_observations("s2", NOW, minute(1_000))
    return [int(item.value) for item in found]


@pytest.fixture(autouse=True)
def nobody_remembers():
    agreement.forget_agreement()
    yield
    agreement.forget_agreement()
    hands.let_go()
