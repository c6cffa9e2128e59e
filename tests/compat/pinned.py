"""Fixed sequences for what the formats promise; each ends with real dvc's own view of both projects."""
from __future__ import annotations

from tests.compat.operations import Operation

START: list[Operation] = [["git", "init", "-q", "-b", "main"], ["tool", "init"], ["commit", "start"]]
JUDGE: list[Operation] = [
    ["tool_by", "dvc", ".", "status", "--json"],
    ["tool_by", "dvc", ".", "data", "status", "--json", "--granular", "--unchanged"],
    ["tool_by", "dvc", ".", "diff", "--json", "--show-hash"],
    ["tool", "status", "--json"],
    ["tool", "data", "status", "--json", "--granular", "--unchanged"],
    ["tool", "diff", "--json", "--show-hash"],
]
TRICKY = ("Z", "a-b", "a.txt", "back\\slash", "new\nline", 'quo"te', "sub/b.txt", "é ü.txt", "😀", "with space", "#x", "[y]", "sub/deep/er/c")
LONG = "echo " + " ".join(f"word{number}" for number in range(40)) + " > long.txt"
YAML_TRAPS = """\
vars:
- when: 'yes'
- rate: 1e-05
stages:
  long:
    cmd: %s
    outs: [long.txt]
  lines:
    cmd: |
      echo one
      echo "two: x" > lines.txt
    deps: [long.txt]
    params:
    - lr
    - flag
    - text
    - big
    - nothing
    - tree
    outs:
    - lines.txt
  templated:
    cmd: echo '${when}' ${rate} ${nested} > t.txt
    deps: [lines.txt]
    outs:
    - t.txt:
        desc: "a: b"
        meta: {k: [1, 2]}
""" % LONG
PARAMS = "lr: 1e-05\nflag: yes\ntext: 'yes'\nbig: 123456789012345678901234567890\nnothing: null\ntree:\n  a: [1, 2.50, .inf, '01', 'x: y']\n  b: {}\nnested: {a: 1, b: 'x y'}\n"
CHAIN = """\
stages:
  one:
    cmd: cat in.txt > mid.txt
    deps: [in.txt]
    outs: [mid.txt]
  two:
    cmd: mkdir -p tree && cp mid.txt tree/x && cp mid.txt tree/y
    deps: [mid.txt]
    params: [lr]
    outs: [tree]
  three:
    cmd: cat tree/x tree/y > end.txt && echo '{"acc":0.5}' > m.json
    deps: [tree]
    outs:
    - end.txt:
        persist: true
    metrics:
    - m.json:
        cache: false
"""


def _chain(*rest: Operation) -> list[Operation]:
    return [*START, ["write", "in.txt", "in\n"], ["write", "params.yaml", "lr: 1\nother: 2\n"], ["write", "dvc.yaml", CHAIN], ["tool", "repro"], *rest]


def _relinked(*rest: Operation) -> list[Operation]:
    return [["tool", "config", "cache.type", "hardlink"], ["tool", "checkout", "--relink"], ["tool", "config", "-u", "cache.type"], *rest]


