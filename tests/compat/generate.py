"""Draws the next operations from a seed and from what the first project looks like now.

Every draw is concrete (names and contents spelled out), so the list of operations alone
replays a run. Commands of stages are deterministic; pipelines mostly form chains, because
dvc runs independent stages in an order that is not stable. Remotes and caches outside of the project
are named by absolute paths: relative ones dvc resolves against `/` when it reads the config of a
commit (`push -a`, `fetch -A`, `gc -A`), so it would write there and meet what earlier runs left.
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml

from tests.compat.operations import Operation

FOLDERS = ("data", "raw", "data/deep", "img", "odd é")
NAMES = ("a.txt", "b.txt", "c.bin", "with space.txt", "ünï.csv", "x-1.json", "Z", "run.sh")
WORDS = ("alpha\n", "beta\n", "gamma\n", "", "delta\r\nline\r\n", "0123456789" * 30, "é\n", "yes\n")
PARAMS = ("lr: 0.1\nepochs: 3\nmodel:\n  layers: [1, 2]\n  name: net\n", "lr: 1e-05\nepochs: 3\nmodel:\n  layers: [1]\n  name: 'yes'\n",
          "lr: 0.2\nepochs: 4\nmodel:\n  layers: []\n  name: null\n# note\nextra: true\n", "lr: .inf\nepochs: 0\nmodel: {layers: [3], name: a}\n")
PARAM_KEYS = ("lr", "epochs", "model.name", "model.layers", "model", "missing.key")
READERS: tuple[tuple[str, ...], ...] = (
    ("status", "--json"), ("status", "--json"), ("data", "status", "--json"), ("data", "status", "--json", "--granular"),
    ("data", "status", "--json", "--granular", "--unchanged", "--untracked-files"), ("diff", "--json"), ("diff", "--json", "--show-hash"),
    ("diff", "--json", "HEAD~1"), ("diff", "--json", "HEAD~1", "HEAD"), ("ls", ".", "--json"), ("ls", ".", "-R", "--json", "--show-hash", "--size"),
    ("ls", ".", "-R", "--dvc-only", "--json"), ("metrics", "show", "--json"), ("metrics", "diff", "--json"), ("metrics", "diff", "--json", "HEAD~1"),
    ("params", "diff", "--json"), ("params", "diff", "--json", "--all"), ("params", "diff", "--json", "HEAD~1"), ("params", "diff", "--json", "--deps"),
    ("status", "-c", "--json"), ("status", "-q"), ("stage", "list", "--all"), ("dag", "--mermaid"), ("remote", "list"), ("config", "-l"), ("root",),
    ("metrics", "show", "--json", "-A"), ("check-ignore", "-d", "data/a.txt"), ("du", "."), ("data", "status", "--json", "--not-in-remote"),
)
FOREACH = """\
vars:
- size: 3
- opts: {depth: 2, fast: true}
stages:
  make:
    foreach: [one, two]
    do:
      cmd: echo ${item} ${size} > made-${item}.txt
      outs:
        - made-${item}.txt  # one per item
  grid:
    matrix:
      m: [cnn, rnn]
      n: [1, 2]
    cmd: echo ${item.m} ${item.n} ${opts} > grid-${item.m}-${item.n}.txt
    deps: [made-one.txt]
    outs:
      - grid-${item.m}-${item.n}.txt:
          cache: false
  sum:
    cmd: cat made-*.txt > total.txt
    deps: [made-one.txt, made-two.txt]
    outs: [total.txt]
    desc: ${size} things
"""
TOP_LEVEL = """\
# written by hand
stages:
  count:
    cmd:
      - wc -c < raw/a.txt | tr -d ' ' > n.txt
      - 'printf "{\\"n\\": %s, \\"deep\\": {\\"x\\": 1.5}}" $(cat n.txt) > metrics.json'
    deps:
      - "raw/a.txt"
    params: [lr, {params.yaml: [epochs]}]
    outs:
      - n.txt:
          persist: true
    metrics:
      - metrics.json: {cache: false}
