"""The first page of the service: its sets, and which requirements of the standard it meets."""

from __future__ import annotations

from typing import Any

from anlan.sensing.domain.observations import MAX_ROWS
from anlan.sensing.sta.model import KINDS
from anlan.sensing.sta.options import DEFAULT_TOP

_SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
MET = (
    *(
        f"datamodel/{kind}/{part}"
        for kind in (
            "thing", "location", "historical-location", "datastream", "sensor",
            "observed-property", "observation", "feature-of-interest",
        )
        for part in ("properties", "relations")
    ),
    "datamodel/entity-control-information/common-control-information",
    "resource-path/resource-path-to-entities",
    "request-data/order",
    "request-data/expand",
    "request-data/select",
    "request-data/status-code",
    "request-data/query-status-code",
    "request-data/orderby",
    "request-data/top",
    "request-data/skip",
    "request-data/count",
    "request-data/filter",
    "request-data/built-in-filter-operations",
    "request-data/built-in-query-functions",
    "request-data/pagination",
    "data-array/data-array",
    "multi-datastream",
    "multi-datastream/properties",
    "multi-datastream/relations",
    "multi-datastream/constraints",
)  # fmt: skip
"""Requirements met for all entity sets.  Those of create-update-delete are met in part, and therefore
not named: ``docs/reference/sensor-things.md`` says which."""


def root(base: str, *, page: int) -> dict[str, Any]:
    """Return the first page."""
    return {
        "value": [{"name": kind.plural, "url": f"{base}/{kind.plural}"} for kind in KINDS.values()],
        "serverSettings": {
            "conformance": [_SPEC + name for name in MET],
            f"{_SPEC}data-array/data-array": {"endpoints": [f"{base}/CreateObservations"]},
            "anlan": {
                "top": DEFAULT_TOP,
                "largestTop": page,
                "largestCreateObservations": MAX_ROWS,
                "written": {
                    "Observations": "in full",
                    "Things": "in part",
                    "Datastreams": "in part",
                    "MultiDatastreams": "in part",
                },
            },
        },
    }
