"""The queue as Git holds it: what is queued, who took it, what failed. Refs only, no Redis and no database.

A queued experiment is a commit whose tree is the workspace with the overrides applied and whose
message holds the options as JSON; refs say how far it is:

    refs/dataver/queue/<id>    -> the entry itself, until it ended
    refs/dataver/running/<id>  -> a claim: a commit on the entry that says which process took it
    refs/dataver/failed/<id>   -> an end: a commit on the entry (and on what was left) with the reason
    refs/dataver/done/<id>     -> an end: the same for what succeeded; the newest ones are kept
    refs/dataver/order         -> a blob: where entries stand that were moved in the queue

Each step is one `git update-ref` transaction, so of two who want the same only one wins.
Format: docs/formats/dataver-files.md.
"""
from __future__ import annotations

import json
import os
import time

from pipelines.engine.experiments import owners
from tracking.engine.errors import GitError
from tracking.engine.git import Git
from tracking.engine.hints import Any, Iterable, Mapping, Sequence
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo

NAMESPACE = "refs/dataver/"
QUEUE_REFS = "refs/dataver/queue/"
RUNNING_REFS = "refs/dataver/running/"
FAILED_REFS = "refs/dataver/failed/"
DONE_REFS = "refs/dataver/done/"
ORDER_REF = "refs/dataver/order"

QUEUED, RUNNING, SUCCESS, FAILED, KILLED = "queued", "running", "success", "failed", "killed"
STATES = (RUNNING, QUEUED, FAILED, KILLED, SUCCESS)  # as lists show them

DEFAULT_QUEUE = "default"
SCHEMA = 1
KEEP_DONE = 100
LOCK_TRIES = 8
AUTHOR = "dataver <dataver@localhost>"  # entries are not published, so nobody's name is needed
_MAX_MESSAGE_BYTES = 4 << 20


@record(frozen=True)
class QueueEntry:
    """One queued experiment.

    id: of its commit, also the task id clients see. head: commit the run starts from. targets,
    options (flags of repro): of the run. params: the overrides as text, for display. queued_at:
    seconds since 1970. retry_of: id of the failed entry this one repeats; resume: from its failed stage.
    place: what the queue is ordered by, `queued_at` unless it was moved.
    """

    id: str
    name: str
    baseline: str
    head: str
    targets: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    copy_paths: list[str] = field(default_factory=list)
    message: str | None = None
    params: list[str] = field(default_factory=list)
    queued_at: float = 0.0
    queue: str = DEFAULT_QUEUE
    from_dvc: bool = False
    retry_of: str | None = None
    resume: bool = False
    place: float = 0.0

    def facts(self) -> dict[str, Any]:
        """What its commit's message says."""
        names = ("name", "baseline", "head", "targets", "options", "copy_paths", "message", "params", "queued_at", "queue")
        found: dict[str, Any] = {"schema": SCHEMA, **{name: getattr(self, name) for name in names}}
        return found | ({"retry_of": self.retry_of, "resume": self.resume} if self.retry_of else {})


@record(frozen=True)
class RunState:
    """How far one entry is. folder: of its log and state. started, ended, heartbeat: seconds since 1970.

    result_commit: of the experiment; of a failed run, the commit with what it left, if any.
    stage: the one that runs now. done, planned: stages finished and looked at. host: where it runs.
    """

    entry: QueueEntry
    state: str
    folder: str
    pid: int | None = None
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    result_ref: str | None = None
    result_commit: str | None = None
    heartbeat: float | None = None
    stage: str | None = None
    done: int | None = None
    planned: int | None = None
    failed_stage: str | None = None
    journal: str | None = None
    host: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def name(self) -> str:
        return self.entry.name


def run_folder(tmp_dir: str, entry_id: str) -> str:
    """Where clients look for the log and state of a task (formats 14.6)."""
    return os.path.join(tmp_dir, "exps", "run", entry_id)


# --- entries
def write_entry(git: Git, tree: str, entry: QueueEntry) -> QueueEntry:
    """Queue one experiment: its commit, then its ref. The id of `entry` is not looked at."""
    return write_entries(git, [(tree, entry)])[0]


