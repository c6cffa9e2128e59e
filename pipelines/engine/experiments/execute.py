"""Run one experiment: in the user's workspace, or in a temporary checkout.

A run in the workspace moves neither HEAD nor the index, and stashes nothing: its commit is made
beside them, so there is nothing to bring back when the process is killed. The lock that keeps a
second run (and a dvc) out of the workspace is an entry of `.dvc/tmp/exps/rwlock`, which counts
only as long as its process lives.
"""
from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import PurePosixPath

from pipelines.engine import processid
from pipelines.engine.experiments import snapshot
from pipelines.engine.experiments.autopush import auto_push
from pipelines.engine.experiments.checkout import adopt_objects, copy_paths, make_checkout, outside_settings, project_dir, remove_checkout
from pipelines.engine.experiments.logio import LogIo
from pipelines.engine.experiments.names import random_name
from pipelines.engine.experiments.paramfiles import edits, write_edits
from pipelines.engine.experiments.refs import ABSENT, ExpRef, RefChanged, check_name, list_refs, write_ref
from pipelines.engine.experiments.reproducing import Experiment, LogOf, OnEvent, RunnerOf, no_event
from pipelines.engine.experiments.runinfo import FAILED, FINISHED, PREPARING, QUEUED, RUNNING, SUCCESS, TEMPDIR, WORKSPACE, ExecutorInfo, RunFolder, RunNotes, exps_dir
from pipelines.engine.flags import Flags
from pipelines.engine.reproduce import ReproductionFailed
from remotes.engine.underway import locked_run
from tracking.engine.checkout import remove_path
from tracking.engine.errors import DataverError, GitError, LockHeld
from tracking.engine.git import DOT_GIT, Git
from tracking.engine.hints import IO, TYPE_CHECKING, Any, Callable, Collection, Iterator
from tracking.engine.locks import FileLock
from tracking.engine.protocols import Io
from tracking.engine.record import field, record, replace
from tracking.engine.repo import Repo
from tracking.engine.rwlock import RwLock

if TYPE_CHECKING:
    from pipelines.engine.experiments.queue import QueueEntry

__all__ = ["LogOf", "OnEvent", "Outcome", "Request", "RunnerOf", "run_in_checkout", "run_in_workspace"]

TICK_S = 0.2  # between two looks at whether to stop
HEARTBEAT_S = 1.0
LOCK_PAUSE_S = 0.5


@record(frozen=True)
class Request:
    """What `exp run` was asked for. options: flags of `repro` (names of pipelines.engine.flags.Flags). overrides: `-S` as typed.

    is_zip: values of a sweep go side by side instead of in every combination.
    """

    targets: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    name: str | None = None
    message: str | None = None
    copy_paths: tuple[str, ...] = ()
    no_hydra: bool = False
    is_zip: bool = False

    @property
    def flags(self) -> Flags:
        return Flags.of({**self.options, "targets": list(self.targets)})


@record(frozen=True)
class Outcome:
    """How a run ended. state: success, failed or stopped.

    ref, commit: of the experiment; a failed run in a checkout has a commit with what it left (and
    no ref), so that partial metrics can be shown. reason: one sentence, "" on success; error: what
    it was made of.
    """

    state: str
    ref: str | None = None
    commit: str | None = None
    reason: str = ""
    failed_stage: str | None = None
    stages_run: int = 0
    name: str = ""
    journal: str | None = None
    error: DataverError | None = field(default=None, compare=False)


class ExperimentExists(DataverError):
    """The name is taken by an experiment of the same baseline that differs."""

    def __init__(self, name: str, tool: str = "dataver", command: str = "run") -> None:
        super().__init__(f"Experiment conflicts with existing experiment '{name}'. To overwrite the existing experiment run:\n\n\t{tool} exp {command} -f ...\n\n")
        self.name = name


# --- what every way to run needs
def experiments_git(repo: Repo) -> tuple[Git, str]:
    """Git and the commit HEAD names. Raises GitError where there can be no experiments or commits, Unfinished where files have conflicts."""
    if repo.scm is None:
        raise GitError(
            "Only supported for Git repositories. If you're seeing this error in a Git repo, try updating the DVC configuration with `dvc config core.no_scm false`."
        )
    head = repo.scm.head_commit()
    if head is None:
        raise GitError("Empty Git repo. Add a commit to use experiments.")
    snapshot.refuse_unmerged(repo.scm)
    snapshot.need_identity(repo.scm)
    return repo.scm, head


def experiment_names(git: Git, baseline: str) -> set[str]:
    return {ref.name for ref, _ in list_refs(git, baseline)}


