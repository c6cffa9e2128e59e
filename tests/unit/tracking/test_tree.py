from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.engine.errors import CorruptObject, UnsafePath
from tracking.engine.tree import dump_tree, is_safe, load_tree, tree_oid

A = "a" * 32
# written by dvc 3.67.1 for a folder of odd names
TRICKY = [
    ("Z", "21c2e59531c8710156d34a3c30ac81d5"),
    ("a-b", "d538f78051e4b51f0eb2736f4f40addb"),
    ("a.txt", "b1946ac92492d2347c6235b4d2611184"),
    ("back\\slash", "415290769594460e2e485922904f345d"),
    ("link.txt", "b1946ac92492d2347c6235b4d2611184"),
    ("new\nline", "1a13105b7e4eb5fb2e7c9515ac06aa48"),
    ('quo"te', "7694f4a66316e53c8cdd9d9954bd611d"),
    ("run.sh", "3e2b31c72181b87149ff995e7202c0e3"),
    ("sub/b.txt", "63fb67a49702c3d9c985cb56653a9797"),
    ("é ü.txt", "9dd4e461268c8034f5c8564e155c67a6"),
    ("😀", "e1671797c52e15f763380b45e841ec32"),
]


def test_manifest_has_the_name_dvc_gives_it() -> None:
    assert tree_oid(dump_tree(TRICKY)) == "037c7878172a03d11c80fe5eb39211fb.dir"


def test_empty_folder_has_the_name_dvc_gives_it() -> None:
    assert tree_oid(dump_tree([])) == "d751713988987e9331980363e24189ce.dir"


names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0\\:"), min_size=1).filter(lambda name: name not in (".", ".."))


@given(st.sets(names))
def test_written_as_json_dumps_and_read_back(paths: set[str]) -> None:
    rows = [(path, A) for path in sorted(paths)]
    data = dump_tree(rows)
    assert data == json.dumps([{"md5": md5, "relpath": path} for path, md5 in rows], sort_keys=True).encode()
    assert load_tree(data) == rows


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a/.", "C:\\x", "c:/x", "a\0b"])
def test_paths_that_lead_outside_are_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        load_tree(json.dumps([{"md5": A, "relpath": "ok"}, {"md5": A, "relpath": path}]).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"a": 1}',
        b"[1]",
        b'[{"md5": "a"}]',
        b'[{"md5": "xyz", "relpath": "a"}]',
        json.dumps([{"md5": "A" * 32, "relpath": "a"}]).encode(),
        json.dumps([{"md5": A + "a", "relpath": "a"}]).encode(),
        json.dumps([{"md5": A, "relpath": "\ud800"}]).encode(),
        json.dumps([{"md5": A, "relpath": "a"}, {"md5": A, "relpath": "a"}]).encode(),
        json.dumps([{"md5": A, "relpath": "a"}, {"md5": A, "relpath": "a/b/c"}]).encode(),
        b"[" * 100_000,
    ],
)
def test_malformed_manifests_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptObject):
        load_tree(data, "x.dir")


def test_dots_inside_of_names_are_fine() -> None:
    rows = [("..a", A), (".hidden", A), ("a..b/c.", A)]
    assert load_tree(dump_tree(rows)) == rows


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "sub/.git/config", "sub/.GIT/x"])
def test_what_git_runs_is_never_data(path: str) -> None:
    with pytest.raises(UnsafePath, match="is Git's own"):
        load_tree(json.dumps([{"md5": "a" * 32, "relpath": path}]).encode())
    assert not is_safe(path)
