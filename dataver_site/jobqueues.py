"""Which RQ queues django-rq's pages show: those Redis knows of now; none while there is no Redis."""
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

ASK_S = 2.0  # a page asks many times
TIMEOUT_S = 5  # one that is gone refuses at once; one on a busy machine takes its time


class QueuesThatAreUp(dict[str, dict[str, Any]]):
    """A RQ_QUEUES setting that looks. url: of a Redis that may come and go."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self._asked = float("-inf")

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._asked < ASK_S:
            return
        self._asked = now
        names = queue_names(self.url)
        for name in [name for name in super().keys() if name not in names]:
            super().__delitem__(name)
        for name in names:
            if not super().__contains__(name):
                super().__setitem__(name, {"URL": self.url, "DB": None, "SERIALIZER": "rq.serializers.JSONSerializer", "DEFAULT_TIMEOUT": -1})

    def __iter__(self) -> Iterator[str]:
        self._look()
        return super().__iter__()

    def __len__(self) -> int:
        self._look()
        return super().__len__()

    def __getitem__(self, name: str) -> dict[str, Any]:
        self._look()
        return super().__getitem__(name)

    def items(self) -> Any:
        self._look()
        return super().items()

    def keys(self) -> Any:
        self._look()
        return super().keys()

    def values(self) -> Any:
        self._look()
        return super().values()


def queue_names(url: str) -> list[str]:
    """Sorted; empty when Redis does not answer."""
    import redis  # slow import

    try:
        client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        found = client.smembers("rq:queues")
    except (redis.exceptions.RedisError, ValueError, OSError):
        return []
    return sorted(name.decode("utf-8", "replace").removeprefix("rq:queue:") for name in found)