def choose_name(known: set[str], wanted: str | None, *, force: bool, tool: str, taken: Collection[str] = (), command: str = "run") -> str:
    """The wanted name when it is valid and free, else a random one. known: names of the baseline's experiments. Raises InvalidName, ExperimentExists."""
    names = known.union(taken)
    if not wanted:
        return random_name(names)
    check_name(wanted)
    if wanted in names and not force:
        raise ExperimentExists(wanted, tool, command)
    return wanted


def keep(git: Git, ref: ExpRef, commit: str, tree: str, *, force: bool, tool: str, command: str = "run") -> str:
    """Give a commit its ref; returns the commit that has it: an equal one may have been there. Raises ExperimentExists."""
    try:
        write_ref(git, ref.ref, commit, None if force else ABSENT)
        return commit
    except RefChanged:
        there = git.objects.ask(ref.ref)
        there_tree = git.objects.ask(f"{ref.ref}^{{tree}}")
        if there is None or there_tree is None:
            raise
        if there_tree[0] != tree:
            raise ExperimentExists(ref.name, tool, command) from None
        return there[0]


@contextlib.contextmanager
def exclusive(repo: Repo, io: Io) -> Iterator[None]:
    """Be the only experiment in this workspace. Others are told who it is; with --wait-for-lock they wait."""
    folder = exps_dir(repo.tmp_dir)
    os.makedirs(folder, exist_ok=True)
    lock = RwLock(folder, hardlink=bool(repo.config.get("core", "hardlink_lock", False)))
    waited = False
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock.held(write=[WORKSPACE], cmd=io.command_line))
            except LockHeld as exc:
                if not io.wait_for_lock:
                    raise _busy(repo, exc) from exc
                if not waited:
                    waited = True
                    io.warn(_busy(repo, exc).message)
                time.sleep(LOCK_PAUSE_S)
                continue
            yield
            return


def _busy(repo: Repo, exc: LockHeld) -> LockHeld:
    run = RunFolder(repo.tmp_dir, WORKSPACE)
    info, (pid, _) = run.read(), run.read_process()
    if info is None or not info.name:
        return exc
    return LockHeld(
        f"Experiment '{info.name}' runs in this workspace (PID {pid}).",
        hint="Wait until it ended (--wait-for-lock does), or use --temp or --queue, which leave the workspace alone.",
    )


def sign(repo: Repo) -> None:
    """Put our pid where editors look for the run to stop: dvc's guard of exps/rwlock keeps it after release."""
    guard = FileLock(os.path.join(exps_dir(repo.tmp_dir), "rwlock.lock"))
    if not repo.config.get("core", "hardlink_lock", False) and guard.try_acquire():
        guard.release()


def _info(home: Repo, git: Git, root_dir: str, location: str, name: str, baseline: str, wdir: str) -> ExecutorInfo:
    return ExecutorInfo(
        git_url=f"file://{root_dir.replace(os.sep, '/')}",
        baseline_rev=baseline,
        location=location,
        root_dir=root_dir,
        dvc_dir="/".join(part for part in (git.rel(home.root_dir), ".dvc") if part),
        name=name,
        wdir=wdir or ".",
        status=RUNNING,
    )


# --- in the workspace
def run_in_workspace(repo: Repo, io: Io, request: Request) -> Outcome:
    """Run in place; the results stay in the workspace as uncommitted changes.

    Raises ReproductionFailed and other DataverErrors; the workspace then stays as the run left it.
    """
    git, baseline = experiments_git(repo)
    flags = request.flags
    run = RunFolder(repo.tmp_dir, WORKSPACE)
    with exclusive(repo, io):
        run.remove()  # of a process that was killed: nobody else can run here
        with repo.lock(io):
            name = choose_name(experiment_names(git, baseline), request.name, force=flags.force, tool=io.tool)
            write_edits(edits(repo, request.overrides, io.cwd, no_hydra=request.no_hydra))
            run.write_info(_info(repo, git, git.root_dir, WORKSPACE, name, baseline, git.rel(io.cwd)))
            run.write_process(os.getpid())
            sign(repo)
            experiment = Experiment(repo, repo, io, flags, name=name, baseline=baseline)
            try:
                experiment.prepare(save_data=True)
                io.info(f"Reproducing experiment '{name}'")
                experiment.reproduce()
                with snapshot.scratch(git, io.settings.environ, _scratch_dir(repo)) as index:
                    commit, tree = experiment.commit(index, request.message)
                ref = ExpRef(baseline, name)
                commit = keep(git, ref, commit, tree, force=flags.force, tool=io.tool)
            finally:
                run.remove()
                git.close()
                repo.close()
    auto_push(repo, io, ref)
    return Outcome("success", ref.ref, commit, stages_run=experiment.ran, name=name, journal=experiment.journal.run_id if experiment.journal else None)


def _scratch_dir(repo: Repo) -> str:
    return os.path.join(repo.tmp_dir, "dataver", "index")


