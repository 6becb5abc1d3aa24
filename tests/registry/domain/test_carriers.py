"""What devices share that fail together: the same words for faults and for silence."""

from __future__ import annotations

import pytest

from anlan.registry.domain.carriers import carrier_of, shared_in


@pytest.mark.parametrize(
    ("gateway", "operator", "carrier", "shared"),
    [
        ("G1", "ORG-FIRE", "gateway:G1", "gateway:G1"),
        ("G1", None, "gateway:G1", "gateway:G1"),
        ("", "ORG-FIRE", "operator:ORG-FIRE", "operator:ORG-FIRE@410102002"),
        ("", None, "", "area:410102002"),
    ],
)
def test_a_gateway_is_one_everywhere_and_the_rest_within_an_area(
    gateway, operator, carrier, shared
):
    assert carrier_of(gateway, operator) == carrier
    assert shared_in(carrier, "410102002") == shared