UNJUDGED = frozenset({"cached_external_out_is_refused", "link_to_nothing_in_data"})  # `dvc status` answers "unexpected error" there
SEQUENCES: dict[str, list[Operation]] = {
    "tricky_names": [*START, *[["write", f"tree/{name}", name] for name in TRICKY], ["tool", "add", "tree"], ["commit", "x"],
                     ["delete", "tree"], ["tool", "checkout"]],
    "empty_folder_and_file": [*START, ["mkdir", "hollow"], ["write", "nothing", ""], ["tool", "add", "hollow", "nothing"], ["delete", "hollow"], ["tool", "checkout"]],
    "executable": [*START, ["write", "run.sh", "#!/bin/sh\n"], ["chmod", "run.sh", 0o755], ["tool", "add", "run.sh"], ["delete", "run.sh"], ["tool", "checkout"]],
    "inside_a_tracked_folder": [*START, ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "add", "d"], ["write", "d/a", "changed"], ["write", "d/new", "3"],
                                ["write", "d/b", "also changed"], ["tool", "add", "d/a"], ["tool", "add", "d/new"], ["tool", "status", "--json"]],
    "links": [*START, ["tool", "config", "cache.type", "hardlink"], ["write", "d/a", "1"], ["write", "f", "2"], ["tool", "add", "d", "f"],
              ["tool", "config", "cache.type", "symlink"], ["tool", "checkout", "--relink"], ["tool", "unprotect", "f"], ["tool", "config", "-u", "cache.type"], ["tool", "checkout", "--relink"]],
    "yaml_traps": [*START, ["write", "params.yaml", PARAMS], ["write", "dvc.yaml", YAML_TRAPS], ["tool", "repro"], ["tool", "repro"]],
    "chain": _chain(["tool", "repro"], ["write", "params.yaml", "lr: 2\n"], ["tool", "repro"], ["commit", "b"], ["write", "params.yaml", "lr: 1\n"], ["tool", "repro"],
                    ["delete", "tree"], ["tool", "checkout"], ["tool", "metrics", "diff", "--json"], ["tool", "params", "diff", "--json"]),
    "run_cache_of_the_other": _chain(["delete", "dvc.lock"], ["delete", "tree"], ["delete", "end.txt"], ["tool_by", "dvc", ".", "repro"], ["write", "in.txt", "other\n"],
                                     ["tool_by", "dvc", ".", "repro"], ["write", "in.txt", "in\n"], ["tool", "repro"]),
    "run_cache_by_remote": _chain(["tool", "remote", "add", "-d", "store", "../remote"], ["tool", "push", "--run-cache"], ["drop_cache"], ["delete", "dvc.lock"], ["delete", "mid.txt"],
                                  ["delete", "tree"], ["delete", "end.txt"], ["tool", "fetch", "--run-cache"], ["tool", "repro", "--pull"]),
    "frozen": _chain(["tool", "freeze", "two"], ["write", "in.txt", "new\n"], ["tool", "repro"], ["tool", "unfreeze", "two"], ["tool", "repro"]),
    "comments_survive": [*START, ["write", "dvc.yaml", "# top\nstages:\n  # of a\n  a:\n    cmd: echo  # run\n    deps: [x, 'y']\n"], ["tool", "freeze", "a"],
                         ["tool", "stage", "add", "-n", "b", "-o", "o", "touch o"], ["tool", "remove", "a"]],
    "legacy_stays_legacy": [*START, ["write", "old/a.txt", "x\r\ny\r\n"], ["write", "old/b.txt", "z"], ["write", "one", "1\r\n"], ["legacy_add", "old"], ["legacy_add", "one"],
                            ["tool", "status", "--json"], ["tool", "add", "old"], ["tool", "commit", "-f"], ["delete", "one"], ["tool", "checkout"], ["write", "one", "2\n"], ["tool", "add", "one"]],
    "remote_and_clean": [*START, ["tool", "remote", "add", "-d", "store", "../remote"], ["write", "d/a", "1"], ["write", "f", "2"], ["tool", "add", "d", "f"], ["commit", "a"], ["tool", "push"],
                         ["write", "d/a", "3"], ["tool", "add", "d"], ["tool", "status", "-c", "--json"], ["tool", "push"], ["tool", "gc", "-w", "-f"], ["tool", "gc", "-w", "-c", "-f"],
                         ["drop_cache"], ["delete", "d"], ["tool", "pull"], ["tool", "status", "-c", "--json"]],
    "move_and_remove": [*START, ["write", "d/a", "1"], ["write", "f", "2"], ["tool", "add", "d", "f"], ["tool", "move", "f", "sub"], ["mkdir", "sub"], ["tool", "move", "sub", "place/g"],
                        ["mkdir", "place"], ["tool", "move", "d", "place"], ["tool", "remove", "f.dvc"], ["tool", "remove", "place/d.dvc", "--outs"]],
    "autostage": [*START, ["tool", "config", "core.autostage", "true"], ["write", "d/a", "1"], ["tool", "add", "d"], ["tool", "stage", "add", "-n", "s", "-o", "o", "touch o"], ["tool", "repro"], ["tool", "remove", "s"]],
    "ignored_by_dvcignore": [*START, ["write", ".dvcignore", "*.tmp\n/d/skip\n"], ["write", "d/a", "1"], ["write", "d/b.tmp", "2"], ["write", "d/skip/c", "3"], ["tool", "add", "d"], ["tool", "add", "d/b.tmp"],
                             ["tool", "check-ignore", "-d", "d/b.tmp", "d/a"]],
    "no_scm": [["tool", "init", "--no-scm"], ["write", "d/a", "1"], ["tool", "add", "d"], ["write", "d/a", "2"], ["tool", "status", "--json"], ["tool", "checkout", "-f"]],
    "subdirectory_project": [["git", "init", "-q", "-b", "main"], ["mkdir", "sub"], ["tool_in", "sub", "init", "--subdir"], ["write", "sub/d/a", "1"], ["tool_in", "sub", "add", "d"], ["tool_in", "sub/d", "root"],
                             ["tool_in", "sub", "status", "--json"]],
    "external_cache": [*START, ["tool", "config", "cache.dir", "../cache"], ["write", "f", "1"], ["tool", "add", "f"], ["delete", "f"], ["tool", "checkout"]],
    "external_outs": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo x > ../ext.txt\n    outs:\n    - ../ext.txt:\n        cache: false\n  b:\n    cmd: cat ../ext.txt > o\n    deps: [../ext.txt]\n    outs: [o]\n"],
                      ["tool", "repro"], ["tool", "repro"]],
    "cached_external_out_is_refused": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo x > ../ext.txt\n    outs: [../ext.txt]\n"], ["tool", "repro"]],
    "failing_stage_keeps_the_rest": _chain(["replace", "dvc.yaml", "cp mid.txt tree/y", "exit 3"], ["write", "in.txt", "z\n"], ["tool", "repro"], ["tool", "repro", "-k"]),
    "unused_data_is_removed": [*START, ["write", "f", "1"], ["tool", "add", "f"], ["commit", "with f"], ["git", "checkout", "-q", "HEAD~1"], ["tool", "checkout"]],
    "config_levels": [*START, ["tool", "remote", "add", "r", "../x"], ["tool", "remote", "add", "--local", "r", "s3://b/p", "-f"], ["tool", "remote", "modify", "--local", "r", "region", "eu"],
                      ["tool", "config", "--global", "core.remote", "r"], ["tool", "config", "-l"], ["tool", "remote", "list"], ["tool", "config", "core.remote"], ["tool", "remote", "add", "q", "remote://r/sub"], ["tool", "config", "-l"]],
    "only_what_checkout_brought_is_removed": [*START, ["write", "old/x.txt", "x\n"], ["legacy_add", "old"], ["tool", "checkout"], ["delete", "old.dvc"], ["tool", "checkout"]],
    "relinked_data_is_kept": [*START, ["write", "f", "1"], ["write", "d/a", "1"], ["tool", "add", "f", "d"], ["tool", "checkout", "--relink"], ["delete", "f.dvc"], ["delete", "d.dvc"], ["tool", "checkout"]],
    "unused_data_goes_before_the_question": [*START, ["write", "f", "1"], ["write", "g", "1"], ["tool", "add", "f", "g"], ["delete", "f.dvc"], ["write", "g", "unsaved"], ["tool", "checkout"], ["tool", "checkout", "-f"]],
    "folder_of_an_out_never_made": [*START, ["tool", "stage", "add", "-n", "s", "-d", "none", "-o", "built/deep/s", "touch built/deep/s"], ["tool", "checkout", "-f"], ["tool", "checkout", "--allow-missing"]],
    "copies_do_for_reflinks": [*START, ["tool", "config", "cache.type", "reflink,hardlink"], ["write", "d/a", "1"], ["write", "f", "2"], ["tool", "add", "d", "f"], ["tool", "commit", "-f"], ["tool", "checkout", "--relink"],
                               ["tool", "commit", "-f"], ["tool", "config", "cache.type", "reflink,symlink"], ["tool", "commit", "-f"], ["tool", "checkout", "--relink"]],
    "pull_of_what_was_never_made": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo x > o\n    outs: [o]\n"], ["tool", "repro", "--pull", "--allow-missing"], ["tool", "repro", "--pull"]],
    "unsaved_data_stops_a_pull_of_repro": [*START, ["tool", "remote", "add", "-d", "store", "{box}/remote"], ["write", "d/a", "1"], ["write", "f", "1"], ["tool", "add", "d", "f"], ["tool", "push"], ["drop_cache"],
                                           ["write", "d/new", "2"], ["write", "f", "2"], ["tool", "repro", "--pull", "d.dvc"], ["tool", "repro", "--pull", "f.dvc"]],
    "empty_dvc_file": [*START, ["write", "data.dvc", ""], ["tool", "status", "--json"]],
    "link_to_nothing_in_data": [*START, ["write", "d/a", "1"], ["tool", "add", "d"], ["commit", "a"], ["symlink", "nowhere", "d/broken"], ["tool", "data", "status", "--json", "--granular"], ["tool", "diff", "--json", "--show-hash"],
                                ["delete", "d/a"], ["symlink", "nowhere", "d/a"], ["tool", "data", "status", "--json", "--granular"]],
    "lost_manifest": [*START, ["write", "d/a", "1"], ["tool", "add", "d"], ["commit", "a"], ["drop_cache"], ["tool", "data", "status", "--json", "--granular", "--unchanged"], ["write", "d/b", "2"],
                      ["tool", "data", "status", "--json", "--granular"], ["tool", "diff", "--json"], ["delete", "d.dvc"], ["tool", "data", "status", "--json", "--granular"], ["tool", "diff", "--json"]],
    "part_of_a_legacy_folder": [*START, ["write", "old/x.txt", "x\r\n"], ["write", "old/y.txt", "y\n"], ["legacy_add", "old"], ["tool", "add", "--no-commit", "old/x.txt"], ["tool", "add", "old/y.txt"]],
    "data_source_is_recommitted": [*START, ["write", "in.txt", "a\n"], ["tool", "add", "in.txt"], ["tool", "stage", "add", "-n", "s", "-d", "in.txt", "-o", "o", "cp in.txt o"], ["tool", "repro"],
                                   ["write", "in.txt", "b\n"], ["tool", "repro"]],
    "folders_that_hold_nothing_go": [*START, ["write", "d/a/x", "1"], ["write", "d/b/x", "2"], ["tool", "add", "d"], ["mkdir", "d/new/deep"], ["tool", "checkout"], ["mkdir", "d/a/in"], ["mkdir", "d/b/in"], ["tool", "checkout", "d/a"],
                                     ["write", ".dvcignore", "skip\n"], ["mkdir", "d/skip"], ["mkdir", "d/half/skip"], ["tool", "checkout"], ["delete", "d/a/x"], ["delete", "d/b"], ["mkdir", "d/b/x"], ["tool", "checkout"],
                                     ["delete", "d"], ["mkdir", "d/b"], ["tool", "commit", "-f"], ["tool", "checkout"]],
    "mode_of_unused_data": [*START, ["write", "f", "1"], ["write", "d/a", "1"], ["tool", "add", "f", "d"], ["chmod", "f", 0o755], ["chmod", "d/a", 0o755], ["delete", "f.dvc"], ["delete", "d.dvc"], ["tool", "checkout"]],
    "unused_data_without_a_copy": [*START, ["write", "f", "1"], ["write", "d/a", "1"], ["write", "d/s/a", "2"], ["tool", "add", "f", "d"], ["drop_cache"], ["delete", "f.dvc"], ["delete", "d.dvc"], ["tool", "checkout"]],
    "links_to_nothing": [*START, ["tool", "config", "cache.type", "symlink"], ["write", "f", "1"], ["write", "d/a", "1"], ["write", "d/s/a", "2"], ["tool", "add", "f", "d"], ["drop_object", 0], ["drop_object", 0], ["tool", "checkout"],
                         ["delete", "f"], ["tool", "checkout", "--allow-missing"], ["tool", "pull", "f"], ["drop_cache"], ["tool", "checkout"], ["delete", "f"], ["delete", "f.dvc"], ["delete", "d.dvc"], ["tool", "checkout"]],
    "lost_object_of_two_files": [*START, ["tool", "config", "cache.type", "hardlink"], ["write", "f", "1"], ["write", "g", "1"], ["tool", "add", "f", "g"], ["drop_cache"], ["tool", "add", "f"], ["tool", "add", "g"]],
    "saved_data_that_is_ignored": [*START, ["write", "d/a.txt", "1"], ["write", "d/s/b.txt", "2"], ["tool", "add", "d"], ["write", ".dvcignore", "*.txt\n"], ["tool", "checkout"], ["write", "d/a.txt", "2"], ["tool", "checkout"]],
    "commit_of_what_git_tracks": [*START, ["write", "old", "x\n"], ["tool", "add", "old"], ["delete", ".gitignore"], ["commit", "all", True], ["write", "old", "y\n"], ["tool", "commit", "-f"]],
    "copied_data_is_linked": [*START, ["tool", "config", "cache.type", "reflink,hardlink"], ["write", "d/a", "1"], ["write", "d/.gitignore", "/b\n"], ["tool", "add", "-o", "e", "d"], ["tool", "add", "--no-relink", "-o", "f", "d/a"]],
    "named_files_are_read_alone": [*START, ["write", "d/a", "1"], ["write", "d/b.txt", "2"], ["tool", "add", "d"], ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo > o.txt\n    outs: [o.txt]\n  b:\n    cmd: echo > p\n    outs: [p]\n"],
                                   ["tool", "repro"], ["write", ".dvcignore", "*.txt\n"], ["tool", "commit", "d.dvc"], ["tool", "commit", "-f", "d.dvc"], ["tool", "commit", "b"], ["tool", "commit", "a"], ["tool", "commit", "d"], ["tool", "commit"],
                                   ["tool", "status", "--json", "d.dvc"], ["tool", "status", "--json", "b", "d.dvc"], ["tool", "status", "--json", "b", "a"], ["tool", "status", "--json", "d"], ["tool", "freeze", "b"], ["tool", "unfreeze", "a"],
                                   ["tool", "commit", "-d", "d.dvc"], ["tool", "commit", "-d", "b"], ["tool", "checkout", "d.dvc"], ["tool", "remove", "b"], ["tool", "stage", "list", "d.dvc"], ["write", ".dvcignore", ""]],
    "copies_leave_out_what_is_ignored": [*START, ["write", "d/a.txt", "1"], ["write", "d/b", "2"], ["write", ".dvcignore", "*.txt\n"], ["tool", "add", "-o", "e", "d"], ["tool", "status", "--json"],
                                         ["tool", "add", "e"], ["tool", "add", "-o", "g", "d"]],
    "repro_of_what_git_tracks": [*START, ["write", "i", "1\n"], ["write", "dvc.yaml", "stages:\n  a:\n    cmd: cat i > o; cat i > p\n    deps: [i]\n    outs: [o, p]\n"], ["tool", "repro"], ["git", "add", "-f", "o"], ["tool", "repro"],
                                 ["write", "i", "2\n"], ["tool", "repro"], ["tool", "repro", "--no-commit"], ["write", "i", "1\n"], ["tool", "repro"], ["tool", "repro", "-f"], ["tool", "freeze", "a"], ["write", "o", "u"], ["tool", "repro"],
                                 ["write", "f", "1"], ["tool", "add", "f"], ["git", "add", "-f", "f"], ["write", "f", "2"], ["tool", "repro", "f.dvc"]],
    "remove_of_links_to_nothing": [*START, ["tool", "config", "cache.type", "symlink"], ["write", "f", "1"], ["write", "d/a", "2"], ["tool", "add", "f", "d"], ["drop_cache"], ["tool", "remove", "d.dvc"], ["tool", "remove", "f.dvc"]],
    "hard_links_become_copies": [*START, ["tool", "config", "cache.type", "hardlink"], ["write", "d/a", "1"], ["write", "d/s/b", "2"], ["write", "d/run.sh", "1"], ["tool", "add", "d"], ["tool", "config", "-u", "cache.type"], ["tool", "add", "d"],
                                 *_relinked(["rename", "d/a", "d/x"], ["tool", "add", "d"]), *_relinked(["delete", "d/x"], ["tool", "add", "d"]), *_relinked(["write", "d/new", "n"], ["tool", "add", "d"]),
                                 *_relinked(["write", "d/new", "m"], ["tool", "commit", "-f"]), *_relinked(["tool", "commit", "d/run.sh"])],
    "missing_deps_of_what_cannot_be_remembered": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo > o\n    deps: [none]\n    outs: [o]\n    always_changed: true\n  b:\n    cmd: echo\n    deps: [none]\n"],
                                                  *[["tool", "repro", *flags, name] for name in ("a", "b") for flags in (["--allow-missing"], ["--dry", "--allow-missing"], ["--dry"], [], ["-f"], ["-f", "--allow-missing"], ["--allow-missing"])]],
    "relinked_data_that_is_ignored": [*START, ["tool", "config", "cache.type", "hardlink"], ["write", "d/a", "1"], ["write", "d/b.txt", "2"], ["tool", "add", "--no-relink", "d"], ["write", ".dvcignore", "*.txt\n"], ["tool", "checkout", "--relink"]],
    "remote_lost_a_manifest": [*START, ["tool", "remote", "add", "-d", "store", "{box}/remote"], ["write", "raw/a.txt", "raw a\n"], ["write", "raw/b.txt", "raw b\n"], ["tool", "add", "raw"], ["tool", "push"], ["drop_object", 1, "remote"],
                               ["tool", "status", "-c", "--json"], ["rename", "raw", "raw.moved"], ["drop_cache"], ["tool", "fetch"]],
    "move_of_a_link_to_nothing": [*START, ["write", "d/a", "1"], ["write", "d/b", "1"], ["tool", "add", "d"], ["symlink", "nowhere", "d/link"], ["tool", "move", "d", "e"], ["delete", "d/link"], ["tool", "move", "d", "e"]],
    "executable_part": [*START, ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "add", "d"], ["chmod", "d/a", 0o755], ["tool", "add", "d"], ["tool", "add", "d/b"], ["tool", "add", "d", "d/a"]],
    "outs_of_a_stage_that_is_gone": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo > n.txt\n    outs: [n.txt]\n"], ["tool", "repro"], ["write", "dvc.yaml", "stages:\n  b:\n    cmd: echo 2 > m.txt\n    outs: [m.txt]\n"],
                                     ["tool", "gc", "-wf"], ["tool", "checkout", "-f"], ["tool", "repro"], ["tool", "checkout", "-f"]],
    "parts_of_a_legacy_folder": [*START, ["write", "old/x.txt", "x\r\n"], ["write", "old/y.txt", "y\n"], ["legacy_add", "old"], ["tool", "add", "--no-relink", "old/x.txt", "old/y.txt"]],
    "copy_of_a_link_to_nothing": [*START, ["write", "d/a", "1"], ["symlink", "nowhere", "d/x"], ["tool", "add", "-o", "e", "d"], ["delete", "d/x"], ["tool", "add", "-o", "e", "d"]],
    "part_of_a_legacy_folder_without_manifest": [*START, ["write", "old/x.txt", "x\r\ny\r\n"], ["write", "old/y.txt", "alpha\n"], ["legacy_add", "old"], ["drop_cache"], ["tool", "add", "old/y.txt"]],
    "commit_that_fails_midway": [*START, ["write", "a", "1"], ["write", "d/b", "1"], ["write", "d/e/c", "1"], ["tool", "add", "a", "d/b", "d/e/c"], ["write", "a", "2"], ["write", "d/e/c", "2"], ["delete", "d/b"], ["tool", "commit", "-f"]],
    "lost_manifest_is_remembered": [*START, ["write", "x/a", "1"], ["write", "x/b", "2"], ["tool", "add", "x"], ["tool", "checkout"], ["delete", "x"], ["delete", ".dvc/cache/files/md5/8e/a7b150bb7c692952804d00767e8840.dir"], ["tool", "checkout", "-f"]],
    "part_added_alone_whose_object_was_lost": [*START, ["tool", "config", "cache.type", "hardlink"], ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "remote", "add", "-d", "store", "{box}/remote"], ["tool", "add", "d"], ["tool", "push"],
                                               ["tool", "add", "d/b"], ["drop_cache"], ["tool", "fetch"], ["tool", "checkout", "-f"]],
    "runs_that_cannot_start_are_ignored": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: cat i > o\n    deps: [i]\n    outs: [o]\n"], ["write", "i", "1"], ["tool", "repro"], ["delete", "i"], ["tool", "repro", "--ignore-errors"], ["tool", "repro"]],
    "relink_of_a_file_of_another_mode": [*START, ["write", "f", "1"], ["tool", "add", "f"], ["chmod", "f", 0o755], ["tool", "config", "cache.type", "symlink"], ["tool", "checkout", "--relink"], ["tool", "status", "--json"]],
    "relink_of_a_lost_object": [*START, ["write", "f", "1"], ["write", "g", "2"], ["tool", "add", "f", "g"], ["tool", "config", "cache.type", "hardlink"], ["drop_object", 1], ["tool", "checkout", "--relink"], ["tool", "checkout", "-f", "--relink"]],
    "single_items_beside_broken_files": [*START, ["write", "f", "1"], ["tool", "add", "f"], ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo > o\n    outs: [o]\n"], ["write", "sub/dvc.yaml", "stages: [\n"], ["tool", "repro", "-s", "f.dvc"],
                                         ["tool", "repro", "-s", "a"], ["tool", "repro", "-s"], ["tool", "repro", "-s", "o"], ["tool", "repro", "-s", "none"], ["tool", "repro", "-s", "-p", "a"], ["tool", "repro", "-s", "--glob", "a*"], ["tool", "repro", "-s", "-R", "."], ["delete", "sub"]],
    "moved_data_is_linked": [*START, ["tool", "config", "cache.type", "symlink"], ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "add", "d"], ["tool", "config", "-u", "cache.type"], ["rename", "d/a", "d/c"], ["tool", "move", "d", "e"],
                             ["tool", "config", "cache.type", "symlink"], ["write", "e/c", "3"], ["tool", "move", "e", "f"], ["delete", "f.dvc"], ["tool", "checkout"]],
    "part_of_a_folder_without_manifest": [*START, ["tool", "remote", "add", "-d", "store", "{box}/remote"], ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "add", "d"], ["tool", "push"], ["drop_cache"], ["tool", "add", "d/a"],
                                          ["drop_cache"], ["write", "d/a", "3"], ["tool", "add", "d/a"], ["drop_cache"], ["tool", "add", "d/b"]],
    "links_to_nothing_are_no_crash": [*START, ["tool", "config", "cache.type", "symlink"], ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n"], ["tool", "repro"], ["write", "f", "1"], ["write", "d/a", "2"], ["tool", "add", "f", "d"],
                                      ["drop_cache"], ["tool", "du", "."], ["tool", "status", "--json"], ["tool", "add", "d"], ["tool", "repro"]],
    "ignored_outs_of_a_commit": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo 1 > o.txt; echo '{n: 1}' > m.yaml\n    outs: [o.txt]\n    metrics: [m.yaml]\n"], ["tool", "repro"], ["write", "f", "1"], ["tool", "add", "f"],
                                 ["write", ".dvcignore", "*.txt\n"], ["commit", "bad"], ["tool", "status", "-c", "--json", "f.dvc"], ["write", ".dvcignore", ""], ["tool", "data", "status", "--json"], ["tool", "diff", "--json", "HEAD"], ["tool", "metrics", "show", "--json", "-A"], ["tool", "metrics", "diff", "--json"], ["tool", "gc", "-f", "-A"]],
    "pull_beside_a_lost_manifest": [*START, ["tool", "remote", "add", "-d", "store", "{box}/remote"], ["write", "d/a", "1"], ["write", "d/b", "2"], ["tool", "add", "d"], ["tool", "push"], ["rename", "d/b", "d/c"], ["tool", "add", "d"],
                                    ["tool", "checkout"], ["drop_cache"], ["tool", "pull"]],
    "pull_of_an_out_as_recorded": [*START, ["write", "dvc.yaml", "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n  b:\n    cmd: cp o p\n    deps: [o]\n    outs: [p]\n"], ["tool", "remote", "add", "-d", "store", "{box}/remote"],
                                   ["tool", "repro", "--no-commit", "a"], ["tool", "repro", "--pull"]],
    "lost_manifest_of_a_commit": [*START, ["write", "d/a", "1"], ["tool", "add", "d"], ["commit", "one"], ["tool", "data", "status", "--json", "--granular"], ["tool", "remove", "--outs", "d.dvc"], ["commit", "two"], ["drop_cache"],
                                  ["tool", "diff", "--json", "HEAD~1", "HEAD"]],
}
