"""A city of four posts, one above the other, for these tests; noon in Shanghai is 04:00 UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from anlan.kernel.actor import Actor, Role
from anlan.notices import public as notices
from anlan.notices.domain.outgoing import SENT
from anlan.notices.domain.words import Channel
from anlan.registry import public as registry
from anlan.registry.domain import city as c
from tests.registry.small_city import ADMIN, a_city, a_jurisdiction, parsed

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LOADED = datetime(2026, 11, 1, tzinfo=UTC)
CALLER = Actor(id="account:9", role=Role.DUTY_OFFICER, post="operator", areas=("",))


def holder(code, *, webhook="", language="zh", email=None):
    address = f"{code}@city.example" if email is None else email
    return c.Holder(code=code, name=code, email=address, webhook=webhook, language=language)


def shift(post, person, deputy=None, **given):
    return c.Shift(post=post, holder=person, deputy=deputy, valid_from=date(2026, 1, 1), **given)


HOLDERS = (
    holder("amy"),
    holder("bob", language="en"),
    holder("eve", webhook="https://hook.city.example/eve"),
    holder("kim"),
    holder("lee", email=""),
)
SHIFTS = (
    shift("commander", "kim"),
    shift("operator", "eve"),
    shift("district", "amy", "bob", start=time(8), end=time(20)),
    shift("district", "eve", start=time(20), end=time(8)),
    shift("street", "lee", start=time(8), end=time(18)),
)
POSTS = (
    c.Post(code="commander", name_zh="指挥长", organisation="gov", area="410100"),
    c.Post(code="operator", name_zh="值班台", organisation="gov", area="410100"),
    c.Post(code="district", name_zh="东区值班", organisation="east", area="410102", superior="commander"),
    c.Post(code="street", name_zh="河街", organisation="east", area="410102001", superior="district"),
    c.Post(code="empty", name_zh="空岗", organisation="east", area="410102001", superior="street"),
    c.Post(code="ring-a", name_zh="环甲", organisation="gov", area="410100", superior="ring-b"),
    c.Post(code="ring-b", name_zh="环乙", organisation="gov", area="410100", superior="ring-a"),
)  # fmt: skip


def load(holders=HOLDERS, shifts=SHIFTS, now=LOADED):
    """Bring the city into force."""
    city = a_city(
        posts=POSTS, holders=holders, shifts=shifts, duties=(), risk_points=(), sensors=()
    )
    registry.load_city(ADMIN, parsed(city), parsed(a_jurisdiction()), now=now)


def tell(post="district", *, key="k", urgency="normal", now=NOON, **given):
    """Put one notice before a post; return its number.  Another key is another matter."""
    facts = {
        "about": "case:7" if key == "k" else f"case:{key}",
        "subject": "notice.test",
        "params": {"case": 7},
    } | given
    (number,) = notices.tell([post], key=key, urgency=urgency, actor=CALLER, now=now, **facts)
    return number


def at_post(post, role=Role.STREET_OFFICER):
    """Return somebody who sits at a post."""
    return Actor(id=f"account:{post}", role=role, post=post, areas=("410100",))


class Mailbox:
    """A way out that keeps what it is given, and fails as it is told."""

    def __init__(self, channel=Channel.EMAIL, answer=SENT):
        self.channel = channel
        self.answer = answer
        self.taken = []

    def place_of(self, address):
        return f"{self.channel} server"

    def send(self, message):
        self.taken.append(message)
        return self.answer(message) if callable(self.answer) else self.answer


def ways(*boxes):
    """Return live ways out made of mailboxes."""
    return notices.Transports(rehearsal=False, by_channel={box.channel: box for box in boxes})