def write_entries(git: Git, pairs: Sequence[tuple[str, QueueEntry]]) -> list[QueueEntry]:
    """Queue several, all or none. pairs: (id of a tree, entry without id); their order is kept in the queue."""
    made: list[QueueEntry] = []
    last = 0.0
    for tree, entry in pairs:
        last = later(last, entry.queued_at or time.time())
        entry = replace(entry, queued_at=last, place=last)
        made.append(replace(entry, id=write_commit(git, tree, parents_of(entry), f"dataver: queue {entry.name}", entry.facts(), entry.queued_at)))
    transact(git, [f"create {QUEUE_REFS}{entry.id} {entry.id}" for entry in made])
    return made


def later(last: float, now: float) -> float:
    """A time in whole microseconds, after `last`: what is queued in one go must not stand at one place."""
    return round(max(now, last + 2e-6), 6)  # half a step more, as neither sum nor rounding is exact


def parents_of(entry: QueueEntry) -> list[str]:
    return list(dict.fromkeys(item for item in (entry.head, entry.baseline) if item))


def list_entries(git: Git) -> list[QueueEntry]:
    """What waits, first come first; without what somebody already runs."""
    refs = git.refs(QUEUE_REFS, RUNNING_REFS, ORDER_REF)
    taken = {_id_of(ref) for ref in refs if ref.startswith(RUNNING_REFS)}
    ids = [_id_of(ref) for ref in refs if ref.startswith(QUEUE_REFS)]
    wanted = [entry_id for entry_id in ids if entry_id not in taken]
    places = read_places(git, refs.get(ORDER_REF))
    git.objects.read_ahead(wanted)
    found = [placed(entry, places) for entry in (read_entry(git, entry_id) for entry_id in wanted) if entry is not None]
    return sorted(found, key=lambda entry: (entry.place, entry.id))


