"""Which file system a path lies on."""
from __future__ import annotations

import pytest

from tracking.engine import mounts

TABLE = "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\nhost:/d /mnt/my\\040data nfs rw 0 0\ntmpfs /mnt/my\\040data/tmp tmpfs rw 0 0\n"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/no/such/place", "ext4 on /dev/sda1"),
        ("/mnt/my data/x/y", "nfs on host:/d"),
        ("/mnt/my data/tmp", "tmpfs on tmpfs"),
        ("/mnt/my", "ext4 on /dev/sda1"),
    ],
)
def test_the_nearest_mount_above_counts(path: str, found: str) -> None:
    assert mounts.find(path, TABLE) == found


def test_without_a_table_it_says_so() -> None:
    assert mounts.find("/x", "") == "unknown"
