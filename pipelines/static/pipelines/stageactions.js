// What can be done with a stage, a group or the whole pipeline: command lines of dataver, and whether a run goes on.
import { act, actionButton, cancel, commandOf, decide, note, pathWord } from "../launcher/actions.js";
import { chosen, el, getJSON, icon, keep } from "../launcher/frame.js";
import { editorLine, openEditor, restore, textOf } from "./pipelineeditor.js";
import { menuButton } from "./rowmenu.js";
import { openRunDialog } from "./rundialog.js";

const JOBS = [1, 2, 3, 4, 6, 8, 12, 16];
const WOULD_RUN = ["changed", "never run", "upstream changed", "failed", "blocked"];
const isRun = (item) => /^dataver (repro|exp run)\b/.test(item.command) && item.state === "running";

/** The run that goes on: what the records say, and the action of this server that began it, which can be stopped. */
export class Running {
  constructor(changed) {
    Object.assign(this, { changed, item: null, recorded: "" });
    document.addEventListener("dataver:live", (event) => { if (event.detail.action && isRun(event.detail.action)) this.began(event.detail.action); });
    document.addEventListener("dataver:acted", (event) => { if (event.detail.id === this.item?.id) { this.item = null; changed(); } });
    getJSON(`/r/${document.body.dataset.repository}/actions.json`).then(({ items }) => { const found = items.find(isRun); if (found) this.began(found); }).catch(() => {});
  }
  get isBusy() { return Boolean(this.item || this.recorded); }
  began(item) { if (this.item?.id !== item.id) { this.item = item; this.changed(); } }
  /** id: of the run that goes on, else empty. */
  tell(id) {
    const before = this.isBusy;
    this.recorded = id;
    if (this.item && !id) getJSON(`/r/${document.body.dataset.repository}/actions/${this.item.id}.json`).then((item) => { if (item.state !== "running" && this.item?.id === item.id) { this.item = null; this.changed(); } }).catch(() => {});
    if (before !== this.isBusy) this.changed();
  }
  start(argv) { return act(argv, { onProgress: (item) => { if (isRun(item)) this.began(item); }, done: `${commandOf(argv)} is done` }); }
  async stop() {
    const { item } = this;
    if (!item) return;
    const isSure = await decide({
      title: "Stop the run?", testid: "stop-run", confirm: "Stop the run", isDanger: true,
      content: [el("p", {}, "As Ctrl-C in a terminal: what runs is ended, stages that are done stay done."), el("p", { class: "mono sm t2" }, item.command)],
    });
    if (isSure) cancel(item).catch((error) => note(error.message, { isBad: true }));
  }
}

export const jobs = () => Number(chosen("pipeline.jobs", 1)) || 1;
const withJobs = (argv) => (jobs() > 1 ? [...argv, "-j", String(jobs())] : argv);

/** `repro` of everything: of all dvc.yaml files where there are several. */
export function reproAll(page, ...flags) { return withJobs(["repro", ...flags, ...(page.files.length === 1 && page.files[0] === "dvc.yaml" ? [] : ["-P"])]); }
export const wouldRun = (page) => page.nodes.filter((node) => node.kind === "stage" && WOULD_RUN.includes(node.state)).length;

/** The choice of how many stages may run at once. */
export function jobsChoice(changed) {
  const select = el("select", { class: "jobs", "aria-label": "How many stages run at once", title: "How many independent stages run at once: repro -j", "data-testid": "jobs", onchange: () => { keep("pipeline.jobs", Number(select.value)); changed(); } },
    ...JOBS.map((count) => el("option", { value: String(count), selected: count === jobs() }, `${count} ${count === 1 ? "worker" : "workers"}`)));
  return select;
}

