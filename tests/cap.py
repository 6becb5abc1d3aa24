"""Weather signals as the weather service would send them: CAP 1.2."""

from __future__ import annotations

from datetime import datetime, timedelta

SEVERITY = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}


def a_signal(
    level: str, sent: datetime, *, area: str = "410100", hours: float = 12, identifier: str = ""
) -> bytes:
    """Return a rainstorm signal of one colour for one area."""
    name = identifier or f"test-{level}-{sent:%Y%m%d%H%M%S}"
    ends = sent + timedelta(hours=hours)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{name}</identifier><sender>weather@example.invalid</sender>
  <sent>{sent.isoformat(timespec="seconds")}</sent><status>Actual</status>
  <msgType>Alert</msgType><scope>Public</scope>
  <info><language>zh-CN</language><category>Met</category><event>暴雨</event>
    <urgency>Immediate</urgency><severity>{SEVERITY[level]}</severity><certainty>Observed</certainty>
    <eventCode><valueName>anlan.hazard</valueName><value>met.rainstorm</value></eventCode>
    <effective>{sent.isoformat(timespec="seconds")}</effective>
    <expires>{ends.isoformat(timespec="seconds")}</expires>
    <headline>rainstorm {level}</headline>
    <parameter><valueName>anlan.level</valueName><value>{level}</value></parameter>
    <area><areaDesc>test area</areaDesc>
      <geocode><valueName>anlan.area</valueName><value>{area}</value></geocode></area>
  </info>
</alert>""".encode()
