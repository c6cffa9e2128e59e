"""Reproduce a pipeline as an experiment, wherever its files lie, and make its commit."""
from __future__ import annotations

import hashlib
import json
import os

from pipelines.engine.capture import Log
from pipelines.engine.experiments import snapshot
from pipelines.engine.experiments.stagepolicy import local_runner
from pipelines.engine.flags import Flags
from pipelines.engine.journal import Journal, JournaledRunner
from pipelines.engine.plan import Plan
from pipelines.engine.processes import ending_like_interrupts
from pipelines.engine.reproduce import Reproduction
from pipelines.engine.runner import Echo, StageEnvironment, StageRunner
from pipelines.engine.toplevel import top_level_files
from pipelines.engine.wanted import IoReporter, RepoLocks, make_flags, make_importer, make_journal, make_plan, make_puller
from tracking.engine.bring import Want, bring
from tracking.engine.commit import save_stage, write_dvcfile
from tracking.engine.errors import GitError
from tracking.engine.git import Git
from tracking.engine.hints import IO, Any, Callable, Iterable, Iterator, Protocol, Sequence
from tracking.engine.index import LOCK_FILE, Index, load_index
from tracking.engine.lockfile import lock_entry
from tracking.engine.protocols import Io, Settings
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage
from tracking.engine.targets import collect
from tracking.engine.workspace import DELETED, Workspace

LogOf = Callable[[Stage], Log | None]
RunnerOf = Callable[[StageEnvironment, LogOf], StageRunner]
STUDIO_VARIABLES = {"token": "DVC_STUDIO_TOKEN", "url": "DVC_STUDIO_URL", "repo_url": "DVC_STUDIO_REPO_URL", "offline": "DVC_STUDIO_OFFLINE"}


class OnEvent(Protocol):
    """Hears what happens, in the calling thread. event: planned, stage, stage_done, saved."""

    def __call__(self, event: str, **facts: Any) -> None: ...


def no_event(event: str, **facts: Any) -> None:
    """An OnEvent for nobody."""


def stage_environ(home: Repo, settings: Settings, name: str, baseline: str) -> dict[str, str]:
    """What stages of an experiment see: the user's environment, what DVCLive looks for, and the studio settings."""
    environ = dict(settings.environ)
    studio = home.config.merged.get("studio") or {}  # not `get`, which knows defaults that nobody set
    for option, variable in STUDIO_VARIABLES.items():
        value = studio.get(option)
        if value not in (None, ""):
            environ.setdefault(variable, str(value))
    return environ | {"DVC_ROOT": home.root_dir, "DVC_EXP_BASELINE_REV": baseline, "DVC_EXP_NAME": name}


