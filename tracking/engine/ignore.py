"""Which paths are ignored: .dvcignore for us, .gitignore as git reads it.

All paths are posix and relative to the root the object was made for. Rules of a folder
are compiled once, into one expression for files and one for folders; where no rule
applies nothing is asked per file. Semantics: docs/formats "Ignore files", checked with
git and with dvc 3.67.1.
"""
from __future__ import annotations

import os

from tracking.engine.errors import DataverError
from tracking.engine.files import read_file
from tracking.engine.hints import Callable, Collection, Iterable
from tracking.engine.wildmatch import Pattern, escape, literal_text, parse_pattern

DVC_DIR = ".dvc"
# Nothing brings these back, not even a `!`: walking them would version a repository's own files.
HARD_DIRS = frozenset((".git", ".hg", DVC_DIR))
HARD_FILE = ".git"  # of a worktree or a submodule

Reader = Callable[[str], "bytes | None"]
# pattern, folder of the file that holds it, name of that file, line number (from 1), the line
Rule = tuple[Pattern, str, str, int, str]
Match = tuple[str, int, str]  # source, line number, pattern
FullMatch = Callable[[str], object]


def describe(match: Match) -> str:
    """A match as messages show it: `.dvcignore:1:*.tmp`, `:.dvc/` for what is built in, `in sub_repo:NAME`."""
    source, line, pattern = match
    if line:
        return f"{source}:{line}:{pattern}"
    return f"{source}:{pattern}"


class RuleSet:
    """The rules that apply in one folder, the deepest file's last. Immutable."""

    __slots__ = ("_dirs", "_files", "_ignorecase", "dvc", "rules")

    def __init__(self, rules: tuple[Rule, ...], dvc: bool, ignorecase: bool = False) -> None:
        self.rules = rules
        self.dvc = dvc
        self._ignorecase = ignorecase
        self._files: _Compiled | None = None
        self._dirs: _Compiled | None = None

    def __bool__(self) -> bool:
        return bool(self.rules)

    def matches(self, path: str, isdir: bool) -> bool:
        """Whether the rules exclude a path whose parent folder they do not exclude."""
        if not self.rules:
            return False
        path = self._native(path)
        by_name, by_path, ordered = self._compiled(isdir)
        if ordered is not None:
            return _last_match(ordered, path)
        if by_name is not None and by_name(path[path.rfind("/") + 1 :]):
            return True
        return by_path is not None and bool(by_path(path))

    def keep(self, rel_dir: str, names: list[str], isdir: bool) -> list[str]:
        """The names in a folder that are not excluded, in the same order."""
        if not self.rules or not names:
            return names
        if not self.dvc:
            prefix = f"{rel_dir}/" if rel_dir else ""
            return [name for name in names if not self.matches(prefix + name, isdir)]
        by_name, by_path, ordered = self._compiled(isdir)
        prefix = f"{rel_dir}/" if rel_dir else ""
        if ordered is not None:
            return [name for name in names if not _last_match(ordered, prefix + name)]
        if by_name is not None:
            names = [name for name in names if not by_name(name)]
        if by_path is not None:
            names = [name for name in names if not by_path(prefix + name)]
        return names

    def explain(self, path: str, isdir: bool) -> Rule | None:
        """The rule that decides about a path, or None."""
        path = self._native(path)
        applicable = [rule for rule in self.rules if isdir or not rule[0][1]]
        applicable.reverse()
        for index, rule in enumerate(applicable):
            if not self._rule_matches(rule, path, isdir):
                continue
            return self._first_of_group(applicable, index, path, isdir) if self.dvc else rule
        return None

    def _first_of_group(self, backwards: list[Rule], index: int, path: str, isdir: bool) -> Rule:
        """dvc names the first match among neighbouring rules of the same kind, git the last."""
        found = backwards[index]
        kind = found[0][:2]
        if kind[0]:
            return found
        position = len(self.rules) - 1 - self.rules[::-1].index(found)
        while position > 0 and self.rules[position - 1][0][:2] == kind:
            position -= 1
            if self._rule_matches(self.rules[position], path, isdir):
                found = self.rules[position]
        return found

    def _rule_matches(self, rule: Rule, path: str, isdir: bool) -> bool:
        return bool(self._fullmatch([self._source(rule, isdir)])(path))

    def _native(self, path: str) -> str:
        """git compares bytes, so that `?` is one byte; dvc compares characters."""
        if self.dvc or path.isascii():
            return path
        return os.fsencode(path).decode("latin-1")

    def _compiled(self, isdir: bool) -> _Compiled:
        compiled = self._dirs if isdir else self._files
        if compiled is None:
            compiled = self._compile(isdir)
            if isdir:
                self._dirs = compiled
            else:
                self._files = compiled
        return compiled

    def _compile(self, isdir: bool) -> _Compiled:
        rules = [rule for rule in self.rules if isdir or not rule[0][1]]
        if any(rule[0][0] for rule in self.rules):
            return None, None, self._compile_ordered(rules, isdir)
        # Without any `!` the order is of no matter, and what lies below a match is never asked about.
        names = [rule[0][4] if isdir else rule[0][3] for rule in rules if rule[0][2]]
        paths = [_prefix(rule[1]) + (rule[0][4] if isdir else rule[0][3]) for rule in rules if not rule[0][2]]
        return self._union(names), self._union(paths), None

    def _compile_ordered(self, rules: list[Rule], isdir: bool) -> list[tuple[bool, FullMatch]]:
        """Groups of neighbouring rules of the same sign, last group first."""
        groups: list[tuple[bool, list[str]]] = []
        for rule in rules:
            negated = rule[0][0]
            if not groups or groups[-1][0] != negated:
                groups.append((negated, []))
            groups[-1][1].append(self._source(rule, isdir))
        return [(negated, self._union(sources)) for negated, sources in reversed(groups)]  # type: ignore[misc]

    def _source(self, rule: Rule, isdir: bool) -> str:
        """Regex of one rule over the whole path."""
        (_negated, _dir_only, by_name, for_files, for_dirs), base = rule[:2]
        below = "(?:/.*)?" if self.dvc else ""
        return f"{_prefix(base)}{'(?:.*/)?' if by_name else ''}{for_dirs if isdir else for_files}{below}"

    def _union(self, sources: list[str]) -> FullMatch | None:
        if not sources:
            return None
        return self._fullmatch(sources)

    def _fullmatch(self, sources: list[str]) -> FullMatch:
        texts = [] if self._ignorecase else [literal_text(source) for source in sources]
        if texts and None not in texts:  # what dvc and dataver write: `/data`
            return frozenset(texts).__contains__
        import re  # slow import

        return re.compile("|".join(f"(?:{source})" for source in sources), re.DOTALL | (re.IGNORECASE if self._ignorecase else 0)).fullmatch


