"""What the user means by a name: experiments, the commits they started from, what those are called."""
from __future__ import annotations

from functools import cached_property

from pipelines.engine.experiments.refs import EXEC_BASELINE, ExpRef
from pipelines.engine.revisions import NO_GIT
from tracking.engine.commits import TAG_PREFIX
from tracking.engine.errors import DataverError, GitError, RevisionNotFound
from tracking.engine.git import BRANCH_PREFIX, Git
from tracking.engine.hints import TYPE_CHECKING, Iterable
from tracking.engine.record import record
from tracking.engine.repo import Repo

if TYPE_CHECKING:
    from pipelines.engine.experiments.tasks import Task

_FORMAT = "%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
_PREFIXES = (BRANCH_PREFIX, TAG_PREFIX, "refs/exps/", "refs/dataver/")
_SHA_DIGITS = frozenset("0123456789abcdefABCDEF")
MIN_SHA = 7  # digits, below which a text is taken for a name


class UnknownExperiment(DataverError):
    """No experiment has this name."""


class AmbiguousName(DataverError):
    """Several experiments have this name."""


@record(frozen=True)
class Selection:
    """Which commits experiments started from. revs with their last `num` commits (negative: all); none: HEAD."""

    revs: tuple[str, ...] = ()
    num: int = 1
    branches: bool = False
    tags: bool = False
    commits: bool = False


def git_of(repo: Repo) -> Git:
    """Raises GitError without Git."""
    if repo.scm is None:
        raise GitError(NO_GIT)
    return repo.scm