# --- in a checkout
def run_in_checkout(
    repo: Repo,
    entry: QueueEntry,
    io: Io,
    *,
    folder: str,
    log: IO[bytes] | None,
    runner_of: RunnerOf | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_event: OnEvent | None = None,
    keep_folder: bool = False,
    resume: bool = False,
    resume_from: str | None = None,
    standalone: bool = False,
) -> Outcome:
    """Run an entry in a temporary checkout and bring its experiment home.

    folder: does not exist yet (or is what a failed experiment left, with `resume`); it is deleted at
    the end unless keep_folder. log: takes everything the run prints; None: our own streams.
    should_stop: asked a few times a second. resume_from: commit whose files a resumed run starts
    from, the entry's when None. standalone: of `--temp`, which nothing asks about once it is over.
    Never raises for a run that failed or was stopped.
    """
    run = _CheckoutRun(repo, entry, io, folder, log, runner_of, on_event or no_event, standalone)
    with run.watched(should_stop):
        outcome = run.go(resume, resume_from)
    if not keep_folder:
        remove_checkout(folder)
    run.end(outcome)
    return outcome


class _CheckoutRun:
    """What one run in a checkout has open."""

    def __init__(
        self, home: Repo, entry: QueueEntry, io: Io, folder: str, log: IO[bytes] | None, runner_of: RunnerOf | None, on_event: OnEvent, standalone: bool
    ) -> None:  # fmt: skip
        self.home = home
        self.entry = entry
        self.io = io
        self.folder = folder
        self.log = log
        self.runner_of = runner_of
        self.on_event = on_event
        self.standalone = standalone
        self.files = RunFolder(home.tmp_dir, entry.id, standalone)
        self.wdir = str(entry.options.get("wdir", ""))
        self.flags = Flags.of({**entry.options, "targets": list(entry.targets)})
        self.experiment: Experiment | None = None
        self.stop_asked = False
        self._notes_lock = threading.Lock()
        assert home.scm is not None
        self.git = home.scm
        self.info = _info(home, self.git, folder, TEMPDIR if standalone else QUEUED, entry.name, entry.baseline, "/".join(part for part in (self.git.rel(home.root_dir), self.wdir) if part))

    # --- state for others
    def note(self, **changes: Any) -> None:
        with self._notes_lock, contextlib.suppress(DataverError, OSError):  # a full disk does not end the run
            self.files.update_notes(**changes)

    def hear(self, event: str, **facts: Any) -> None:
        """Events of the experiment: into the notes, then to whoever listens."""
        if event == "planned":
            self.note(stages_planned=facts["count"])
        elif event == "stage":
            self.note(stage=facts["stage"], journal=facts["journal"])
        elif event == "stage_done":
            before = self.files.read_notes() or RunNotes()
            self.note(stage=None, stages_done=before.stages_done + (facts["state"] != "failed"))
        self.on_event(event, **facts)

    @contextlib.contextmanager
    def watched(self, should_stop: Callable[[], bool] | None) -> Iterator[None]:
        """While inside, a thread keeps the heartbeat and looks whether to stop."""
        before = self.files.read_notes()
        self.files.write_info(replace(self.info, status=PREPARING))
        self.files.write_process(os.getpid())
        retries = before.retries if before is not None else 0
        self.files.write_notes(RunNotes(name=self.entry.name, **processid.own(), started=round(time.time(), 3), heartbeat=round(time.time(), 3), retries=retries, folder=self.folder))
        over = threading.Event()

        def watch() -> None:
            beat = time.monotonic()
            while not over.wait(TICK_S):
                if should_stop is not None and not self.stop_asked and should_stop():
                    self.stop_asked = True
                if self.stop_asked and self.experiment is not None:
                    self.experiment.stop()
                if time.monotonic() - beat >= HEARTBEAT_S:
                    beat = time.monotonic()
                    self.note()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self, outcome: Outcome) -> None:
        """The last state of the files that others read."""
        if self.standalone:
            self.files.remove()
            return
        is_success = outcome.state == "success"
        result = {"result_hash": self.info.result_hash, "result_ref": outcome.ref} if is_success else {}
        with contextlib.suppress(DataverError, OSError):
            self.files.write_info(replace(self.info, status=FINISHED if is_success else FAILED, **result))
            self.files.write_process(os.getpid(), 0 if is_success else 255)
        self.note(
            state=outcome.state,
            reason=outcome.reason,
            failed_stage=outcome.failed_stage,
            stage=None,
            ended=round(time.time(), 3),
            journal=outcome.journal,
            result_ref=outcome.ref,
            result_commit=outcome.commit,
        )

    # --- the run
    def go(self, resume: bool, resume_from: str | None) -> Outcome:
        try:
            return self._success(resume, resume_from)
        except KeyboardInterrupt:
            return self._ended("stopped", "stopped" if self.stop_asked else "interrupted", None)
        except (DataverError, OSError) as exc:
            error = exc if isinstance(exc, DataverError) else DataverError(f"{exc.strerror or exc}: '{exc.filename}'" if exc.filename else str(exc))
            if self.log is not None:
                self._say_error(error)
            return self._ended("failed", _reason(self.experiment, error), error)

    def _say_error(self, error: DataverError) -> None:
        with contextlib.suppress(OSError):
            text = f"ERROR: {error.message}\n" + (f"{error.hint}\n" if error.hint else "")
            assert self.log is not None
            self.log.write(text.encode("utf-8", "surrogateescape"))
            self.log.flush()

    def _success(self, resume: bool, resume_from: str | None) -> Outcome:
        home, entry = self.home, self.entry
        root = project_dir(home, self.folder)
        if not (resume and os.path.isdir(root)):
            make_checkout(home, self.folder, tree=resume_from or entry.id, head=entry.head, baseline=entry.baseline)
            copy_paths(home, root, entry.copy_paths)
        cwd = os.path.join(root, *self.wdir.split("/")) if self.wdir else root
        os.makedirs(cwd, exist_ok=True)  # the folder the user was in may hold nothing that Git knows
        repo = Repo(root, outside_settings(home.settings), cwd)
        io = LogIo(self.io, repo.cwd, repo.settings, self.log)
        experiment = self.experiment = Experiment(
            repo, home, io, self.flags, name=entry.name, baseline=entry.baseline, entry_id=None if self.standalone else entry.id,
            log=self.log, runner_of=self.runner_of, on_event=self.hear, command="exp run",
        )  # fmt: skip
        try:
            with locked_run(home, repo, io):
                self.files.write_info(self.info)
                io.info(f"Reproducing experiment '{entry.name}'")
                experiment.prepare(save_data=False)
                experiment.reproduce()
                if self.flags.dry:
                    return Outcome("success", stages_run=0, name=entry.name)
                commit, tree = self._commit(experiment, entry.message)
                self.info = replace(self.info, result_hash=experiment.exp_hash(), status=SUCCESS)
                self._warn_of_untracked(repo, io)
                ref = ExpRef(entry.baseline, entry.name)
                commit = keep(self.git, ref, commit, tree, force=self.flags.force, tool=io.tool)
                self.on_event("saved", ref=ref.ref, commit=commit)
        finally:
            repo.close()
            if repo.scm is not None:
                repo.scm.close()
        auto_push(home, io, ref)
        return Outcome("success", ref.ref, commit, stages_run=experiment.ran, name=entry.name, journal=_journal_of(experiment))

    def _commit(self, experiment: Experiment, message: str | None) -> tuple[str, str]:
        adopt_objects(self.folder, self.git)
        index = os.path.join(self.folder, DOT_GIT, "index")
        with snapshot.scratch(self.git, self.home.settings.environ, _scratch_dir(self.home), work_tree=self.folder, index=index) as git:
            return experiment.commit(git, message)

    def _warn_of_untracked(self, repo: Repo, io: LogIo) -> None:
        known = {repo.scm.rel(path) for path in self.experiment.files()} if repo.scm is not None and self.experiment is not None else set()
        # a folder that is an out is kept with all its files
        untracked = [name for name in repo.scm.untracked_files() if known.isdisjoint([name, *map(str, PurePosixPath(name).parents)])] if repo.scm is not None else []
        if untracked:
            io.warn(
                "The following untracked files were present in the experiment directory after reproduction but will not be included in experiment commits:\n"
                f"\t{', '.join(untracked)}"
            )

    def _ended(self, state: str, reason: str, error: DataverError | None) -> Outcome:
        """A run without a result; what it left is kept as a commit, for partial metrics and for running on from there."""
        experiment, commit = self.experiment, None
        if experiment is not None and experiment.plan is not None and not self.standalone and not self.flags.dry:
            with contextlib.suppress(DataverError, OSError):
                for path in experiment.files_of_others():
                    remove_path(path)
                commit, _ = self._commit(experiment, f"dataver: what {self.entry.name} left")
        return Outcome(
            state,
            commit=commit,
            reason=reason,
            failed_stage=experiment.failed_stage if experiment else None,
            stages_run=experiment.ran if experiment else 0,
            name=self.entry.name,
            journal=_journal_of(experiment),
            error=error,
        )


def _journal_of(experiment: Experiment | None) -> str | None:
    return experiment.journal.run_id if experiment is not None and experiment.journal is not None and experiment.journal.is_started else None


def _reason(experiment: Experiment | None, error: DataverError) -> str:
    """One sentence: the journal's, which has looked at the log, else the error's first line."""
    if isinstance(error, ReproductionFailed) and experiment is not None and experiment.journal is not None and experiment.journal.cause:
        return experiment.journal.cause
    return error.message.strip().split("\n")[0]