# for bare names, for paths; or, with a `!` among the rules, groups to try in turn
_Compiled = tuple["FullMatch | None", "FullMatch | None", "list[tuple[bool, FullMatch]] | None"]


def _last_match(groups: list[tuple[bool, FullMatch]], path: str) -> bool:
    for negated, fullmatch in groups:
        if fullmatch(path):
            return not negated
    return False


def _prefix(folder: str) -> str:
    return escape(folder + "/") if folder else ""


class _Rules:
    """Reads the ignore files of a tree on demand and remembers what they exclude."""

    file_name = ""
    dvc = False
    ignorecase = False

    def __init__(self, root_dir: str, read: Reader | None, base_rules: Iterable[Rule] = ()) -> None:
        self.root_dir = root_dir
        self._read = read or self._read_file
        self._base = tuple(base_rules)
        self._sets: dict[str, RuleSet] = {}
        self._dir_verdicts: dict[str, bool] = {"": False}

    def _read_file(self, rel: str) -> bytes | None:
        try:
            return read_file(f"{self.root_dir}/{rel}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except PermissionError as exc:
            raise DataverError(
                f"cannot read '{self.root_dir}/{rel}': permission denied", hint="Make the file readable, then run the command again."
            ) from exc

    def rules_for(self, rel_dir: str) -> RuleSet:
        """The rules that apply to the entries of a folder."""
        found = self._sets.get(rel_dir)
        if found is not None:
            return found
        found = self._sets.get("")
        if found is None:
            found = self._sets[""] = self.extend(RuleSet(self._base, self.dvc, self.ignorecase), "")
        end = 0
        while end >= 0 and rel_dir:
            end = rel_dir.find("/", end + 1)
            folder = rel_dir if end < 0 else rel_dir[:end]
            known = self._sets.get(folder)
            if known is None:
                known = self._sets[folder] = self.extend(found, folder)
            found = known
        return found

    def extend(self, parent: RuleSet, rel_dir: str) -> RuleSet:
        """The parent folder's rules plus those of the ignore file in this folder, if there is one."""
        rel = f"{rel_dir}/{self.file_name}" if rel_dir else self.file_name
        if self.dvc and parent.matches(rel, False):
            return parent
        data = self._read(rel)
        rules = self.parse(data, rel_dir, rel) if data else ()
        return RuleSet(parent.rules + tuple(rules), self.dvc, self.ignorecase) if rules else parent

    def parse(self, data: bytes, rel_dir: str, source: str) -> list[Rule]:
        raise NotImplementedError

    def hard_match(self, rel_dir: str, name: str, isdir: bool) -> Match | None:
        """A reason to ignore that no rule can override."""
        return None

    def is_ignored(self, rel: str, isdir: bool) -> bool:
        """Whether a path, or a folder around it, is excluded. Paths outside of the root are not."""
        if not rel or rel == "." or rel == ".." or rel.startswith(("../", "/")):
            return False
        if isdir:
            return self._dir_ignored(rel)
        parent, _, name = rel.rpartition("/")
        if self._dir_ignored(parent) or self.hard_match(parent, name, False):
            return True
        return self.rules_for(parent).matches(rel, False)

    def _dir_ignored(self, rel: str) -> bool:
        verdict = self._dir_verdicts.get(rel)
        if verdict is not None:
            return verdict
        verdict = False
        end = 0
        while end >= 0 and not verdict:
            end = rel.find("/", end + 1)
            folder = rel if end < 0 else rel[:end]
            known = self._dir_verdicts.get(folder)
            if known is None:
                parent, _, name = folder.rpartition("/")
                known = self.hard_match(parent, name, True) is not None or self.rules_for(parent).matches(folder, True)
                self._dir_verdicts[folder] = known
            verdict = known
        self._dir_verdicts[rel] = verdict
        return verdict

    def check(self, rel: str, isdir: bool) -> list[Match]:
        """The rule that decides about a path: at most one, for it or for a folder around it.

        A rule with a `!` is listed too: then the path is not ignored.
        """
        if not rel or rel == "." or rel == ".." or rel.startswith(("../", "/")):
            return []
        parts = rel.split("/")
        for count in range(1, len(parts) + 1):
            is_last = count == len(parts)
            parent, path = "/".join(parts[: count - 1]), "/".join(parts[:count])
            hard = self.hard_match(parent, parts[count - 1], isdir or not is_last)
            if hard:
                return [hard]
            rule = self.rules_for(parent).explain(path, isdir or not is_last)
            if rule and (is_last or not rule[0][0]):
                return [(rule[2], rule[3], rule[4])]
        return []


class Ignore(_Rules):
    """`.dvcignore` of a project, its built-in rules, and the projects nested in it.

    read(rel) -> content or None replaces the workspace, e.g. by a commit. With
    dvcignore=False only what is built in applies.
    """

    file_name = ".dvcignore"
    dvc = True

    def __init__(self, root_dir: str, dvcignore: bool = True, read: Reader | None = None) -> None:
        super().__init__(root_dir, (read or self._read_file) if dvcignore else _nothing)
        self._from = read

    def parse(self, data: bytes, rel_dir: str, source: str) -> list[Rule]:
        # dvc strips both ends of a line; names that are not UTF-8 must survive
        text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
        rules = []
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip()
            if line.endswith("\\") and not raw.endswith("\\") and (len(line) - len(line.rstrip("\\"))) % 2:
                line += " "  # an escaped space at the end; dvc fails on it, git keeps it
            pattern = parse_pattern(line, dvc=True)
            if pattern is not None:
                rules.append((pattern, rel_dir, source, number, line))
        return rules

    def hard_match(self, rel_dir: str, name: str, isdir: bool) -> Match | None:
        if name == HARD_FILE:
            return "", 0, HARD_FILE
        if not isdir:
            return None
        if name in HARD_DIRS:
            return "", 0, f"{name}/"
        if self.is_project(f"{rel_dir}/{name}" if rel_dir else name):
            return "in sub_repo", 0, name
        return None

    def is_project(self, rel_dir: str) -> bool:
        """Whether a folder below the root is a project of its own."""
        if self._from is not None:
            return self._from(f"{rel_dir}/{DVC_DIR}/config") is not None
        return os.path.lexists(f"{self.root_dir}/{rel_dir}/{DVC_DIR}")

    @staticmethod
    def holds_project(files: Collection[str], dirs: Collection[str]) -> bool:
        """Whether the names in a folder are those of a project's root."""
        return DVC_DIR in dirs or DVC_DIR in files

    def filter_dir(self, rel_dir: str, files: list[str], dirs: list[str]) -> tuple[list[str], list[str]]:
        """The names in a folder that are not ignored, given that the folder is not."""
        rules = self.rules_for(rel_dir)
        files = rules.keep(rel_dir, files, False)
        dirs = rules.keep(rel_dir, dirs, True)
        return (
            [name for name in files if name != HARD_FILE] if HARD_FILE in files else files,
            [name for name in dirs if self.hard_match(rel_dir, name, True) is None],
        )


class GitIgnore(_Rules):
    """What git ignores in a work tree.

    exclude_files: (name for messages, content) of the user's excludes file and of
    `.git/info/exclude`, weakest first. Whether git tracks a path is not looked at.
    """

    file_name = ".gitignore"

    def __init__(
        self, root_dir: str, exclude_files: Iterable[tuple[str, bytes]] = (), ignorecase: bool = False, read: Reader | None = None
    ) -> None:
        base = [rule for source, data in exclude_files for rule in self.parse(data, "", source)]
        super().__init__(root_dir, read, base)
        self.ignorecase = ignorecase

    def parse(self, data: bytes, rel_dir: str, source: str) -> list[Rule]:
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        base = os.fsencode(rel_dir).decode("latin-1")
        rules = []
        for number, raw in enumerate(data.split(b"\n"), 1):
            line = _trim_spaces((raw[:-1] if raw.endswith(b"\r") else raw).decode("latin-1"))
            pattern = parse_pattern(line, dvc=False)
            if pattern is not None:
                rules.append((pattern, base, source, number, os.fsdecode(line.encode("latin-1"))))
        return rules


def _trim_spaces(line: str) -> str:
    """Drop spaces at the end, except one that a backslash escapes."""
    if not line.endswith(" "):
        return line
    kept = line.rstrip(" ")
    if (len(kept) - len(kept.rstrip("\\"))) % 2:
        return kept + " "
    return kept


def _nothing(rel: str) -> bytes | None:
    return None
