"""Where objects were used: under which names, and by which commit last.

The history is walked newest first through one `git cat-file --batch`. A version of a .dvc or
dvc.lock file is looked at once, and parsed only when it names an object that is asked about; the
same holds for manifests.
"""
from __future__ import annotations

import re

from tracking.engine.errors import DataverError
from tracking.engine.gitcat import RevisionFiles
from tracking.engine.hints import Iterable
from tracking.engine.history import Indexes, experiment_commits
from tracking.engine.index import LOCK_FILE, PIPELINE_FILE, is_dvcfile, load_dvcfile, load_index, load_pipeline
from tracking.engine.record import field, record
from tracking.engine.repo import Repo
from tracking.engine.stage import Out
from tracking.engine.tree import DIR_SUFFIX
from tracking.engine.used import Manifests

_HASH = re.compile(rb"[0-9a-f]{32}(?:\.dir)?")

Key = tuple[str, bool]  # (oid, layout of 2.x)


@record(frozen=True)
class Commit:
    """date: of the committer, ISO 8601 with its zone. subject: first line of the message."""

    sha: str
    date: str
    subject: str


@record
class Use:
    """names: paths from the project's root. commit: the newest that used it, None when none is known."""

    names: set[str] = field(default_factory=set)
    workspace: bool = False
    commit: Commit | None = None


def find_uses(repo: Repo, wanted: Iterable[Key]) -> dict[Key, Use]:
    """How each object was used by the workspace and by commits that HEAD, a branch, tag or experiment reaches.

    Objects nobody is known to have used get an empty Use. Commits and files that cannot be read
    are passed over: this is only a search for names.
    """
    search = _Search(repo, wanted)
    try:
        index = load_index(repo)
    except DataverError:
        index = None
    for _, out in index.outs if index is not None else ():
        search.credit(out, None)
    if repo.scm is not None and repo.scm.has_commits():
        for sha in _newest_first(repo):
            search.look_at(sha)
    return search.uses


def _newest_first(repo: Repo) -> list[str]:
    assert repo.scm is not None
    commits, own = repo.scm.all_commits(), experiment_commits(repo)
    if not own:
        return commits
    every = list(dict.fromkeys([*commits, *own]))
    times = {sha: repo.scm.commit_time(sha) for sha in every}
    return sorted(every, key=lambda sha: -times[sha])


class _Search:
    def __init__(self, repo: Repo, wanted: Iterable[Key]) -> None:
        self.repo = repo
        self.uses: dict[Key, Use] = {key: Use() for key in wanted}
        self._indexes = Indexes(repo)
        self._manifests = Manifests(repo)
        self._rows: dict[Key, list[tuple[str, str]]] = {}
        self._relevant: dict[str, bool] = {}  # by id of a blob
        self._seen: set[tuple[str, ...]] = set()
        self._credited: set[tuple[str, str, bool]] = set()

    def look_at(self, sha: str) -> None:
        """Credit a commit with what it uses and newer ones did not."""
        scm = self.repo.scm
        assert scm is not None
        files = scm.files_at(sha, self.repo.root_dir)
        if not files.root or (files.root,) in self._seen:
            return
        self._seen.add((files.root,))
        commit: Commit | None = None
        entries = self._indexes.dvcfiles(files.root)
        by_path = {rel: oid for rel, _, oid in entries}
        for rel, oid in by_path.items():
            if not is_dvcfile(rel):
                continue
            is_pipeline = rel.endswith(PIPELINE_FILE)
            lock = by_path.get(rel[: -len(PIPELINE_FILE)] + LOCK_FILE, "") if is_pipeline else ""
            if (rel, oid, lock) in self._seen or not self._is_relevant(lock if is_pipeline else oid):
                continue
            self._seen.add((rel, oid, lock))
            commit = commit or _read_commit(scm.objects.ask(sha), sha)
            for out in self._outs(files, rel):
                self.credit(out, commit)

    def _outs(self, files: RevisionFiles, rel: str) -> list[Out]:
        try:
            if rel.endswith(PIPELINE_FILE):
                return [out for stage in load_pipeline(self.repo, files, rel).stages for out in stage.outs]
            return list(load_dvcfile(self.repo, files, rel).outs)
        except DataverError:
            return []

    def _is_relevant(self, blob: str) -> bool:
        """Whether a file names an object that is asked about, or a manifest that lists one."""
        if not blob:
            return False
        known = self._relevant.get(blob)
        if known is None:
            assert self.repo.scm is not None
            found = self.repo.scm.objects.ask(blob)
            names = {match.decode() for match in _HASH.findall(found[2])} if found is not None else set()
            known = self._relevant[blob] = any(
                (name, legacy) in self.uses or (name.endswith(DIR_SUFFIX) and self._wanted_rows((name, legacy))) for name in names for legacy in (False, True)
            )
        return known

    def _wanted_rows(self, key: Key) -> list[tuple[str, str]]:
        """Rows of a manifest that are asked about; none when it cannot be read."""
        rows = self._rows.get(key)
        if rows is None:
            try:
                every = self._manifests.rows(*key) or []
            except DataverError:
                every = []
            rows = self._rows[key] = [row for row in every if (row[1], key[1]) in self.uses]
        return rows

    def credit(self, out: Out, commit: Commit | None) -> None:
        """Note that a commit's out (commit None: the workspace's) uses its objects."""
        if out.digest is None or not out.cache:
            return
        legacy, oid = out.digest.is_legacy, out.digest.value
        name = self.repo.rel(out.abspath) if out.abspath else out.path
        if commit is not None:
            if (name, oid, legacy) in self._credited:
                return
            self._credited.add((name, oid, legacy))
        self._note((oid, legacy), name, commit)
        if out.digest.isdir:
            for relpath, md5 in self._wanted_rows((oid, legacy)):
                self._note((md5, legacy), f"{name}/{relpath}", commit)

    def _note(self, key: Key, name: str, commit: Commit | None) -> None:
        use = self.uses.get(key)
        if use is None:
            return
        use.names.add(name)
        if commit is None:
            use.workspace = True
        elif use.commit is None:
            use.commit = commit


def _read_commit(found: tuple[str, str, bytes] | None, sha: str) -> Commit:
    import datetime

    header, _, message = (found[2] if found is not None else b"").partition(b"\n\n")
    date = ""
    for line in header.split(b"\n"):
        if line.startswith(b"committer "):
            seconds, zone = line.rsplit(b" ", 2)[1:]
            minutes = _minutes(zone.decode())
            date = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone(datetime.timedelta(minutes=minutes))).isoformat()
    return Commit(sha, date, message.decode("utf-8", "replace").lstrip("\n").partition("\n")[0])


def _minutes(zone: str) -> int:
    """`+0130` -> 90; nonsense -> 0, as git reads it."""
    if not re.fullmatch(r"[+-]\d{4}", zone):
        return 0
    size = int(zone[1:3]) * 60 + int(zone[3:])
    return (-size if zone[0] == "-" else size) if size < 24 * 60 else 0
