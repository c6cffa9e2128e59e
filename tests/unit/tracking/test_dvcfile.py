from __future__ import annotations

import json
from hashlib import md5

import pytest

from tracking.engine.dvcfile import dump_dvcfile, parse_dvcfile, stage_checksum
from tracking.engine.errors import InvalidFile
from tracking.engine.record import replace
from tracking.engine.stage import Digest, Meta, Out, Stage

FILE = "outs:\n- md5: 5bbf5a52328e7439ae6e719dfe712200\n  size: 4\n  hash: md5\n  path: f.txt\n"
FOLDER = "outs:\n- md5: 037c7878172a03d11c80fe5eb39211fb.dir\n  size: 37\n  nfiles: 11\n  hash: md5\n  path: data\n"
EXECUTABLE = "outs:\n- md5: 3e2b31c72181b87149ff995e7202c0e3\n  size: 10\n  isexec: true\n  hash: md5\n  path: x.sh\n"
LEGACY = "outs:\n- md5: 764efa883dda1e11db47671c4a3bbd9e\n  size: 3\n  path: leg.txt\n"
IMPORT = (
    "md5: 3949c39854b761cc309a1fc3dbdb5a1f\nfrozen: true\ndeps:\n- path: r.txt\n  repo:\n    url: reg\n    rev: master\n"
    "    rev_lock: 419a5056348ab96a9d627bdada0145f3586311d7\nouts:\n- md5: 72cfd272ace172fa35026445fbef9b03\n  size: 2\n"
    "  hash: md5\n  path: rr.txt\n"
)
IMPORT_URL = (
    "md5: 1db78b286e5acd0e62d2dde99337fbd4\nfrozen: true\ndeps:\n- md5: ec1bebaea2c042beb68f7679ddd106a4\n  size: 8\n"
    "  hash: md5\n  path: f.txt\nouts:\n- md5: ec1bebaea2c042beb68f7679ddd106a4\n  size: 8\n  hash: md5\n  path: imp.txt\n"
)
NO_EXEC = "frozen: true\ndeps:\n- hash: md5\n  path: https://example.com/z\nouts:\n- hash: md5\n  path: nz.txt\n"
ETAG = (
    "frozen: true\ndeps:\n- checksum: '\"abc1\"'\n  size: 3\n  hash: md5\n  path: https://host/a/data.bin\n"
    "outs:\n- md5: 900150983cd24fb0d6963f7d28e17f72\n  size: 3\n  hash: md5\n  path: data.bin\n"
)
CLOUD_FILE = (
    "outs:\n- md5: 6d7fce9fee471194aa8b5b6e47267f03\n  size: 2\n  cloud:\n    ver:\n"
    "      etag: 6d7fce9fee471194aa8b5b6e47267f03\n      version_id: 16e35617-38b9-4497-b452-f581e2e0d6a2\n  hash: md5\n  path: f\n"
)
CLOUD_FOLDER = (
    "outs:\n- hash: md5\n  path: d\n  files:\n  - relpath: a\n    md5: b026324c6904b2a9cb4b88d6d61c81d1\n    size: 2\n"
    "    cloud:\n      ver:\n        etag: b026324c6904b2a9cb4b88d6d61c81d1\n        version_id: 50b68fd5-d8b7\n"
)
CLOUD_IMPORT = (
    "md5: 431742bc48b111f171a19ce68c41943e\nfrozen: true\ndeps:\n- hash: md5\n  path: s3://bucket/src\n  fs_config:\n"
    "    endpointurl: http://localhost:9000\n    version_aware: true\n  files:\n  - relpath: a.txt\n"
    "    etag: 47bce5c74f589f4867dbd57e9ca9f808\n    size: 3\n    version_id: 94be3653-2860\nouts:\n"
    "- md5: 8c54bbc083def127d8e9693e377bebb5.dir\n  size: 6\n  nfiles: 2\n  hash: md5\n  path: imp\n  push: false\n"
)
OPTIONS = (
    "outs:\n- md5: 5bbf5a52328e7439ae6e719dfe712200\n  size: 4\n  hash: md5\n  path: f.txt\n  desc: what\n  type: model\n"
    "  labels:\n  - a\n  meta:\n    k: 1\n  cache: false\n  persist: true\n  remote: r\n  push: false\n"
)
ALL = [FILE, FOLDER, EXECUTABLE, LEGACY, IMPORT, IMPORT_URL, NO_EXEC, ETAG, CLOUD_FILE, CLOUD_FOLDER, CLOUD_IMPORT, OPTIONS]


def parse(text: str) -> Stage:
    return parse_dvcfile(text.encode(), "/r/sub/x.dvc", "./x.dvc")


@pytest.mark.parametrize("text", ALL)
def test_files_of_dvc_are_written_as_they_were_read(text: str) -> None:
    stage = parse(text)
    assert dump_dvcfile(stage) == text
    assert dump_dvcfile(replace(stage, source=None)) == text


def test_out_of_add() -> None:
    out = Out("f.txt", "/r/sub/f.txt", "out", Digest("md5", "5bbf5a52328e7439ae6e719dfe712200"), Meta(4))
    stage = parse(FILE)
    assert stage.outs == (out,)
    assert stage.is_data_source and not stage.frozen


