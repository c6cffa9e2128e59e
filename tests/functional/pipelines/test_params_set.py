"""`params set`: values change where they stand, all or none."""
from __future__ import annotations

import hashlib
from typing import Any

YAML = "lr: 0.1  # rate\ntrain:\n  epochs: 3\n"


def test_values_change_and_all_else_stays(repo: Any) -> None:
    repo.gen({"params.yaml": YAML, "conf.py": "# c\nDEPTH = 3  # d\n"})
    assert repo.ok("params", "set", "lr=0.25", "train.epochs=4", "conf.py:DEPTH=5").out == "Changed 'params.yaml', 'conf.py'.\n"
    assert repo.read("params.yaml") == YAML.replace("0.1 ", "0.25").replace("3", "4")
    assert repo.read("conf.py") == "# c\nDEPTH = 5  # d\n"
    assert repo.ok("params", "set", "lr=0.25").out == "The values are the present ones.\n"


def test_all_or_none(repo: Any) -> None:
    repo.gen({"params.yaml": YAML})
    for bad in (["lr=1", "nosuch=2"], ["lr=1,2"], ["lr=1", "../x.yaml:+a=1"], ["lr=1", ".dvc/config:+a=1"], ["lr=1", "--if-md5", "0" * 32]):
        assert repo.run("params", "set", *bad).code != 0
    assert repo.read("params.yaml") == YAML
    repo.ok("params", "set", "--if-md5", hashlib.md5(YAML.encode()).hexdigest(), "lr=1")
