"""Give one input through its door, as the outside world would, with a real token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from anlan.learning import selectors
from anlan.learning.domain import capxml
from anlan.learning.domain.doors import DoorRefusedError, Rehearsal, Reply
from anlan.learning.domain.scenario import (
    DeclaredState,
    Input,
    PersonReport,
    Reading,
    RelayedSignal,
    Scenario,
)
from anlan.learning.domain.score import Given
from anlan.sensing.domain.events import ReportReceived, SignalReceived

REPORTS, OBSERVATIONS, SIGNALS, RESPONSES = (
    "/api/v1/reports",
    "/api/v1/observations",
    "/api/v1/signals",
    "/api/v1/responses",
)
# A declaration must state how long it is expected to last (I8); the sources do not say it.
RESPONSE_EXPECTED = timedelta(days=3)


@dataclass(slots=True)
class Giver:
    """Brings the inputs of one scenario to the doors of one rehearsal."""

    scenario: Scenario
    rehearsal: Rehearsal
    signals: list[tuple[int, RelayedSignal, datetime]] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)

    def give(self, inputs: Sequence[Input]) -> None:
        """Give inputs that became known at one instant, in their order; readings as one batch."""
        readings = [item for item in inputs if isinstance(item.fact, Reading)]
        for item in inputs:
            fact = item.fact
            if isinstance(fact, DeclaredState):
                self._declare(item, fact)
        if readings:
            self._observe(readings)
        for item in inputs:
            fact = item.fact
            if isinstance(fact, RelayedSignal):
                self._relay(item, fact)
            elif isinstance(fact, PersonReport):
                self._report(item, fact)

    def _observe(self, items: Sequence[Input]) -> None:
        rows = [
            {
                "stream": item.fact.stream,
                "at": item.known_at.isoformat(),
                "value": item.fact.value,
                "unit": item.fact.unit,
            }
            for item in items
            if isinstance(item.fact, Reading)
        ]
        reply = self._post(items[0], OBSERVATIONS, {"observations": rows})
        # A batch is taken row by row: a scenario whose rows are kept aside does not fit its city.
        refused = reply.json().get("refused") or []
        if refused:
            code = str(refused[0].get("code", "")) if isinstance(refused[0], dict) else ""
            raise DoorRefusedError(
                number=items[0].number, door=OBSERVATIONS, status=reply.status, code=code
            )
        self.given += [Given(item) for item in items]

    def _relay(self, item: Input, signal: RelayedSignal) -> None:
        earlier = [
            (number, sent)
            for number, before, sent in self.signals
            if (before.hazard, before.area) == (signal.hazard, signal.area)
            and sent + timedelta(hours=before.valid_hours) > item.known_at
        ]
        xml = capxml.message(
            signal,
            scenario=self.scenario.id,
            number=item.number,
            sent=item.known_at,
            before=earlier[-1:],
        )
        self._post(item, SIGNALS, xml, content_type="application/xml")
        self.signals.append((item.number, signal, item.known_at))
        self.given.append(Given(item, selectors.last_sign(SignalReceived)))

    def _report(self, item: Input, report: PersonReport) -> None:
        body = {
            "text": report.text,
            "lat": report.lat,
            "lon": report.lon,
            "channel": report.kind,
            "language": "en",
            "known_at": item.known_at.isoformat(),
        }
        self._post(item, REPORTS, body)
        self.given.append(Given(item, selectors.last_sign(ReportReceived)))

    def _declare(self, item: Input, state: DeclaredState) -> None:
        body = {
            "hazard": state.hazard,
            "level": state.level.value,
            "area": state.area,
            "matter": f"{state.hazard}, level {state.level.value} ({state.mark.value})",
            "measures": "measures of the plan at this level",
            "expected_until": (item.known_at + RESPONSE_EXPECTED).isoformat(),
        }
        self._post(item, RESPONSES, body, token=self.rehearsal.tokens.duty_officer())
        self.given.append(Given(item))

    def _post(
        self,
        item: Input,
        path: str,
        body: object,
        *,
        content_type: str = "application/json",
        token: str = "",
    ) -> Reply:
        secret = token or self.rehearsal.tokens.program()
        reply = self.rehearsal.door(
            "POST",
            path,
            body=body if isinstance(body, bytes) else msgspec.json.encode(body),
            content_type=content_type,
            headers={
                "Authorization": f"Bearer {secret}",
                "Idempotency-Key": f"{self.scenario.id}-{item.number}-{path.rsplit('/', 1)[-1]}",
                "Accept-Language": "en",
            },
        )
        if not reply.ok:
            raise DoorRefusedError(
                number=item.number, door=path, status=reply.status, code=reply.error_code()
            )
        return reply
