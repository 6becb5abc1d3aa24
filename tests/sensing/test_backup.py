"""A copy of the observations made while they are written and sealed: one moment, and whole."""

import threading
from datetime import timedelta

import pytest

from anlan.infra.keeping import saving
from anlan.sensing import public
from anlan.sensing.public import BatchIn, RowIn
from anlan.sensing.services.framing import to_us
from anlan.sensing.services.hands import hand
from anlan.sensing.store import StoreReader, StoreWriter
from anlan.sensing.store.verify import verify
from tests.sensing.conftest import GATEWAY, NOW

pytestmark = pytest.mark.django_db(databases="__all__")


def keep(number):
    at = NOW - timedelta(seconds=number)
    public.keep_observations(GATEWAY, BatchIn((RowIn("s1", at, float(number % 5)),)), now=NOW)


def test_what_was_kept_before_the_copy_began_is_in_it(city, live, tmp_path):
    for number in range(20):
        keep(number)
    stop = threading.Event()

    def seal_on():
        while not stop.is_set():
            hand().seal(to_us(NOW))

    sealing = threading.Thread(target=seal_on)
    sealing.start()
    try:
        for round_ in range(10):
            folder = tmp_path / str(round_)
            saving._copy_readings(live, folder)
            kept = public.last_batch_id()
            copy = folder / "files" / "observations"
            assert verify(copy) == (), round_
            assert StoreReader(copy).read(None).size == kept
            with StoreWriter(copy):  # a restored workspace goes on from there
                pass
            assert StoreReader(copy).read(None).size == kept
            keep(20 + round_)
    finally:
        stop.set()
        sealing.join()
