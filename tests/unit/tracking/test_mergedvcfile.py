"""Merging .dvc files."""
from __future__ import annotations

from tracking.engine.errors import DataverError
from tracking.engine.mergedvcfile import merge_dvcfile
from tracking.engine.tree import Rows, dump_tree, tree_oid

A, B, C = "a" * 32, "b" * 32, "c" * 32


class MemoryTrees:
    def __init__(self) -> None:
        self.known: dict[str, Rows] = {}

    def rows(self, oid: str, legacy: bool, remote: str | None) -> Rows:
        if oid not in self.known:
            raise DataverError(f"no {oid}")
        return self.known[oid]

    def add(self, rows: Rows, legacy: bool) -> str:
        oid = tree_oid(dump_tree(rows))
        self.known[oid] = rows
        return oid

    def size(self, md5: str, legacy: bool) -> int | None:
        return 1


def merged(base: str, ours: str, theirs: str, trees: MemoryTrees | None = None):
    return merge_dvcfile(base, ours, theirs, abspath="/r/x.dvc", display="x.dvc", trees=trees or MemoryTrees())


def out(path: str, md5: str, extra: str = "") -> str:
    return f"- md5: {md5}\n  size: 1\n  hash: md5\n  path: {path}\n{extra}"


def folder(trees: MemoryTrees, *rows: tuple[str, str], legacy: bool = False) -> str:
    oid = trees.add(sorted(rows), legacy)
    kind = "" if legacy else "  hash: md5\n"
    return f"outs:\n- md5: {oid}\n  size: {len(rows)}\n  nfiles: {len(rows)}\n{kind}  path: d\n"


def test_outs_of_different_sides() -> None:
    result = merged("outs:\n" + out("f", A) + out("g", A), "outs:\n" + out("f", B) + out("g", A), "outs:\n" + out("f", A) + out("g", C) + out("h", A))
    assert (result.text, result.conflicts) == ("outs:\n" + out("f", B) + out("g", C) + out("h", A), ())


def test_content_and_annotations_are_apart() -> None:
    result = merged("outs:\n" + out("f", A), "outs:\n" + out("f", B), "outs:\n" + out("f", A, "  desc: text\n"))
    assert (result.text, result.conflicts) == ("outs:\n" + out("f", B, "  desc: text\n"), ())


def test_our_comments_stay() -> None:
    result = merged("outs:\n" + out("f", A) + out("g", A), "# note\nouts:\n" + out("f", B) + out("g", A), "outs:\n" + out("f", A) + out("g", C))
    assert result.text == "# note\nouts:\n" + out("f", B) + out("g", C)


def test_one_out_in_conflict_is_marked_alone() -> None:
    result = merged("outs:\n" + out("f", A) + out("g", A), "outs:\n" + out("f", B) + out("g", B), "outs:\n" + out("f", C) + out("g", A))
    assert result.conflicts == ("'f': changed on both sides",)
    assert result.text == "outs:\n<<<<<<< ours\n" + out("f", B) + "=======\n" + out("f", C) + ">>>>>>> theirs\n" + out("g", B)


def test_an_out_gone_on_one_side_and_changed_on_the_other() -> None:
    result = merged("outs:\n" + out("f", A) + out("g", A), "outs:\n" + out("g", A), "outs:\n" + out("f", C) + out("g", A))
    assert result.conflicts == ("'f': no longer tracked by ours, changed by theirs",)


def test_folders_added_on_both_sides_become_one() -> None:
    trees = MemoryTrees()
    result = merged("", folder(trees, ("a", A)), folder(trees, ("b", B)), trees)
    assert (result.text, result.conflicts) == (folder(trees, ("a", A), ("b", B)), ())


def test_folders_of_2x_stay_so_and_kinds_are_not_mixed() -> None:
    trees = MemoryTrees()
    base, ours, theirs = (folder(trees, ("a", A), *more, legacy=True) for more in ((), (("b", B),), (("c", C),)))
    assert merged(base, ours, theirs, trees).text == folder(trees, ("a", A), ("b", B), ("c", C), legacy=True)
    assert "hashed as dvc 2 did" in merged(base, ours, folder(trees, ("a", A), ("c", C)), trees).conflicts[0]


def test_a_manifest_nobody_has_is_a_conflict() -> None:
    trees = MemoryTrees()
    base, ours, theirs = (folder(trees, ("a", A), *more) for more in ((), (("b", B),), (("c", C),)))
    trees.known.clear()
    assert merged(base, ours, theirs, trees).conflicts[0].startswith("folder 'd': cannot read what it holds in the common ancestor")


def test_an_import_comes_from_one_side() -> None:
    def imported(rev: str, md5: str, desc: str = "") -> str:
        return f"{desc}md5: {md5}\nfrozen: true\ndeps:\n- path: f\n  repo:\n    url: u\n    rev_lock: {rev}\nouts:\n" + out("f", md5)

    result = merged(imported("x1", A), imported("x2", B), imported("x1", A, "desc: text\n"))
    assert (result.text, result.conflicts) == (imported("x2", B) + "desc: text\n", ())
    assert merged(imported("x1", A), imported("x2", B), imported("x3", C)).conflicts == ("what it imports, and the data, changed on both sides",)


def test_files_of_versioned_storage_are_merged_by_path() -> None:
    def listed(*names: str) -> str:
        return "outs:\n- hash: md5\n  path: d\n  files:\n" + "".join(f"  - relpath: {name}\n    md5: {A}\n    size: 1\n" for name in names)

    result = merged(listed("a"), listed("a", "b"), listed("a", "c"))
    assert (result.text, result.conflicts) == (listed("a", "b", "c"), ())