params:
  - params.yaml
metrics: [metrics.json]
plots:
  - curve.csv: {x: step, y: loss}
artifacts:
  model: {path: n.txt, type: model}
"""
BROKEN = ("stages:\n  a: [x\n", "stages:\n  a:\n    cmd: echo\n    dep: [q]\n", "stages:\n  a: {cmd: 'echo ${nope}'}\n",
          "stages:\n  a: {cmd: x, deps: [p], outs: [q]}\n  b: {cmd: y, deps: [q], outs: [p]}\n", "a: 1\na: 2\n",
          "stages:\n  a: {cmd: x, outs: [p]}\n  b: {cmd: y, outs: [p]}\n", "- 1\n", "stages:\n  f:\n    foreach: [one]\n    do:\n      cmd: x\n      outs: [o-${item}]\n", "stages:\n  a: {cmd: x, outs: [p]}\n  b: {cmd: y, outs: [p/q]}\n")
TINY_SUB = "stages:\n  sub:\n    wdir: work\n    cmd: cat ../../params.yaml > s.out\n    deps: [../../params.yaml]\n    outs: [s.out]\n"


@dataclass
class View:
    """What the first project holds: paths of plain files, folders, .dvc files, and its dvc.yaml."""

    files: list[str]
    folders: list[str]
    dvcfiles: list[str]
    stages: dict[str, Any]
    commits: int

    @classmethod
    def of(cls, project: str, commits: int) -> View:
        files, folders, dvcfiles = [], [], []
        for folder, names, leaves in os.walk(project):
            names[:] = sorted(name for name in names if name not in (".git", ".dvc"))
            rel = os.path.relpath(folder, project)
            folders += [] if rel == "." else [rel]
            for name in sorted(leaves):
                path = os.path.normpath(os.path.join(rel, name))
                if name.endswith(".dvc"):
                    dvcfiles.append(path)
                elif name not in (".gitignore", ".dvcignore", "dvc.yaml", "dvc.lock"):
                    files.append(path)
        return cls(files, folders, dvcfiles, _stages(project), commits)

    @property
    def tracked(self) -> list[str]:
        return [path[: -len(".dvc")] for path in self.dvcfiles]


def _stages(project: str) -> dict[str, Any]:
    try:
        with open(os.path.join(project, "dvc.yaml"), encoding="utf-8") as stream:
            found = yaml.safe_load(stream).get("stages") or {}
            return found if isinstance(found, dict) else {}
    except (OSError, yaml.YAMLError, AttributeError):
        return {}


class Generator:
    """Draws operations. `kinds` lists (weight, method)."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.commits = 0
        self._count = 0
        self._failures = 0
        self.kinds = [
            (14, self._edit), (4, self._remove_path), (3, self._move_path), (2, self._chmod), (1, self._special),
            (14, self._add), (4, self._remove), (3, self._move), (5, self._dvc_commit), (8, self._checkout),
            (7, self._git_commit), (4, self._git_checkout), (9, self._stage_add), (14, self._repro), (3, self._freeze),
            (4, self._params), (16, self._read), (10, self._transfer), (3, self._gc), (4, self._config), (2, self._ignore),
            (3, self._break), (3, self._damage), (2, self._legacy), (3, self._pipeline_file), (3, self._hopeless), (2, self._in_folder),
        ]

    def start(self) -> list[Operation]:
        """Operations that make the project."""
        rng = self.rng
        found: list[Operation] = [["git", "init", "-q", "-b", "main"], ["tool", "init"]]
        if rng.random() < 0.4:
            kind = rng.choice(("hardlink", "symlink", "copy", "reflink,hardlink"))
            found.append(["tool", "config", "cache.type", kind])
        if rng.random() < 0.35:
            found.append(["tool", "config", "core.autostage", "true"])
        found += [["write", "params.yaml", PARAMS[0]], ["write", "raw/a.txt", "raw a\n"], ["write", "raw/b.txt", "raw b\n"]]
        found += [["write", f"data/{name}", rng.choice(WORDS)] for name in rng.sample(NAMES, 3)]
        found += [["tool", "remote", "add", "-d", "store", "{box}/remote"]]
        found += [["tool", "add", *rng.choice((["data"], ["raw"], ["raw/a.txt", "data"], ["raw/a.txt"], ["raw", "data"]))]]
        if rng.random() < 0.25:
            found.append(["write", "dvc.yaml", rng.choice((FOREACH, TOP_LEVEL))])
        return [*found, ["commit", "start"]]

    def next(self, view: View) -> list[Operation]:
        """The next one or few operations."""
        if self._failures >= 4:  # a state in which nothing works tells nothing new
            self._failures = 0
            return [["git", "reset", "-q", "--hard"], ["delete", "dvc.yaml"], ["delete", "dvc.lock"], ["delete", "nest"], ["write", ".dvcignore", ""]]
        weights = [weight for weight, _ in self.kinds]
        methods = [method for _, method in self.kinds]
        self._count += 1
        return self.rng.choices(methods, weights)[0](view)

    def note(self, code: int) -> None:
        """Learn how the last tool run ended."""
        self._failures = self._failures + 1 if code else 0

    # -- the user's own doing -----------------------------------------------------------
    def _path(self, view: View) -> str:
        if view.files and self.rng.random() < 0.6:
            return self.rng.choice(view.files)
        return f"{self.rng.choice(FOLDERS)}/{self.rng.choice(NAMES)}"

    def _text(self) -> str:
        return self.rng.choice(WORDS) + self.rng.choice(("", f"{self.rng.randrange(50)}\n"))

    def _edit(self, view: View) -> list[Operation]:
        path = self._path(view)
        if path == "params.yaml":
            return self._params(view)
        if self.rng.random() < 0.3:
            return [["append", path, self._text()]]
        return [["write", path, self._text()]]

    def _remove_path(self, view: View) -> list[Operation]:
        return [["delete", self.rng.choice([*view.files, *view.folders] or ["none"])]]

    def _move_path(self, view: View) -> list[Operation]:
        old = self.rng.choice([*view.files, *view.folders] or ["none"])
        return [["rename", old, os.path.join(os.path.dirname(old), self.rng.choice(NAMES) + ".moved")]]

    def _chmod(self, view: View) -> list[Operation]:
        return [["chmod", self.rng.choice(view.files or ["none"]), self.rng.choice((0o755, 0o644))]]

    def _special(self, view: View) -> list[Operation]:
        folder = self.rng.choice(FOLDERS)
        choices = [["symlink", "a.txt", f"{folder}/link-{self._count}"], ["mkdir", f"{folder}/empty-{self._count}"],
                   ["touch", self._path(view)], ["symlink", "nowhere", f"{folder}/broken"], ["symlink", "../raw", f"{folder}/folder-link"]]
        operation = self.rng.choice(choices)
        follow = [["tool", "add", folder], ["delete", operation[-1]]] if operation[-1].endswith("broken") else []
        return [operation, *follow]

    def _params(self, view: View) -> list[Operation]:
        return [["write", "params.yaml", self.rng.choice(PARAMS)]]

    def _ignore(self, view: View) -> list[Operation]:
        patterns = ("*.bin\n", "data/deep\n", "# nothing\n", "*.txt\n!a.txt\n", "/img/\n", "")
        return [["write", ".dvcignore", self.rng.choice(patterns)]]

    def _pipeline_file(self, view: View) -> list[Operation]:
        text = self.rng.choice((FOREACH, TOP_LEVEL, TINY_SUB))
        if text == TINY_SUB:
            return [["write", "nest/dvc.yaml", text], ["mkdir", "nest/work"], ["tool", "repro", "nest/dvc.yaml:sub"]]
        return [["write", "dvc.yaml", text], ["tool", "repro", *self.rng.choice(([], ["sum"], ["make"], ["count"], ["--dry"]))]]

    # -- data -----------------------------------------------------------------------------
    def _target(self, view: View) -> str:
        rng = self.rng
        pools = [view.tracked, view.folders, view.files, ["data", "raw", "img"]]
        return rng.choice(rng.choice([pool for pool in pools if pool]))

    def _add(self, view: View) -> list[Operation]:
        rng = self.rng
        targets = [self._target(view) for _ in range(rng.choice((1, 1, 1, 2)))]
        if rng.random() < 0.08:
            return [["tool", "add", "--glob", rng.choice(("raw/*.txt", "data/*", "*.none"))]]
        if rng.random() < 0.05:
            return [["tool", "add", "-o", f"copy-{self._count}", targets[0]]]
        flags = rng.choice(([], [], [], [], ["--no-commit"], ["--no-relink"], ["-f"]))
        return [["tool", "add", *flags, *targets]]

    def _remove(self, view: View) -> list[Operation]:
        rng = self.rng
        names = [*view.dvcfiles, *view.stages] or ["nothing.dvc"]
        return [["tool", "remove", *rng.choice(([], ["--outs"])), rng.choice(names)]]

    def _move(self, view: View) -> list[Operation]:
        old = self.rng.choice([*view.tracked, "untracked"])
        new = self.rng.choice((f"moved-{self._count}", f"place-{self._count}/x", "raw", os.path.dirname(old) or "img"))
        return [["tool", "move", old, new]]

    def _dvc_commit(self, view: View) -> list[Operation]:
        targets = self.rng.choice(([], [], [self.rng.choice([*view.dvcfiles, *view.stages, "none"])]))
        return [["tool", "commit", *self.rng.choice((["-f"], ["-f"], [])), *targets]]

    def _checkout(self, view: View) -> list[Operation]:
        rng = self.rng
        flags = rng.choice(([], [], ["-f"], ["-f"], ["--relink"], ["-f", "--relink"], ["--summary"], ["-f", "--summary"], ["--allow-missing", "-f"]))
        targets = rng.choice(([], [], [], [rng.choice([*view.dvcfiles, *view.tracked, *view.stages, "none"])]))
        return [["tool", "checkout", *flags, *targets]]

    def _git_commit(self, view: View) -> list[Operation]:
        self.commits += 1
        everything = self.rng.random() < 0.15  # data that nobody added becomes Git's
        return [["commit", f"commit {self.commits}", everything]]

    def _git_checkout(self, view: View) -> list[Operation]:
        rng = self.rng
        if rng.random() < 0.3:
            return [["git", "checkout", "-q", "-b", f"branch-{self._count}"]]
        where = rng.choice(("HEAD~1", "main", "main~1", "HEAD~2", "main"))
        return [["git", "checkout", "-q", *rng.choice(([], ["-f"])), where], ["tool", "checkout", *rng.choice(([], ["-f"]))]]

    # -- pipelines --------------------------------------------------------------------------
    def _outs(self, view: View) -> list[str]:
        found = []
        for definition in view.stages.values():
            for entry in (definition or {}).get("outs", []) if isinstance(definition, dict) else []:
                path = entry if isinstance(entry, str) else next(iter(entry))
                found += [] if "$" in path else [path]
        return found

    def _stage_add(self, view: View) -> list[Operation]:
        rng = self.rng
        name = rng.choice(("s1", "s2", "s3", "s4", "s5", f"s{self._count}"))
        number = self._count
        deps = rng.sample(candidates, min(len(candidates), rng.choice((0, 1, 1, 2)))) if (
            candidates := sorted({*self._outs(view)[-2:], *view.tracked[:3], "raw/a.txt"})) else []
        words = ["stage", "add", *rng.choice(([], ["-f"])), "-n", name]
        for dep in deps:
            words += ["-d", dep]
        for key in rng.sample(PARAM_KEYS[:-1], rng.choice((0, 0, 1, 2))):
            words += ["-p", key]
        gather = "".join(f"find '{dep}' -type f | LC_ALL=C sort | xargs -d '\\n' cat; " for dep in deps) or "echo none; "
        out = rng.choice((f"out-{name}", f"out-{number}.txt", f"built/{name}"))
        flag = rng.choice(("-o", "-o", "-o", "-O", "--outs-persist", "--outs-persist-no-cache"))
        body = f"mkdir -p $(dirname {out}); ({gather}) > {out}"
        if rng.random() < 0.2:
            body = f"mkdir -p {out}; ({gather}) > {out}/one; echo {number % 3} > {out}/two"
        words += [flag, out]
        if rng.random() < 0.25:
            words += [rng.choice(("-m", "-M")), f"m-{name}.json"]
            body += f"; echo '{{\"n\": {number % 4}, \"deep\": {{\"a\": 0.5, \"s\": \"x\"}}}}' > m-{name}.json"
        if rng.random() < 0.15:
            words += [rng.choice(("--plots", "--plots-no-cache")), f"p-{name}.csv"]
            body += f"; printf 'x,y\\n1,{number % 3}\\n' > p-{name}.csv"
        if rng.random() < 0.1:
            words += ["--always-changed"]
        if rng.random() < 0.15:
            words += ["--desc", "a: description é that is long enough to be folded by any sane writer of YAML text files"]
        if rng.random() < 0.06:
            body += "; exit 3"
        operations: list[Operation] = [["tool", *words, body]]
        if rng.random() < 0.5:
            operations.append(["tool", "repro", *rng.choice(([name], []))])
        return operations

    def _repro(self, view: View) -> list[Operation]:
        rng = self.rng
        flags = rng.choice(([], [], [], [], ["-f"], ["-s"], ["--dry"], ["--no-run-cache"], ["-k"], ["--pull"], ["--allow-missing"],
                            ["--no-commit"], ["--force-downstream"], ["--ignore-errors"]))
        names = [*view.stages, *view.dvcfiles] or ["none"]
        targets = rng.choice(([], [], [rng.choice(names)], [*self._outs(view), "none"][:1]))
        if targets and rng.random() < 0.15:
            flags = ["--downstream"]
        if not targets and "-s" in flags:
            flags = []
        if rng.random() < 0.03:
            flags, targets = ["-P"], []
        return [["tool", "repro", *flags, *targets]]

    def _freeze(self, view: View) -> list[Operation]:
        return [["tool", self.rng.choice(("freeze", "unfreeze")), self.rng.choice([*view.stages, *view.dvcfiles, "none"])]]

    # -- reading, sending, cleaning ---------------------------------------------------------
    def _read(self, view: View) -> list[Operation]:
        return [["tool", *words] for words in self.rng.sample(READERS, 2)]

    def _transfer(self, view: View) -> list[Operation]:
        rng = self.rng
        verb = rng.choice(("push", "push", "pull", "fetch", "status -c"))
        targets = rng.choice(([], [], [], [rng.choice([*view.dvcfiles, *view.stages, "none"])]))
        flags = {"push": ([], [], ["--run-cache"], ["-a"]), "fetch": ([], [], ["--run-cache"], ["-A"]),
                 "pull": ([], [], ["-f"], ["--run-cache"], ["--allow-missing"]), "status -c": (["--json"],)}[verb]
        before: list[Operation] = [["drop_cache"]] if verb in ("pull", "fetch") and rng.random() < 0.5 else []
        return [*before, ["tool", *verb.split(), *rng.choice(flags), *targets]]

    def _gc(self, view: View) -> list[Operation]:
        flags = self.rng.choice((["-w"], ["-w"], ["-a"], ["-A"], ["-w", "-c"], ["-A", "-c"], ["-w", "--dry"], ["-T"], []))
        return [["tool", "gc", "-f", *flags]]

    def _config(self, view: View) -> list[Operation]:
        choices: tuple[list[str], ...] = (
            ["config", "cache.type", self.rng.choice(("copy", "hardlink", "symlink", "hardlink,symlink"))], ["config", "-u", "cache.type"],
            ["config", "core.autostage", self.rng.choice(("true", "false"))], ["config", "core.foo", "1"], ["config", "cache.dir", "{box}/cache"],
            ["config", "-u", "cache.dir"], ["config", "--local", "core.checksum_jobs", "2"], ["config", "--global", "core.checksum_jobs", "3"],
            ["remote", "add", "-f", "second", "{box}/remote2"], ["remote", "remove", "second"], ["remote", "rename", "second", "third"],
            ["remote", "modify", "store", "jobs", "2"], ["remote", "modify", "--local", "store", "jobs", "3"], ["remote", "default", "second"],
            ["remote", "default", "store"], ["config", "core.remote"], ["config", "nonsense"], ["cache", "dir"], ["remote", "add", "store", "x"])
        return [["tool", *self.rng.choice(choices)]]

    # -- trouble --------------------------------------------------------------------------------
    def _break(self, view: View) -> list[Operation]:
        rng = self.rng
        probes = (["status", "--json"], ["repro"], ["add", "raw"], ["dag"], ["stage", "list"], ["checkout"], ["push"], ["commit", "-f"], ["gc", "-wf"], ["metrics", "show", "--json"])
        if view.dvcfiles and rng.random() < 0.3:
            path = rng.choice(view.dvcfiles)
            damage = rng.choice(("outs: [\n", "outs:\n- md5: 1\n  path: a\n  bad: 1\n", "", f"outs:\n- path: {'../' * (path.count('/') + 1)}x\n  md5: d41d8cd98f00b204e9800998ecf8427e\n  hash: md5\n"))
        elif rng.random() < 0.2:
            path, damage = "dvc.lock", rng.choice(("s:\n  cmd: x\n", "schema: '3.0'\n", "schema: '2.0'\nstages: 1\n", "schema: ["))
        else:
            path, damage = "dvc.yaml", rng.choice(BROKEN)
        held = f"kept-{self._count}.bak"
        return [["rename", path, held], ["write", path, damage], *[["tool", *words] for words in rng.sample(probes, 2)], ["delete", path], ["rename", held, path]]

    def _damage(self, view: View) -> list[Operation]:
        """Objects vanish. Objects that change are left to tests/faults: dvc hands damaged bytes on."""
        rng = self.rng
        damage: Operation = rng.choice((["drop_object", rng.randrange(50)], ["drop_object", rng.randrange(50), "remote"], ["drop_cache"]))
        probe = rng.choice((["checkout", "-f"], ["status", "--json"], ["push"], ["fetch"], ["data", "status", "--json"], ["repro"], ["status", "-c", "--json"]))
        return [damage, ["tool", *probe]]

    def _legacy(self, view: View) -> list[Operation]:
        name = f"old-{self._count}"
        if self.rng.random() < 0.5:
            made: list[Operation] = [["write", f"{name}/x.txt", "x\r\ny\r\n"], ["write", f"{name}/y.txt", self._text()]]
        else:
            made = [["write", name, self._text() + "\r\n"]]
        follow = self.rng.choice((["add", name], ["commit", "-f"], ["status", "--json"], ["push"], ["checkout"]))
        return [*made, ["legacy_add", name], ["tool", *follow]]

    def _hopeless(self, view: View) -> list[Operation]:
        wrong = (["add", "missing"], ["add", "dvc.yaml"], ["add", ".git"], ["checkout", "nosuch"], ["repro", "nosuch"], ["remove", "nosuch"], ["move", "raw", "x"],
                 ["push", "-r", "nor"], ["diff", "nope"], ["metrics", "diff", "nope"], ["stage", "add", "-n", "bad:name", "x"], ["frobnicate"], ["add"],
                 ["config", "core.autostage", "maybe"], ["add", "raw/a.txt", "-o", "raw"], ["gc"], ["ls", ".", "nosuch", "--json"], ["unprotect", "nosuch"], ["init"])
        return [["tool", *self.rng.choice(wrong)]]

    def _in_folder(self, view: View) -> list[Operation]:
        words = self.rng.choice((["add", "a.txt"], ["status", "--json"], ["checkout"], ["repro"], ["root"], ["data", "status", "--json"], ["remote", "add", "-f", "near", "store"]))
        return [["tool_in", self.rng.choice(("raw", "data", "img")), *words]]
