"""Between readings and frames: exact, to the microsecond and the bit."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from anlan.sensing.public import Observation, Quality
from anlan.sensing.services.framing import batch_of, from_us, message_of, to_us
from anlan.sensing.store import frames
from anlan.sensing.store.hand import _frame_of

observations = st.lists(
    st.builds(
        Observation,
        stream=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        at=st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        quality=st.sampled_from(Quality),
    ),
    max_size=40,
)


@given(observations)
def test_a_frame_loses_nothing(kept):
    now = datetime(2026, 7, 20, 8, 0, 0, 7, tzinfo=UTC)
    message = message_of("account:1", kept, key="k", now=now)
    made = _frame_of(message, list(range(len(message.codes))))._replace(seq=5)
    batch = batch_of(frames.decode(memoryview(frames.encode(made))), message.codes)
    assert (batch.id, batch.received_at, batch.observations) == (5, now, tuple(kept))


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_microseconds_are_exact(at):
    assert from_us(to_us(at)) == at