def read_places(git: Git, oid: str | None) -> dict[str, float]:
    """Entry id -> its place, of those that were moved. oid: what the order's ref names."""
    found = git.objects.ask(oid, _MAX_MESSAGE_BYTES) if oid else None
    if found is None or found[1] != "blob":
        return {}
    try:
        places = json.loads(found[2])["places"]
        return {str(entry_id): float(place) for entry_id, place in places.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def placed(entry: QueueEntry, places: Mapping[str, float]) -> QueueEntry:
    return replace(entry, place=places[entry.id]) if entry.id in places else entry


def read_entry(git: Git, entry_id: str) -> QueueEntry | None:
    commit = read_commit(git, entry_id)
    if commit is None:
        return None
    facts = commit.facts
    name, baseline = facts.get("name"), facts.get("baseline")
    if not isinstance(name, str) or not isinstance(baseline, str):
        return None
    head = facts.get("head")
    queued_at = facts.get("queued_at")
    queued = float(queued_at) if isinstance(queued_at, (int, float)) else commit.time
    return QueueEntry(
        id=entry_id,
        name=name,
        baseline=baseline,
        head=head if isinstance(head, str) else (commit.parents or [baseline])[0],
        targets=_texts(facts.get("targets")),
        options=facts["options"] if isinstance(facts.get("options"), dict) else {},
        copy_paths=_texts(facts.get("copy_paths")),
        message=facts["message"] if isinstance(facts.get("message"), str) else None,
        params=_texts(facts.get("params")),
        queued_at=queued,
        queue=facts["queue"] if isinstance(facts.get("queue"), str) else DEFAULT_QUEUE,
        retry_of=facts["retry_of"] if isinstance(facts.get("retry_of"), str) else None,
        resume=bool(facts.get("resume")),
        place=queued,
    )


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


# --- who runs it
def claim(git: Git, entry: QueueEntry, owner: Mapping[str, Any] | None = None) -> bool:
    """Take an entry to run it, in the name of `owner` (default: this process). False when somebody was first, or it is gone."""
    return take(git, entry, owner) is not None


def take(git: Git, entry: QueueEntry, owner: Mapping[str, Any] | None = None) -> str | None:
    """`claim`, returning the id of the claim, which ends are made under."""
    facts = dict(owner) if owner is not None else owners.own()
    facts |= {**owners.place(git.common_dir), "schema": SCHEMA, "claimed_at": round(time.time(), 3), "nonce": os.urandom(8).hex()}
    taken = write_commit(git, f"{entry.id}^{{tree}}", [entry.id], f"dataver: run {entry.name}", facts)
    return taken if _try(git, [f"verify {QUEUE_REFS}{entry.id} {entry.id}", f"create {RUNNING_REFS}{entry.id} {taken}"]) else None


def claims(git: Git) -> dict[str, dict[str, Any]]:
    """Entry id -> what its claim says (pid, process_start, boot, host, claimed_at), with the claim's own id as "claim". Those that came with a copy have no process."""
    refs = git.refs(RUNNING_REFS)
    git.objects.read_ahead(refs.values())
    found: dict[str, dict[str, Any]] = {}
    for ref, oid in refs.items():
        commit = read_commit(git, oid)
        found[_id_of(ref)] = {**(owners.here(commit.facts, git.common_dir) if commit is not None else {}), "claim": oid}
    return found


def release(git: Git, entry_id: str, claimed: str | None = None) -> bool:
    """Give a claimed entry back to the queue. claimed: id of the claim it must still be under."""
    return _try(git, [f"delete {RUNNING_REFS}{entry_id}" + (f" {claimed}" if claimed else "")])


def fail(git: Git, entry: QueueEntry, reason: str, *, state: str = FAILED, left: str | None = None, claimed: str | None = None, **facts: Any) -> bool:
    """An entry ended without a result. left: commit with what the run made until then.

    claimed: id of the claim it must still be under; False when it is not any more.
    facts: started, failed_stage, journal... kept with it.
    """
    return _end(git, entry, FAILED_REFS, {"state": state, "reason": reason, **facts}, left, claimed)


def finish(git: Git, entry: QueueEntry, *, result_ref: str | None, result_commit: str | None, claimed: str | None = None, **facts: Any) -> bool:
    """An entry succeeded. The result has a ref of its own, so it is named and not kept alive here."""
    return _end(git, entry, DONE_REFS, {"state": SUCCESS, "result_ref": result_ref, "result_commit": result_commit, **facts}, None, claimed)


def _end(git: Git, entry: QueueEntry, refs: str, facts: dict[str, Any], left: str | None, claimed: str | None) -> bool:
    facts = {"schema": SCHEMA, "ended": round(time.time(), 3), **facts} | ({"left": left} if left else {})
    end = write_commit(git, f"{entry.id}^{{tree}}", [entry.id, *([left] if left else [])], f"dataver: {facts['state']} {entry.name}", facts)
    lines = [f"update {refs}{entry.id} {end}", f"delete {QUEUE_REFS}{entry.id}"]
    lines.append(f"delete {RUNNING_REFS}{entry.id}" + (f" {claimed}" if claimed else ""))
    return _try(git, lines)


def remove(git: Git, ids: Iterable[str], *prefixes: str) -> None:
    """Drop entries from the lists (queue, failed, done); what runs is left alone."""
    there = git.refs(*(prefixes or (QUEUE_REFS, FAILED_REFS, DONE_REFS)), RUNNING_REFS)
    for entry_id in ids:
        if RUNNING_REFS + entry_id in there:
            continue
        lines = [f"delete {ref}" for ref in there if _id_of(ref) == entry_id]
        if lines:
            _try(git, [*lines, f"verify {RUNNING_REFS}{entry_id}"])


def prune_done(git: Git, keep: int = KEEP_DONE) -> list[str]:
    """Forget the oldest successes; returns their ids."""
    refs = git.refs(DONE_REFS)
    if len(refs) <= keep:
        return []
    git.objects.read_ahead(refs.values())
    ended: dict[str, float] = {}
    for ref, oid in refs.items():
        commit = read_commit(git, oid)
        ended[_id_of(ref)] = commit.time if commit is not None else 0.0
    old = sorted(ended, key=lambda entry_id: ended[entry_id])[: len(ended) - keep]
    transact(git, [f"delete {DONE_REFS}{entry_id}" for entry_id in old])
    return old


# --- states
def read_states(repo: Repo, known: dict[str, Any] | None = None) -> list[RunState]:
    """Every run that is queued, running or ended and not removed: from refs and run folders alone.

    Running ones first, then queued ones in their order, failed and succeeded ones newest first.
    A claim whose process is gone is told as failed, though nobody has noted it yet. known: of a
    caller who asks often, kept by it: what entries and ends say never changes.
    """
    git = repo.scm
    if git is None:
        return []
    from pipelines.engine.experiments import runstates  # the longer half

    return runstates.read(repo, git, {} if known is None else known)


# --- commits and refs
@record(frozen=True)
class Commit:
    """A commit of ours. facts: the JSON object in its message. time: seconds since 1970."""

    id: str
    parents: list[str]
    facts: dict[str, Any]
    time: float


def write_commit(git: Git, tree: str, parents: Sequence[str], title: str, facts: Mapping[str, Any], when: float | None = None) -> str:
    """Write a commit object, no ref; returns its id. tree: an id, or `<commit>^{tree}`."""
    if tree.endswith("^{tree}"):
        found = git.objects.ask(tree)
        if found is None:
            raise GitError(f"commit {tree.partition('^')[0]} is not in this repository", hint="Check it with `git fsck`.")
        tree = found[0]
    stamp = f"{AUTHOR} {int(when if when is not None else time.time())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {stamp}", f"committer {stamp}"]
    text = "\n".join([*lines, "", message_of(title, facts)])
    return git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode("utf-8", "surrogateescape"), reader=False).decode().strip()