/** Buttons for a node of the graph. at: {running, reload, select(id)}. */
export function buttonsOf(node, at) {
  const { running } = at;
  const run = (label, argv, options = {}) => {
    const button = actionButton(label, () => withJobs(argv), { run: (now) => running.start(now), ...options });
    button.disabled = running.isBusy;
    return button;
  };
  if (node.kind === "data") return dataButtons(node);
  if (node.kind === "group") return [run(`Run ${node.members.length} stages`, ["repro", pathWord(node.id)], { symbol: "play", testid: "run-stage" }), edit(node.members[0].file, node.members[0].id)];
  const first = node.state === "running" && running.item ? el("button", { type: "button", class: "btn btn-danger", title: "Ends the run, as Ctrl-C in a terminal", "data-testid": "stop-stage", onclick: () => running.stop() }, icon("stop"), "Stop")
    : node.state === "failed" ? run("Retry from here", ["repro", "--downstream", pathWord(node.id)], { symbol: "redo", testid: "retry" })
      : run("Run", ["repro", pathWord(node.id)], { symbol: "play", testid: "run-stage" });
  return [first,
    ...(node.state === "failed" || node.group ? [] : [actionButton(freeze(node).label, freeze(node).argv, { symbol: "lock", testid: "freeze" })]),
    edit(node.file, node.id),
    menuButton("More", () => more(node, at), "more")];
}

function freeze(node) { return { label: node.frozen ? "Unfreeze" : "Freeze", symbol: "lock", argv: [node.frozen ? "unfreeze" : "freeze", pathWord(node.id)], testid: "freeze", run: (argv) => act(argv) }; }

function edit(file, stage) {
  return el("button", { type: "button", class: "btn", title: editorLine(file), "data-testid": "edit-stage", onclick: () => openEditor(file, stage) }, icon("edit"), "Edit");
}

function more(node, { running, removed }) {
  const item = (label, symbol, argv, testid) => ({ label, symbol, argv: withJobs(argv), testid, run: (now) => running.start(now) });
  const runs = running.isBusy ? [] : [
    ...(node.state === "failed" ? [item("Run", "play", ["repro", pathWord(node.id)], "run-stage")] : []),
    item("Run it and what comes after", "arrow-r", ["repro", "--downstream", pathWord(node.id)], "run-downstream"),
    item("Run it alone, changed or not", "zap", ["repro", "-f", "-s", pathWord(node.id)], "run-force"),
    { label: "Run with other params…", symbol: "param", testid: "run-dialog-open", run: () => openRunDialog({ targets: [node.id] }) }, null];
  if (node.group) return runs.filter(Boolean); // one of a group is frozen and removed with it, in dvc.yaml
  return [...runs, ...(node.state === "failed" ? [freeze(node)] : []), { label: "Remove the stage…", symbol: "trash", isDanger: true, testid: "remove-stage", argv: ["remove", pathWord(node.id)], run: () => remove(node, removed) }];
}

async function remove(node, removed) {
  const argv = ["remove", pathWord(node.id)];
  const outs = node.outs.map((out) => el("li", { class: "mono sm" }, out.path));
  const isSure = await decide({
    title: `Remove the stage ${node.name}?`, testid: "remove", confirm: "Remove the stage", isDanger: true, argv,
    content: [el("p", {}, `It is taken out of ${node.file} and dvc.lock. ${outs.length ? "What it made stays in the workspace and in the cache, no longer tracked:" : "It makes no files."}`), outs.length ? el("ul", {}, ...outs) : el("span")],
  });
  if (!isSure) return;
  const before = await textOf(node.file);
  const item = await act(argv, { done: `Removed the stage ${node.name}`, undo: { label: "Undo", run: () => restore(node.file, before) } });
  if (item && item.state === "done") removed(node.id);
}

function dataButtons(node) {
  if (node.state === "up to date" || node.state === "not checked") return [];
  const ask = (title, text, argv, confirm, isDanger) => async () => { if (await decide({ title, testid: "data-dialog", confirm, isDanger, argv, content: [el("p", {}, text)] })) act(argv); };
  const keepIt = ["commit", "-f", pathWord(node.id)], back = ["checkout", "-f", pathWord(node.id)];
  return [
    el("button", { type: "button", class: "btn", title: commandOf(keepIt), "data-testid": "keep-data", onclick: ask("Record the data as it is now?", "What is in the workspace becomes the version that the .dvc file names; its content goes to the cache.", keepIt, "Record", false) }, icon("check"), "Record"),
    el("button", { type: "button", class: "btn", title: commandOf(back), "data-testid": "restore-data", onclick: ask("Put the recorded data back?", "What is in the workspace is replaced by the version that the .dvc file names. Changes that were never recorded are lost.", back, "Put back", true) }, icon("undo"), "Put back")];
}