class Experiment:
    """One experiment. repo: where the stages run. home: the user's repository, which keeps journal and environment.

    log: takes the output of commands; None leaves them our streams. After `reproduce` failed,
    `failed_stage` is the address of the first one.
    """

    def __init__(
        self, repo: Repo, home: Repo, io: Io, flags: Flags, *, name: str, baseline: str, entry_id: str | None = None,
        log: IO[bytes] | None = None, runner_of: RunnerOf | None = None, on_event: OnEvent = no_event, command: str = "exp run",
    ) -> None:  # fmt: skip
        self.repo = repo
        self.home = home
        self.io = io
        self.flags = flags
        self.name = name
        self.baseline = baseline
        self.about: dict[str, Any] = {"experiment": name, "baseline": baseline} | ({"entry": entry_id} if entry_id else {})
        self.log = log
        self.runner_of = runner_of or local_runner
        self.on_event = on_event
        self.command = command
        self.ws = Workspace(repo, io.progress)
        self.index: Index | None = None
        self.plan: Plan | None = None
        self.done: list[Stage] = []
        self.ran = 0
        self.failed_stage: str | None = None
        self._touched: set[str] = set()  # addresses of stages that are up to date, were started or failed
        self.journal: Journal | None = None
        self._runner: StageRunner | None = None
        self._stopping = False

    # --- before
    def prepare(self, *, save_data: bool) -> None:
        """Read the pipeline and bring data in line with it. save_data: changed data is recorded first, never overwritten."""
        index = load_index(self.repo, warn=self.io.warn)
        if save_data:
            for saved in changed_data(self.ws, index.stages):
                write_dvcfile(self.repo, saved)
                index.stages[index.stages.index(next(stage for stage in index.stages if stage.file == saved.file and not stage.name))] = saved
        self.index = index
        self.plan = plan_of(index, self.flags, self.io.cwd)
        planned = [self.plan.stages[key] for key in self.plan.order]
        # in a checkout also what comes before a single stage is missing
        is_part = self.flags.single_item or self.flags.downstream
        stages = planned if self.flags.targets and (save_data or not is_part) else index.stages
        self._bring(stages)
        self.on_event("planned", count=len(self.plan.order))

    def _bring(self, stages: Iterable[Stage]) -> None:
        """Check out what the cache has, as a fresh checkout needs it; what it lacks is left as it is."""
        wants = []
        for stage in stages:
            for out in stage.outs:
                if out.cache and out.digest is not None and not out.is_url and out.files is None and self.repo.contains(out.abspath):
                    if self.ws.path_state(out, is_out=True) and self.ws.in_cache(out.digest):
                        wants.append(Want(out, out.abspath, out.digest))
        if wants:
            with self.repo.paths_lock(self.io, write=[want.path for want in wants]):
                bring(self.ws, wants, force=True, relink=False, confirm=self.io.confirm)

    # --- the run
    def reproduce(self) -> None:
        """Run what changed. Raises ReproductionFailed, DataverError, KeyboardInterrupt."""
        assert self.plan is not None and self.index is not None
        repo, io, flags = self.repo, self.io, self.flags
        environ = stage_environ(self.home, io.settings, self.name, self.baseline)
        journal = self.journal = make_journal(repo, self.index, self.plan, list(flags.targets), environ, command=self.command, home=self.home, about=self.about)
        runner = self._runner = JournaledRunner(self.runner_of(StageEnvironment(environ, self.home.root_dir), journal.log_of), journal)
        if self._stopping:
            raise KeyboardInterrupt
        reproduction = Reproduction(
            self.ws, self.plan, make_flags(flags, repo), IoReporter(io), _Told(runner, self), RepoLocks(repo, io),
            make_puller(repo, flags, io), make_importer(repo, io), None if flags.dry else _Watch(journal, self),
        )  # fmt: skip
        try:
            with journal.recording(), ending_like_interrupts():
                reproduction.run()
        finally:
            self.done = reproduction.update.done
            repo.tracker.flush()
            self._save_durations(reproduction)

    def stop(self) -> None:
        """End what runs, from another thread; `reproduce` raises KeyboardInterrupt."""
        self._stopping = True
        if self._runner is not None:
            self._runner.stop_all()

    def check_stop(self) -> None:
        if self._stopping:
            raise KeyboardInterrupt

    def address(self, stage: Stage) -> str:
        return stage.address(self.repo.root_dir)

    def _save_durations(self, reproduction: Reproduction) -> None:
        from pipelines.engine.durations import save_durations

        seconds = reproduction.durations
        save_durations(self.home, {(self.home.abs(self.repo.rel(file)), name): value for (file, name), value in seconds.items()})

    # --- after
    def exp_hash(self) -> str:
        """Names what this experiment did: sha256 of the lock entries of the stages it ran, restored or verified."""
        return hash_of(self.done)

    def files(self) -> list[str]:
        """What belongs into the experiment though Git may not know it: files of its stages, and what dvc.yaml names at the top."""
        assert self.plan is not None and self.index is not None
        return [*stage_files([self.plan.stages[key] for key in self.plan.order]), *top_level_files(self.index)]

    def files_of_others(self) -> list[str]:
        """Outs outside of the cache of stages that this run never came to: they tell of the baseline. Absolute."""
        assert self.plan is not None
        never = [stage for stage in self.plan.stages.values() if self.address(stage) not in self._touched]
        return [out.abspath for stage in never for out in stage.outs if out.abspath and not out.cache and not out.persist and self.repo.contains(out.abspath)]

    def touched(self, stage: Stage) -> None:
        self._touched.add(self.address(stage))

    def commit(self, git: Git, message: str | None, forced: Sequence[str] = ()) -> tuple[str, str]:
        """(commit, tree) of what lies in the work tree now. git: of snapshot.scratch."""
        snapshot.add_changes(git, self.files(), forced)
        try:
            tree = snapshot.write_tree(git)
        except GitError:  # a `git gc --prune=now` meanwhile took files that no commit names yet: store them again
            git.run("read-tree", self.baseline)
            snapshot.add_changes(git, self.files(), forced)
            tree = snapshot.write_tree(git)
        return snapshot.commit_tree(git, tree, self.baseline, message or f"dvc: commit experiment {self.exp_hash()}"), tree


