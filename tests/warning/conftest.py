import pytest

from tests.warning.town import NOW


@pytest.fixture
def demo(demo_of_the_module, db):
    """The demo city in force; each test's own changes are undone."""
    return NOW
