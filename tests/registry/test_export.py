"""A city with a law of its own is given back with it."""

from __future__ import annotations

import pytest

from anlan.registry import public
from anlan.registry.domain import errors
from anlan.registry.domain.parse import law_folder, read_jurisdiction
from tests.registry.loads import in_order, load
from tests.registry.small_city import ADMIN, a_city, a_jurisdiction

pytestmark = pytest.mark.django_db(databases="__all__")


def test_a_law_of_the_citys_own_is_exported_beside_it(tmp_path):
    """Else the pack would stand on another law wherever it is loaded next."""
    load()
    public.export_city(ADMIN, tmp_path / "out" / "city")
    name = a_city().info.jurisdiction
    read = read_jurisdiction(law_folder(tmp_path / "out" / "city", name))
    assert read.findings == ()
    assert in_order(read.pack) == in_order(a_jurisdiction())
    with pytest.raises(errors.FolderNotEmptyError):
        public.export_city(ADMIN, tmp_path / "out" / "again")  # the law beside would be lost
    assert not (tmp_path / "out" / "again").exists()