class _Told:
    """A runner whose stages are told to the listener, with their output in the run's log."""

    def __init__(self, runner: StageRunner, experiment: Experiment) -> None:
        self.runner = runner
        self.experiment = experiment

    def run(self, stage: Stage, address: str, output: IO[bytes] | None, echo: Echo) -> None:
        self.experiment.check_stop()
        self.runner.run(stage, address, output or self.experiment.log, echo)
        self.experiment.ran += 1
        self.experiment.on_event("stage_done", stage=self.experiment.address(stage), state="succeeded")

    def stop_all(self) -> None:
        self.runner.stop_all()


class _Watch:
    """Observer of a reproduction: the journal first, then the listener."""

    def __init__(self, journal: Journal, experiment: Experiment) -> None:
        self.journal = journal
        self.experiment = experiment

    def skipped(self, stage: Stage) -> None:
        self.journal.skipped(stage)
        self.experiment.touched(stage)
        self.experiment.on_event("stage_done", stage=self.experiment.address(stage), state="skipped")
        self.experiment.check_stop()

    def chosen(self, stage: Stage, reasons: Sequence[str]) -> None:
        self.journal.chosen(stage, reasons)
        self.experiment.touched(stage)
        self.experiment.on_event("stage", stage=self.experiment.address(stage), journal=self.journal.run_id)

    def finished(self, stage: Stage, state: str) -> None:
        self.journal.finished(stage, state)
        self.experiment.touched(stage)
        self.experiment.on_event("stage_done", stage=self.experiment.address(stage), state=state)
        self.experiment.check_stop()

    def failed(self, stage: Stage, error: Exception) -> None:
        self.journal.failed(stage, error)
        self.experiment.touched(stage)
        self.experiment.failed_stage = self.experiment.failed_stage or self.experiment.address(stage)
        self.experiment.on_event("stage_done", stage=self.experiment.address(stage), state="failed")

    def blocked(self, stages: Sequence[Stage]) -> None:
        self.journal.blocked(stages)


# --- parts that `exp save` and queueing share
def plan_of(index: Index, flags: Flags, cwd: str) -> Plan:
    """The stages an experiment wants. Targets that are nothing at all are told apart from outs, as `commit` does."""
    if flags.targets and not flags.glob:
        collect(index, list(flags.targets), cwd=cwd, recursive=flags.recursive)
    return make_plan(index, flags, cwd)


def changed_data(ws: Workspace, stages: Iterable[Stage]) -> Iterator[Stage]:
    """Data that was added and has changed since, as it would be recorded now; its objects are in the cache then."""
    for stage in list(stages):
        if not stage.is_data_source:
            continue
        states = [ws.out_state(out) for out in stage.outs if out.abspath and os.path.exists(out.abspath)]
        if any(state not in ("", DELETED) for state in states):
            saved = save_stage(ws, stage, allow_missing=True)
            if saved.outs != stage.outs:
                yield saved


def hash_of(stages: Iterable[Stage]) -> str:
    entries = {stage.name: lock_entry(stage) for stage in stages if stage.name}
    return hashlib.sha256(json.dumps(entries, sort_keys=True, default=str).encode()).hexdigest()


def stage_files(stages: Iterable[Stage]) -> list[str]:
    """Definition, lock, deps, uncached outs and .gitignore files of stages; absolute, existing or not."""
    found: list[str] = []
    for stage in stages:
        found.append(stage.file)
        if stage.name:
            found.append(os.path.join(os.path.dirname(stage.file), LOCK_FILE))
        found += [dep.abspath for dep in stage.deps if dep.abspath]
        found += [params.abspath for params in stage.params]
        for out in stage.outs:
            if out.abspath:  # what keeps Git away from a cached out goes with it
                found.append(os.path.join(os.path.dirname(out.abspath), ".gitignore") if out.cache else out.abspath)
    return list(dict.fromkeys(found))
