import pytest

from tests.notices import city as small


@pytest.fixture
def city(db):
    """The small city, in force."""
    small.load()
    return small
