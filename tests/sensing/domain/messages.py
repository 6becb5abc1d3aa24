"""CAP messages to read and to break."""

from __future__ import annotations

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

AREA = """
    <area><areaDesc>全市</areaDesc>
      <polygon>34.0,113.0 34.0,114.0 35.0,114.0 34.0,113.0</polygon>
      <circle>34.7,113.6 5</circle>
      <geocode><valueName>cn.division</valueName><value>410102000000</value></geocode>
    </area>"""

INFO = """
  <info>
    <language>zh-CN</language><category>Met</category><event>暴雨</event>
    <responseType>Shelter</responseType>
    <urgency>Immediate</urgency><severity>Extreme</severity><certainty>Observed</certainty>
    <eventCode><valueName>cn12379</valueName><value>11B03</value></eventCode>
    <effective>2021-07-20T08:00:00+08:00</effective>
    <onset>2021-07-20T09:00:00+08:00</onset>
    <expires>2021-07-20T20:00:00+08:00</expires>
    <headline>郑州市气象台发布暴雨红色预警信号</headline>
    <description>d</description><instruction>i</instruction>
    <parameter><valueName>anlan.level</valueName><value>red</value></parameter>{area}
  </info>"""


def message(*, info: str | None = None, area: str = AREA, head: str = "", **given: str) -> bytes:
    """Return a valid message; keyword values replace or (as "") remove head elements."""
    values = {
        "identifier": "CN-410100-1",
        "sender": "met@example.invalid",
        "sent": "2021-07-20T08:00:00+08:00",
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        **given,
    }
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in values.items() if value)
    body = INFO.replace("{area}", area) if info is None else info
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{NAMESPACE}">'
        f"{elements}{head}{body}</alert>"
    ).encode()
