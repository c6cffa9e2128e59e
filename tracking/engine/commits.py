"""What Git's history says about itself: commits, the names that point at them, and their order.

Commits are read one by one through the shared `git cat-file --batch`, and only those that
are not known yet, so an unchanged history costs one `git for-each-ref`.
"""
from __future__ import annotations

from heapq import heappop, heappush

from tracking.engine.errors import GitError
from tracking.engine.git import BRANCH_PREFIX, Git
from tracking.engine.hints import Container, Iterable, Mapping, Protocol
from tracking.engine.record import field, record

TAG_PREFIX = "refs/tags/"
SHALLOW_FILE = "shallow"
MAX_TEXT = 1000  # characters of a subject or a name; a commit may hold megabytes
_FORMAT = "%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
MAX_TIME = 2**53
MAIN_BRANCHES = ("main", "master")


@record(frozen=True)
class Commit:
    """One commit. time: seconds since 1970 when it was committed. subject: first paragraph of its message, on one line."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    time: int
    subject: str


@record(frozen=True)
class Refs:
    """Names of commits, now. head is None before the first commit, branch is None when HEAD is detached.

    shown: branches that `grouped` is limited to; () for all branches, tags and HEAD.
    """

    head: str | None = None
    branch: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()

    @property
    def tips(self) -> list[str]:
        """Every commit that a name points at, once."""
        found = [*([self.head] if self.head else []), *self.branches.values(), *self.tags.values()]
        return list(dict.fromkeys(found))

    def names(self) -> dict[str, list[tuple[str, str]]]:
        """Commit -> ("branch" or "tag", name) of what points at it."""
        found: dict[str, list[tuple[str, str]]] = {}
        for kind, names in (("branch", self.branches), ("tag", self.tags)):
            for name, sha in names.items():
                found.setdefault(sha, []).append((kind, name))
        return found


@record(frozen=True)
class Group:
    """Commits shown under one name, newest first. kind: branch, tag, or head when HEAD is detached."""

    kind: str
    name: str
    shas: tuple[str, ...]


class Node(Protocol):
    """What ordering asks of a commit."""

    @property
    def parents(self) -> Iterable[str]: ...

    @property
    def time(self) -> int: ...


# --- reading
def read_refs(scm: Git) -> Refs:
    """Branches, tags and HEAD; one child process. Tags of what is no commit are left out."""
    branches: dict[str, str] = {}
    tags: dict[str, str] = {}
    out = scm.run("for-each-ref", f"--format={_FORMAT}", BRANCH_PREFIX, TAG_PREFIX)
    for line in out.decode("utf-8", "replace").splitlines():
        kind, sha, peeled_kind, peeled, ref = line.split(" ", 4)
        if kind == "tag":
            kind, sha = peeled_kind, peeled
            if kind == "tag":  # a tag of a tag
                found = scm.objects.ask(f"{sha}^{{commit}}")
                kind, sha = ("commit", found[0]) if found is not None else ("", "")
        if kind != "commit":
            continue
        if ref.startswith(BRANCH_PREFIX):
            branches[ref[len(BRANCH_PREFIX) :]] = sha
        else:
            tags[ref[len(TAG_PREFIX) :]] = sha
    try:
        branch = scm.active_branch()
    except GitError:
        branch = None
    return Refs(scm.head_commit(), branch, branches, tags)


def read_commit(scm: Git, sha: str) -> Commit | None:
    """One commit; None when the repository does not have it (beyond the end of a shallow clone)."""
    found = scm.objects.ask(sha)
    return parse_commit(found[0], found[2]) if found is not None and found[1] == "commit" else None


def parse_commit(sha: str, raw: bytes) -> Commit:
    """A commit object: header lines, an empty line, the message. Text that is no UTF-8 is read as Latin-1."""
    header, _, message = raw.partition(b"\n\n")
    tree, author, time = "", "", 0
    parents: list[str] = []
    for line in header.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"tree":
            tree = value.decode()
        elif name == b"parent":
            parents.append(value.decode())
        elif name == b"author":
            author = _text(value.partition(b" <")[0])
        elif name == b"committer":
            time = _seconds(value)
    subject = " ".join(_text(message.lstrip(b"\n").partition(b"\n\n")[0]).split())
    return Commit(sha, tree, tuple(parents), author[:MAX_TEXT], time, subject[:MAX_TEXT])


def _seconds(value: bytes) -> int:
    """`Name <mail> 1700000000 +0100`; 0 for a damaged line."""
    fields = value.rsplit(b" ", 2)
    try:
        return min(int(fields[1]), MAX_TIME)
    except (IndexError, ValueError):
        return 0


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def shallow_commits(scm: Git) -> frozenset[str]:
    """Commits whose parents a shallow clone left out."""
    try:
        with open(f"{scm.common_dir}/{SHALLOW_FILE}", encoding="ascii", errors="replace") as file:
            return frozenset(file.read().split())
    except OSError:
        return frozenset()


def unknown_commits(scm: Git, starts: Iterable[str], known: Container[str]) -> list[Commit]:
    """Commits that `starts` reach and that are not `known`; parents come before their children.

    Whoever stores them in this order may stop at any point: what is known then has only known
    ancestors.
    """
    found: list[Commit] = []
    entered: set[str] = set()
    for start in starts:
        waiting: list[Commit | str] = [start]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Commit):
                found.append(item)
            elif item not in entered and item not in known:
                entered.add(item)
                commit = read_commit(scm, item)
                if commit is not None:
                    waiting.append(commit)
                    waiting += reversed(commit.parents)
    return found


# --- ordering
def grouped(refs: Refs, commits: Mapping[str, Node]) -> list[Group]:
    """All commits under the first branch that reaches them, then those that only tags reach.

    The branch HEAD is on comes first, then main or master, then the branch that changed last.
    Inside of a group parents come after their children, newer before older.
    """
    shown: set[str] = set()
    groups = []
    for kind, name, tip in _starts(refs, commits):
        shas = newest_first([tip], commits, shown)
        shown.update(shas)
        if shas or kind != "tag":
            groups.append(Group(kind, name, tuple(shas)))
    return groups


def _starts(refs: Refs, commits: Mapping[str, Node]) -> list[tuple[str, str, str]]:
    if refs.shown:
        return [("branch", name, refs.branches[name]) for name in refs.shown if name in refs.branches]

    def age(item: tuple[str, str]) -> tuple[int, str]:
        return (-commits[item[1]].time if item[1] in commits else 0, item[0])

    def rank(item: tuple[str, str]) -> tuple[int, int, str]:
        name = item[0]
        order = 0 if name == refs.branch else 1 + MAIN_BRANCHES.index(name) if name in MAIN_BRANCHES else 1 + len(MAIN_BRANCHES)
        return (order, *age(item))

    starts = [("head", "HEAD", refs.head)] if refs.branch is None and refs.head else []
    starts += [("branch", name, sha) for name, sha in sorted(refs.branches.items(), key=rank)]
    return starts + [("tag", name, sha) for name, sha in sorted(refs.tags.items(), key=age)]


def newest_first(tips: Iterable[str], commits: Mapping[str, Node], without: Container[str] = frozenset()) -> list[str]:
    """Commits that `tips` reach, children before parents; of several that may come next, the newest."""
    children: dict[str, int] = {}
    waiting = [tip for tip in dict.fromkeys(tips) if tip in commits and tip not in without]
    entered = set(waiting)
    starts = list(waiting)
    while waiting:
        for parent in commits[waiting.pop()].parents:
            if parent in commits and parent not in without:
                children[parent] = children.get(parent, 0) + 1
                if parent not in entered:
                    entered.add(parent)
                    waiting.append(parent)
    ready: list[tuple[int, int, str]] = []
    order: list[str] = []
    offered = 0

    def offer(sha: str) -> None:  # of commits of one second, those that became ready first
        nonlocal offered
        offered += 1
        heappush(ready, (-commits[sha].time, offered, sha))

    for sha in starts:
        if not children.get(sha):
            offer(sha)
    while ready:
        sha = heappop(ready)[2]
        order.append(sha)
        for parent in commits[sha].parents:
            if parent in children:
                children[parent] -= 1
                if not children[parent]:
                    offer(parent)
    return order


def reachable(tips: Iterable[str], commits: Mapping[str, Node]) -> set[str]:
    """All of `commits` that `tips` reach, these included."""
    waiting = [tip for tip in tips if tip in commits]
    found = set(waiting)
    while waiting:
        for parent in commits[waiting.pop()].parents:
            if parent in commits and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found
