"""The setting that bounds a page."""

from __future__ import annotations

import pytest

from anlan.conf.env import Settings


def test_a_page_has_a_bound():
    Settings().check()
    assert Settings().largest_sta_page == 1000
    assert Settings(sta_page="10000").largest_sta_page == 10_000


@pytest.mark.parametrize("given", ["0", "-1", "10001", "many", ""])
def test_a_slip_is_told_when_the_server_starts(given):
    with pytest.raises(ValueError, match="ANLAN_STA_PAGE"):
        Settings(sta_page=given).check()
