"""A relayed signal as the weather service would send it: CAP 1.2, status Actual.

The message is a real one; that it is acted on as an exercise is the workspace's
doing (a rehearsal has no channel to the outside), not the message's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from anlan.kernel.scales import CapSeverity, WarningLevel
from anlan.learning.domain.scenario import RelayedSignal

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SENDER = "weather-service@replay.invalid"

# What the sender writes beside the colour, which is what counts: red -> Extreme … blue -> Minor.
SEVERITY = {
    WarningLevel.RED: CapSeverity.EXTREME,
    WarningLevel.ORANGE: CapSeverity.SEVERE,
    WarningLevel.YELLOW: CapSeverity.MODERATE,
    WarningLevel.BLUE: CapSeverity.MINOR,
}
COLOUR_ZH = {
    WarningLevel.RED: "红色",
    WarningLevel.ORANGE: "橙色",
    WarningLevel.YELLOW: "黄色",
    WarningLevel.BLUE: "蓝色",
}


def cap_time(value: datetime) -> str:
    """Return an instant as CAP wants it: with its offset, never ``Z``."""
    return (
        value.strftime("%Y-%m-%dT%H:%M:%S")
        + value.strftime("%z")[:3]
        + ":"
        + value.strftime("%z")[3:5]
    )


def identifier(scenario: str, number: int) -> str:
    """Return the identifier of the ``number``-th message of a scenario."""
    return f"anlan-replay.{scenario}.{number}"


def _reference(scenario: str, number: int, sent: datetime) -> str:
    return f"{SENDER},{identifier(scenario, number)},{cap_time(sent)}"


def message(
    signal: RelayedSignal,
    *,
    scenario: str,
    number: int,
    sent: datetime,
    before: Sequence[tuple[int, datetime]] = (),
) -> bytes:
    """Return the CAP message of ``signal``.

    ``before`` are the number and instant of earlier messages that this one
    updates: those of the same kind and area that are still in force.
    """
    references = " ".join(_reference(scenario, *earlier) for earlier in before)
    updated = f"<references>{escape(references)}</references>" if references else ""
    colour = COLOUR_ZH[signal.colour]
    fields = (
        f"<identifier>{escape(identifier(scenario, number))}</identifier>"
        f"<sender>{SENDER}</sender><sent>{cap_time(sent)}</sent><status>Actual</status>"
        f"<msgType>{'Update' if references else 'Alert'}</msgType><scope>Public</scope>{updated}"
    )
    info = (
        "<language>en</language><category>Met</category>"
        f"<event>{escape(signal.hazard)} {signal.colour.value}</event>"
        "<urgency>Expected</urgency>"
        f"<severity>{SEVERITY[signal.colour].value}</severity><certainty>Likely</certainty>"
        "<eventCode><valueName>anlan.hazard</valueName>"
        f"<value>{escape(signal.hazard)}</value></eventCode>"
        f"<effective>{cap_time(sent)}</effective><onset>{cap_time(sent)}</onset>"
        f"<expires>{cap_time(sent + timedelta(hours=signal.valid_hours))}</expires>"
        f"<headline>{escape(signal.area_zh)}{colour}预警信号</headline>"
        f"<description>{escape(signal.text)}</description>"
        "<parameter><valueName>anlan.level</valueName>"
        f"<value>{signal.colour.value}</value></parameter>"
        f"<area><areaDesc>{escape(signal.area_zh)}</areaDesc>"
        "<geocode><valueName>anlan.area</valueName>"
        f"<value>{escape(signal.area)}</value></geocode></area>"
    )
    text = f"<alert xmlns={quoteattr(NAMESPACE)}>{fields}<info>{info}</info></alert>"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()
