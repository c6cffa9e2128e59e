"""Places in the queue of what is queued in one go."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.engine.experiments.queue import later


@given(st.floats(min_value=1.6e9, max_value=4e9))
def test_places_grow_in_the_order_of_queueing(now: float) -> None:
    places = [later(0.0, now)]
    for _ in range(20):
        places.append(later(places[-1], now))
    assert places == sorted(set(places))