def message_of(title: str, facts: Mapping[str, Any]) -> str:
    return "\n".join([" ".join(title.split()), "", json.dumps(facts, sort_keys=True), ""])


def read_commit(git: Git, oid: str) -> Commit | None:
    """A commit with a JSON object behind the title in its message; None for anything else."""
    found = git.objects.ask(oid)
    if found is None or found[1] != "commit" or len(found[2]) > _MAX_MESSAGE_BYTES:
        return None
    head, _, message = found[2].decode("utf-8", "replace").partition("\n\n")
    parents, when = [], 0.0
    for line in head.split("\n"):
        if line.startswith("parent "):
            parents.append(line[7:])
        elif line.startswith("committer "):
            number = line.rsplit(" ", 2)[-2]
            when = float(number) if number.isdigit() else 0.0
    try:
        facts = json.loads(message.partition("\n\n")[2])
    except ValueError:
        return None
    return Commit(found[0], parents, facts, when) if isinstance(facts, dict) else None


def transact(git: Git, lines: Sequence[str]) -> None:
    """All changes of refs or none. Raises GitError. Loose refs, without a reflog: clients watch the files."""
    if lines:
        git.run("update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines).encode(), reader=False)


def _try(git: Git, lines: Sequence[str]) -> bool:
    """transact, again while somebody holds a ref's lock; False when the refs are not as expected. Raises GitError for all else."""
    for attempt in range(LOCK_TRIES):
        try:
            transact(git, lines)
            return True
        except GitError as exc:
            if ".lock" in exc.message and attempt < LOCK_TRIES - 1:
                time.sleep(0.02 * (attempt + 1))
                continue
            if _are_as_expected(git, lines):
                raise
            return False
    return False


def _are_as_expected(git: Git, lines: Sequence[str]) -> bool:
    """Git's words for a ref that changed depend on its version and language, so we look ourselves."""
    there = git.refs(*(line.split()[1] for line in lines))
    for line in lines:
        verb, ref, *ids = line.split()
        if verb in ("verify", "delete") and ids and there.get(ref) != ids[0]:
            return False
        if (verb == "create" or (verb == "verify" and not ids)) and ref in there:
            return False
    return True


def _id_of(ref: str) -> str:
    return ref.rpartition("/")[2]
