from __future__ import annotations

from typing import Any

import pytest

from tracking.engine import yamlfile
from tracking.engine.dvcyaml import stages_from
from tracking.engine.errors import InvalidFile
from tracking.engine.lockfile import apply_lock, lock_entry, parse_lock, run_cache_key, run_cache_value, split_stages, update_lock
from tracking.engine.stage import Digest, Meta, Stage

A = """\
  a:
    cmd: "echo one > a.out\\necho \\"two: x\\" >> a.out\\n"
    deps:
    - path: dd
      hash: md5
      md5: 562ee692a592790b08e880eff9046f72.dir
      size: 4
      nfiles: 2
    - path: run.sh
      hash: md5
      md5: 3e2b31c72181b87149ff995e7202c0e3
      size: 10
      isexec: true
    params:
      params.yaml:
        lr: 1e-05
        model.empty: {}
        model.layers:
        - 64
        - 32
        name: on
      p.py:
        T.shape:
        - 1
        - 2
    outs:
    - path: a.out
      hash: md5
      md5: 58d4aa35a88127aee6d7abcf8bc78afb
      size: 11
"""
B = """\
  long:
    cmd: echo '{}' > m.json; echo \n      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \n      bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb > l.out
    deps:
    - path: old.txt
      md5: 401b30e3b8b5d629635a5c613cdb7919
      size: 2
    outs:
    - path: m.json
      hash: md5
      md5: 8a80554c91d9fca8acb82f023de02f11
      size: 3
"""
TEXT = "schema: '2.0'\nstages:\n" + A + B
DEFINITIONS = {
    "a": {
        "cmd": 'echo one > a.out\necho "two: x" >> a.out\n',
        "deps": ["run.sh", "dd"],
        "params": [{"p.py": ["T.shape"]}, "name", "lr", "model.layers", "model.empty"],
        "outs": ["a.out"],
    },
    "long": {
        "cmd": f"echo '{{}}' > m.json; echo {'a' * 57} {'b' * 30} > l.out",
        "deps": ["old.txt"],
        "metrics": ["m.json"],
    },
}


def entries() -> dict[str, Any]:
    return parse_lock(TEXT, "./dvc.lock").stages


def stages() -> list[Stage]:
    found = stages_from(DEFINITIONS, "/r/dvc.yaml", set())
    return [apply_lock(stage, entries()[stage.name]) for stage in found]


def test_lock_gives_hashes_params_and_command() -> None:
    stage = stages()[0]
    assert stage.has_lock and stage.locked_cmd == stage.cmd
    assert stage.deps[1].digest == Digest("md5", "562ee692a592790b08e880eff9046f72.dir")
    assert stage.deps[0].meta == Meta(10, isexec=True)
    assert stage.params[1].locked == {"name": "on", "lr": 1e-05, "model.layers": [64, 32], "model.empty": {}}


def test_entries_are_written_in_the_order_of_dvc() -> None:
    changes = {stage.name: lock_entry(stage) for stage in stages()}
    assert update_lock(None, changes) == TEXT
    assert update_lock(TEXT, changes) == TEXT


def test_legacy_entries_stay_legacy() -> None:
    assert stages()[1].deps[0].digest == Digest("md5-dos2unix", "401b30e3b8b5d629635a5c613cdb7919")
    assert "hash" not in lock_entry(stages()[1])["deps"][0]


def test_tuples_of_py_params_become_lists() -> None:
    stage = stages()[0]
    object.__setattr__(stage.params[0], "locked", {"T.shape": (1, (2, 3))})
    assert lock_entry(stage)["params"]["p.py"] == {"T.shape": [1, [2, 3]]}


def test_changed_stage_keeps_its_place_and_new_ones_come_last() -> None:
    text = update_lock(TEXT, {"a": {"cmd": "x"}, "c@1": {"cmd": ["y", "z"]}})
    assert text == "schema: '2.0'\nstages:\n  a:\n    cmd: x\n" + B + "  c@1:\n    cmd:\n    - y\n    - z\n"


def test_removed_stages_leave_the_others() -> None:
    assert update_lock(TEXT, {"a": None, "none": None}) == "schema: '2.0'\nstages:\n" + B
    assert update_lock(TEXT, {"a": None, "long": None}) == ""


@pytest.mark.parametrize("name", ["123", "a: b", "yes", "null", "x#y", "é", "a@1-2", "- x", "'q'"])
def test_any_stage_name_can_be_set_changed_and_removed(name: str) -> None:
    text = update_lock(TEXT, {name: {"cmd": "x"}})
    text = update_lock(text, {name: {"cmd": "y"}})
    assert parse_lock(text, "x").stages[name] == {"cmd": "y"}
    assert update_lock(text, {name: None}) == TEXT


@pytest.mark.parametrize(
    "old",
    [
        TEXT.replace("size: 4\n", "size: 4  # comment\n"),
        TEXT + "datasets:\n- name: d\n",
        TEXT.replace("name: on", "name: 'on'"),
        TEXT.replace("    - 64\n", "      - 64\n").replace("    - 32\n", "      - 32\n"),
        "stages: {}\nschema: '2.0'\n",
    ],
)
def test_text_of_another_form_is_rewritten_as_a_whole(old: str) -> None:
    assert split_stages(old) is None
    change = {"long": {"cmd": "x"}}
    rewritten = yamlfile.edit(old, lambda data: data["stages"].update(change), "x")
    assert update_lock(old, change) == rewritten


def test_canonical_text_is_spliced() -> None:
    assert split_stages(TEXT) == {"a": A, "long": B}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s:\n  cmd: x\n", "required key not provided, in schema"),
        ("schema: '3.0'\n", "invalid schema version, in schema, line 1, column 1"),
        ("schema: '2.0'\nstages:\n  a: {}\n", "required key not provided, in stages -> a -> cmd"),
        ("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - md5: abc1\n", "in stages -> a -> deps -> 0 -> path"),
    ],
)
def test_other_schemas_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidFile, match="'./dvc.lock' validation failed") as caught:
        parse_lock(text, "./dvc.lock")
    assert message in caught.value.message


def test_empty_lock_has_no_stages() -> None:
    assert parse_lock(b"", "x").stages == {}


def test_dataset_records_survive() -> None:
    definition = {"d": {"cmd": "x", "deps": ["ds://dsx"]}}
    entry = {"cmd": "x", "deps": [{"path": "ds://dsx", "dataset": {"name": "dsx", "rev_lock": "1"}}]}
    stage = apply_lock(stages_from(definition, "/r/dvc.yaml", set())[0], entry)
    assert lock_entry(stage) == entry


def test_run_cache_names_leave_sizes_out() -> None:
    # written by dvc 3.67.1 for this entry
    entry = {
        "cmd": "cat f > g",
        "deps": [{"path": "f", "hash": "md5", "md5": "401b30e3b8b5d629635a5c613cdb7919", "size": 2}],
        "outs": [{"path": "g", "hash": "md5", "md5": "401b30e3b8b5d629635a5c613cdb7919", "size": 2}],
    }
    assert run_cache_key(entry) == "d4805b0b9be75d28a544bf676d924af725f2b247f2205aa27780d6f348418601"
    assert run_cache_value(entry) == "985443a6f5c1358ff240111fc3a28aefb55626c22a6f5f4ac5336971278f0a50"