class RefTable:
    """All branches, tags and experiments of a repository, read at once."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.head = git.head_commit()
        try:
            self.branch: str | None = git.active_branch()
        except GitError:
            self.branch = None

    @cached_property
    def commits(self) -> dict[str, str]:
        """Full ref name -> id of its commit, sorted by name; tags of other things are left out."""
        try:
            out = self.git.run("for-each-ref", f"--format={_FORMAT}", *_PREFIXES)
        except GitError:  # of an object that is missing
            return self._present_commits()
        found: dict[str, str] = {}
        for line in out.decode("utf-8", "surrogateescape").splitlines():
            kind, oid, peeled_kind, peeled, ref = line.split(" ", 4)
            if kind == "tag":
                kind, oid = peeled_kind, peeled
                if kind == "tag":  # a tag of a tag
                    entry = self.git.objects.ask(f"{oid}^{{commit}}")
                    kind, oid = ("commit", entry[0]) if entry is not None else ("", "")
            if kind == "commit":
                found[ref] = oid
        return found

    def _present_commits(self) -> dict[str, str]:
        """The same where refs name objects that are missing: without those."""
        found = {}
        for ref in self.git.refs(*_PREFIXES):
            entry = self.git.objects.ask(f"{ref}^{{commit}}")
            if entry is not None:
                found[ref] = entry[0]
        return found

    @cached_property
    def experiments(self) -> list[tuple[ExpRef, str]]:
        """(ref, commit) of every experiment, in the order of their refs."""
        parsed = ((ExpRef.parse(ref), commit) for ref, commit in self.commits.items())
        return [(ref, commit) for ref, commit in parsed if ref is not None]

    def names_of(self, revs: Iterable[str]) -> dict[str, str | None]:
        """Commit -> the branch HEAD is on, else its first tag, else its first branch."""
        tags: dict[str, str] = {}
        branches: dict[str, str] = {}
        for ref, commit in self.commits.items():
            if ref.startswith(TAG_PREFIX):
                tags.setdefault(commit, ref[len(TAG_PREFIX) :])
            elif ref.startswith(BRANCH_PREFIX):
                branches.setdefault(commit, ref[len(BRANCH_PREFIX) :])
        return {rev: self.branch if self.branch and rev == self.head else tags.get(rev) or branches.get(rev) for rev in revs}

    # --- revisions
    def resolve(self, rev: str) -> str:
        """Id of the commit that a revision or an experiment's name means.

        HEAD is the baseline while an experiment runs in the workspace. Of experiments with the
        same name, that of HEAD is meant. Raises RevisionNotFound.
        """
        rev = self._present_head(rev)
        try:
            return self.git.resolve(rev)
        except RevisionNotFound:
            for ref, commit in self.experiments:
                if ref.name == rev and ref.baseline == self.head:
                    return commit
            raise

    def _present_head(self, rev: str) -> str:
        tail = rev[4:]
        if rev.startswith("HEAD") and (not tail or tail[0] in "~^@") and EXEC_BASELINE in self.commits:
            return EXEC_BASELINE + tail
        return rev

    def baselines(self, selection: Selection) -> list[str]:
        """Ids of the commits that a selection names, each once, in its order. Raises RevisionNotFound."""
        revs = selection.revs
        if not (revs or selection.branches or selection.tags or selection.commits):
            revs = ("HEAD",)
        found = [commit for rev in revs for commit in self._last(rev, selection.num)]
        if selection.commits:
            found += self.git.all_commits()
        else:
            if selection.branches:
                found += [commit for branch in self.git.branches() for commit in self._last(branch, selection.num)]
            if selection.tags:
                found += [commit for ref, commit in self.commits.items() if ref.startswith(TAG_PREFIX)]
        return list(dict.fromkeys(found))

    def _last(self, rev: str, num: int) -> list[str]:
        """A revision and the `num` - 1 before it (first parents)."""
        if num == 0:
            return []
        commit = self.resolve(rev)
        if num == 1:
            return [commit]
        limit = [f"--max-count={num}"] if num > 0 else []
        return self.git.run("rev-list", "--first-parent", *limit, commit).decode().split()

    # --- experiments
    def experiment(self, name: str) -> tuple[ExpRef, str] | None:
        """The experiment with a name or a full ref; None when there is none. Raises AmbiguousName."""
        return find_experiment(self.experiments, name, self.head)

    def experiment_at(self, commit: str) -> list[ExpRef]:
        """Experiments whose commit it is."""
        return [ref for ref, known in self.experiments if known == commit]


def find_experiment(known: list[tuple[ExpRef, str]], name: str, head: str | None) -> tuple[ExpRef, str] | None:
    """The experiment with a name or a full ref; of several the one of HEAD. Raises AmbiguousName."""
    if name.startswith("refs/"):
        wanted = ExpRef.parse(name)
        if wanted is None:
            raise UnknownExperiment(f"'{name}' is not a valid experiment refname.")
        return next((item for item in known if item[0] == wanted), None)
    found = [item for item in known if item[0].name == name]
    if len(found) > 1:
        here = [item for item in found if item[0].baseline == head]
        if not here:
            lines = "\n".join(f"\t{ref.ref}" for ref, _ in found)
            raise AmbiguousName(f"Ambiguous name '{name}' refers to multiple experiments. Use one of the following full refnames instead:\n\n{lines}")
        return here[0]
    return found[0] if found else None


def unknown_names(names: list[str], git_remote: str | None = None) -> UnknownExperiment:
    """The error about names that no experiment has."""
    joined = "; ".join(names)
    if git_remote:
        return UnknownExperiment(f"Experiment '{joined}' does not exist in '{git_remote}'")
    are = "are not valid experiment names" if len(names) > 1 else "is not a valid experiment name"
    return UnknownExperiment(f"'{joined}' {are}", hint="`dataver exp list -A` lists all.")


def is_sha(text: str) -> bool:
    """Whether a text may be the beginning of an id."""
    return MIN_SHA <= len(text) <= 64 and _SHA_DIGITS.issuperset(text)


def find_task(tasks: Iterable[Task], name: str) -> Task | None:
    """The queued or ended run with a name, or an id that begins like this; what runs now is left out."""
    known = [task for task in tasks if task.state != "running" and task.task_id]
    named = [task for task in known if task.name == name]
    if named:
        return named[-1]
    return next((task for task in known if task.task_id.startswith(name.lower())), None) if is_sha(name) else None