def test_md5_without_hash_is_the_old_algorithm() -> None:
    assert parse(LEGACY).outs[0].digest == Digest("md5-dos2unix", "764efa883dda1e11db47671c4a3bbd9e")
    assert parse("deps:\n- md5: abc1\n  path: ssh://h/p\n").deps[0].digest == Digest("md5", "abc1")


def test_changed_legacy_out_gets_its_marker_at_the_end() -> None:
    stage = parse("outs:\n- md5: 764efa883dda1e11db47671c4a3bbd9e\n  path: leg.txt\n")
    out = replace(stage.outs[0], digest=Digest("md5", "78dc7e02e76df657bad102d2181cbefa"), meta=Meta(4))
    expected = "outs:\n- md5: 78dc7e02e76df657bad102d2181cbefa\n  path: leg.txt\n  size: 4\n  hash: md5\n"
    assert dump_dvcfile(replace(stage, outs=(out,))) == expected


def test_comments_and_order_survive_a_change() -> None:
    text = (
        "# head\nouts:\n- md5: 764efa883dda1e11db47671c4a3bbd9e  # c1\n  size: 3\n  hash: md5\n  path: f.txt\n"
        '  desc: my desc\nmeta:\n    a: [1, 2]\n    b: "q"\ndesc: "file desc"\n'
    )
    stage = parse(text)
    out = replace(stage.outs[0], digest=Digest("md5", "ec1bebaea2c042beb68f7679ddd106a4"), meta=Meta(8))
    assert dump_dvcfile(replace(stage, outs=(out,), frozen=True)) == (
        "# head\nouts:\n- md5: ec1bebaea2c042beb68f7679ddd106a4  # c1\n  size: 8\n  hash: md5\n  path: f.txt\n"
        "  desc: my desc\nmeta:\n  a: [1, 2]\n  b: q\ndesc: file desc\nfrozen: true\n"
    )


@pytest.mark.parametrize("text", [IMPORT, IMPORT_URL])
def test_checksum_of_an_import_is_what_dvc_wrote(text: str) -> None:
    stage = parse(text)
    assert stage_checksum(stage) == stage.checksum


def test_import_knows_its_repository_and_has_no_local_path() -> None:
    dep = parse(IMPORT).deps[0]
    assert dep.repo is not None and dep.repo["rev"] == "master"
    assert dep.is_url
    assert parse(IMPORT).is_repo_import


def test_etag_keeps_its_quotes_and_checksum_is_lower_case() -> None:
    assert parse(ETAG).deps[0].digest == Digest("checksum", '"abc1"')
    assert parse("deps:\n- etag: '\"AbC\"'\n  path: s3://b/k\n").deps[0].digest == Digest("etag", '"AbC"')


def test_files_of_a_versioned_folder_give_its_hash_and_size() -> None:
    out = parse(CLOUD_FOLDER).outs[0]
    manifest = json.dumps([{"md5": "b026324c6904b2a9cb4b88d6d61c81d1", "relpath": "a"}]).encode()
    assert out.digest == Digest("md5", md5(manifest).hexdigest() + ".dir")
    assert out.meta == Meta(size=2, nfiles=1, remote="ver")


def test_versions_of_another_content_are_not_kept() -> None:
    stage = parse(CLOUD_FILE)
    out = replace(stage.outs[0], digest=Digest("md5", "aaaabbbbccccddddeeeeffff00001111"), meta=Meta(5))
    assert "cloud" not in dump_dvcfile(replace(stage, outs=(out,)))


def test_wdir_moves_the_paths() -> None:
    stage = parse("wdir: ..\nouts:\n- path: ./a/../b\n")
    assert (stage.wdir, stage.outs[0].abspath) == ("/r", "/r/b")
    assert dump_dvcfile(replace(stage, source=None)).startswith("wdir: ..\n")


def test_locked_is_the_old_word_for_frozen() -> None:
    assert parse("locked: true\nouts:\n- path: m\n").frozen


@pytest.mark.parametrize("text", ["cmd: python t.py\nouts:\n- path: m\n", "outs:\n- path: m\n  metric: false\n"])
def test_stage_files_of_dvc_1_are_refused_as_by_dvc(text: str) -> None:
    with pytest.raises(InvalidFile, match="extra keys not allowed"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outs:\n- md5: ab\n  path: f\n", "at least 3, in outs -> 0 -> md5, line 2, column 3"),
        ("outs:\n- md5: abcd\n", "required key not provided, in outs -> 0 -> path, line 2"),
        ("outs:\n- path: f\n  foo: 1\n", "extra keys not allowed, in outs -> 0 -> foo, line 3, column 3"),
        ("outs: 3\n", "expected a list, in outs, line 1, column 1"),
        ("- a\n", "expected a dictionary"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, message: str) -> None:
    with pytest.raises(InvalidFile, match="'./x.dvc' validation failed") as caught:
        parse(text)
    assert message in caught.value.message


def test_empty_file_is_a_stage_without_outs() -> None:
    assert parse("").outs == ()
