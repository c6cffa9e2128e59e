"""Bring one stage of a reproduction up to date: decide, restore or clear the way, record what came of it.

Whoever calls runs the command itself, between `without_command` and `save`.
"""
from __future__ import annotations

import contextlib
import os

from pipelines.engine import runcache
from pipelines.engine.dirty import COMMAND, DEP, FORCED, OUT, PARAM, Reason, definition_reasons, input_reasons, missing_outs, out_reasons, reasons
from pipelines.engine.flags import Flags
from pipelines.engine.plan import Key, Plan, key_of
from pipelines.engine.roles import Importer, Locks, Observer, Puller, Reporter
from tracking.engine import atomic
from tracking.engine.checkout import checkout, unprotect
from tracking.engine.commit import DependencyMissing, refuse_tracked_outs, relink_outs, save_params, save_stage, write_stages
from tracking.engine.deletion import delete_out
from tracking.engine.errors import CheckoutFailed, ConfirmNeeded, DataverError
from tracking.engine.hints import Callable, Iterator
from tracking.engine.record import replace
from tracking.engine.stage import Out, Stage
from tracking.engine.workspace import DELETED, NEW, NOT_IN_CACHE, Workspace, stage_label


class StageUpdate:
    """What is done to each stage of one reproduction. done: stages that ran, were restored or verified, as recorded."""

    def __init__(self, ws: Workspace, plan: Plan, options: Flags, reporter: Reporter, locks: Locks, puller: Puller | None, importer: Importer | None, observer: Observer | None) -> None:
        self.ws = ws
        self.plan = plan
        self.options = options
        self.reporter = reporter
        self.locks = locks
        self.puller = puller
        self.importer = importer
        self.observer = observer
        self.cwd = ws.repo.cwd
        self.done: list[Stage] = []
        self.forced: set[Key] = set(plan.order) if options.force else set()
        self._unsynced: set[str] = set()  # folders in which files were renamed

    # --- deciding
    def is_wanted(self, stage: Stage) -> bool:
        """Say what happens to the stage; False when there is nothing to do."""
        address = stage.address(self.cwd)
        options = self.options
        if stage.frozen and not stage.is_import:
            self.reporter.warn(f"{stage_label(stage, self.cwd)} is frozen. Its dependencies are not going to be reproduced.")
        found = [Reason(FORCED, state="" if options.force else "downstream")]
        if key_of(stage) not in self.forced:
            found = self._why(stage)
            if not found:
                self.reporter.line(f"Stage '{address}' didn't change, skipping" if stage.cmd is not None else f"'{address}' didn't change, skipping")
                if self.observer:
                    self.observer.skipped(stage)
                return False
            if options.pull and self.puller and self._lacks_only_data(stage) and self._pull(stage):
                return False
        if options.interactive and not self.reporter.confirm(f"Going to reproduce {stage_label(stage, self.cwd)}. Are you sure you want to continue?"):
            raise DataverError("reproduction aborted by the user")
        if self.observer:
            self.observer.chosen(stage, [reason.sentence() for reason in found])
        return True

    def _why(self, stage: Stage) -> list[Reason]:
        """Why the stage is not up to date: the first reason, and when somebody listens, the others that cost nothing more."""
        allow_missing = self.options.allow_missing
        inputs = (reason for reason in input_reasons(self.ws, stage) if not self._is_forgiven(stage, reason, allow_missing))
        first = next(inputs, None) or next((reason for reason in out_reasons(self.ws, stage) if not self._is_forgiven(stage, reason, allow_missing)), None)
        if first is None or not self.observer or (first.kind == COMMAND and first.state == NEW):
            return [first] if first else []
        outs = () if allow_missing else missing_outs(self.ws, stage)
        return [first, *inputs, *(reason for reason in outs if reason.subject != first.subject)]

    def _lacks_only_data(self, stage: Stage) -> bool:
        return all(self._is_forgiven(stage, reason, True) for reason in reasons(self.ws, stage))

    def _is_forgiven(self, stage: Stage, reason: Reason, allow_missing: bool) -> bool:
        """Whether --allow-missing excuses it."""
        if not allow_missing:
            return False
        if reason.kind in (DEP, PARAM):
            return reason.state == DELETED and not self._moved_on(stage, reason.subject)
        if reason.kind == OUT:
            return reason.state in (NOT_IN_CACHE, DELETED)
        return reason.kind == COMMAND and reason.state == NEW  # never run: missing data alone is no reason to run it

    def _moved_on(self, stage: Stage, name: str) -> bool:
        """Whether a missing dep has another hash in the stage that makes it."""
        for dep in stage.deps:
            if self.ws.name(dep) != name:
                continue
            for key in self.plan.edges[key_of(stage)]:
                for out in self.plan.stages[key].outs:
                    if out.abspath == dep.abspath and out.digest != dep.digest:
                        return True
        return False

    def _pull(self, stage: Stage) -> bool:
        self.reporter.line(f"Pulling data for {stage_label(stage, self.cwd)}")
        assert self.puller is not None
        try:
            self.puller.fetch(stage, [out for out in stage.outs if out.cache])
            self.ws.forget_objects()
            self._checkout([out for out in stage.outs if out.cache and out.digest], force=False)
            if not self.options.allow_missing and any(out.cache and out.digest is None for out in stage.outs):
                raise CheckoutFailed("outs that were never made cannot be pulled")
        except ConfirmNeeded:
            raise
        except DataverError:
            self.reporter.line(f"Unable to pull data for {stage_label(stage, self.cwd)}")
            return False
        return True

    # --- doing
    def without_command(self, stage: Stage) -> bool:
        """Verify or restore when that is all there is to do; else clear the way for the command."""
        dry = self.options.dry
        if stage.is_import and (not stage.frozen or stage.is_partial_import):
            self._import(stage)
            self._observe_finished(stage, "imported")
            return True
        runs = stage.cmd is not None and not stage.frozen
        if not runs:
            if not dry:
                what = "outputs in frozen" if stage.frozen else "data sources in"
                self.reporter.line(f"Verifying {what} {stage_label(stage, self.cwd)}")
                self._refuse_missing(stage)
                refuse_tracked_outs(self.ws.repo, stage.outs)
                with self.paths(stage):
                    self.save(stage, self.reporter.line)
                self._observe_finished(stage, "verified")
            else:
                self.count(stage, stage)
            return True
        remembered = None if key_of(stage) in self.forced else self._remembered(stage)
        if not dry:
            refuse_tracked_outs(self.ws.repo, stage.outs)  # not after the run, when they are overwritten
            self._clear_outs(stage)
        if remembered is None:
            return False
        self.reporter.line(f"Stage '{stage.address(self.cwd)}' is cached - skipping run, checking out outputs")
        if dry:
            return False  # a dry run goes on to print the command, as the contract has it
        with self.paths(stage):
            self._checkout(remembered)
            self.save(stage, self.reporter.line)
        self._observe_finished(stage, "restored")
        return True

    def _observe_finished(self, stage: Stage, state: str) -> None:
        if self.observer:
            self.observer.finished(stage, state)

    def _import(self, stage: Stage) -> None:
        """Bring an import that is not frozen up to date with its source."""
        dep, out = stage.deps[0], stage.outs[0]
        source = f"{dep.path} ({dep.repo.get('url')})" if dep.repo else self.ws.name(dep)
        self.reporter.line(f"Importing '{source}' -> '{self.ws.name(out)}'")
        if self.options.dry:
            self.count(stage, stage)
            return
        if self.importer is None:
            raise DataverError(f"'{dep.path}' cannot be imported here")
        with self.paths(stage):
            brought = self.importer(dep, out.abspath)
            self.save(replace(stage, deps=(brought,)), self.reporter.line)

    def _remembered(self, stage: Stage) -> list[Out] | None:
        """Outs of an earlier run with the same command, deps and params, all in the cache."""
        ws = self.ws
        if self.options.pull and not self.options.dry:
            self._pull_missing_deps(stage)
        is_cacheable = bool(stage.outs) and not stage.always_changed
        if is_cacheable or not self.options.dry:
            self._refuse_missing_deps(stage, is_cacheable)
        if not runcache.is_eligible(ws.repo, stage):
            return None
        present = runcache.with_present_deps(ws, stage)
        if not any(definition_reasons(stage)) and present.deps == stage.deps and present.params == stage.params and all(out.digest for out in stage.outs):
            outs = list(stage.outs)
        elif not self.options.run_cache:
            return None
        else:
            entry = runcache.load(ws.repo, present, self.reporter.warn)
            if entry is None:
                return None
            outs = runcache.outs_of(stage, entry)
        if self.options.pull and self.puller and not self.options.dry:
            self.puller.fetch(stage, [replace(out, cache=True) for out in outs])
            ws.forget_objects()
        return outs if runcache.all_in_cache(ws, outs) else None

    def _refuse_missing_deps(self, stage: Stage, is_cacheable: bool) -> None:
        """Before outs are deleted or anything is run. The contract has two texts for a missing file."""
        for dep in stage.deps:
            if dep.abspath and not os.path.exists(dep.abspath):
                if is_cacheable:
                    raise DependencyMissing(f"[Errno 2] No such file or directory: '{dep.abspath}'")
                raise DependencyMissing(f"dependency '{self.ws.name(dep)}' does not exist")
        for params in stage.params:
            save_params(self.ws, params)  # names the keys that are missing

    def _pull_missing_deps(self, stage: Stage) -> None:
        if self.puller is None:
            return
        from tracking.engine.errors import OutputNotFound

        for dep in stage.deps:
            if dep.abspath and not os.path.exists(dep.abspath):
                for other in self.plan.stages.values():
                    outs = [out for out in other.outs if out.abspath == dep.abspath and out.digest and out.cache]
                    if outs:
                        with contextlib.suppress(DataverError, OutputNotFound):
                            self.puller.fetch(other, outs)
                            self.ws.forget_objects()
                            self._checkout(outs)

    def _clear_outs(self, stage: Stage) -> None:
        """Delete outs before a run; keep persistent ones, made safe to write."""
        for out in stage.outs:
            if out.is_url or not os.path.lexists(out.abspath):
                continue
            if out.persist:
                if out.cache:
                    unprotect(out.abspath)
            elif self.ws.repo.contains(out.abspath) or self.options.force:
                delete_out(self.ws.repo, out.abspath, out.path, force=self.options.force)
            else:
                self.reporter.warn(f"'{out.path}' lies outside of the repository and is not deleted before the run; --force does that.")
            self.ws.forget(out.abspath)

    def _refuse_missing(self, stage: Stage) -> None:
        missing = [self.ws.name(out) for out in stage.outs if out.abspath and not os.path.exists(out.abspath)]
        if missing and not self.options.allow_missing:
            raise DataverError(f"missing data 'source{'s' if len(missing) > 1 else ''}': {', '.join(missing)}", hint="`dataver checkout` or `dataver pull` brings tracked data back.")

    def _checkout(self, outs: list[Out], force: bool = True) -> None:
        repo = self.ws.repo
        for out in outs:
            assert out.digest is not None
            checkout(
                out.abspath,
                out.digest,
                store=repo.store_for(out.digest),
                state=repo.state,
                link_types=repo.link_types if out.cache else ["copy"],
                ignore=repo.ignore,
                rel=repo.rel(out.abspath),
                isexec=out.meta.isexec,
                force=force,
                confirm=self.reporter.confirm,
                progress=self.ws.progress,
            )
            self.ws.forget(out.abspath)

    def save(self, stage: Stage, say: Callable[[str], None]) -> None:
        """Record a stage that ran, was restored or verified: cache, run cache, dvc.lock."""
        ws, options = self.ws, self.options
        for out in stage.outs:
            ws.forget(out.abspath)
        for params in stage.params:
            ws.forget(params.abspath)
        is_remembered = stage.cmd is not None and not options.no_commit and all(out.cache for out in stage.outs if out.kind == "out")
        with ws.repo.tracker.undone_on_error(), self._one_barrier():
            saved = save_stage(ws, stage, to_cache=not options.no_commit, allow_missing=options.allow_missing, warn=self.reporter.warn)
            if is_remembered:
                runcache.store_uncached(ws, saved)
        if is_remembered:
            runcache.remember(ws, saved)
        if not options.no_commit:
            relink_outs(ws, saved.outs)
            for out in saved.outs:
                if out.cache and out.abspath and os.path.lexists(out.abspath):
                    ws.repo.state.save_link(out.abspath)
        ws.repo.tracker.flush(sync_names=False)
        write_stages(ws.repo, [saved], say, sync_names=False)
        self._unsynced.add(os.path.dirname(stage.file))
        self._unsynced.update(os.path.dirname(out.abspath) for out in stage.outs if out.cache and out.abspath)
        self.count(stage, saved)

    def _one_barrier(self) -> contextlib.AbstractContextManager[object]:
        """All objects of a stage are made durable together, before anything names them."""
        return contextlib.nullcontext() if self.options.no_commit else self.ws.repo.store.batch()

    def sync_names(self) -> None:
        """What was recorded stays so after a power cut from here on; before, the last stages may have to run again."""
        for folder in sorted(self._unsynced):
            with contextlib.suppress(OSError):  # the stage that made it may have been undone
                atomic.fsync_path(folder)
        self._unsynced.clear()

    def count(self, stage: Stage, saved: Stage) -> None:
        key = key_of(stage)
        self.plan.stages[key] = saved
        self.done.append(saved)
        if self.options.force_downstream:
            self.forced.update(self.plan.downstream[key])

    @contextlib.contextmanager
    def paths(self, stage: Stage) -> Iterator[None]:
        read = [path for path in (*[dep.abspath for dep in stage.deps], *[dep.abspath for dep in stage.params]) if path]
        with self.locks.paths(read, [out.abspath for out in stage.outs if out.abspath]):
            yield
