// The page of one run: buttons, parts that follow it, the note, lines of code. Log and curves are modules of their own.
import { act, actionButton, commandOf, decide, optionWords, plainWords } from "../launcher/actions.js";
import { copy, el, getJSON, icon, onChange, problemCard, ready } from "../launcher/frame.js";
import { askToApply } from "./applying.js";
import { follow } from "./livepage.js";
import { redraw } from "./keyed.js";
import { stopRun } from "./queuecards.js";
import { changesOf } from "./queuelinks.js";
import { menuButton } from "./rowmenu.js";
import { openRunDialog } from "./rundialog.js";
import { showCurves } from "./runcurves.js";
import { stagesChanged, startLog } from "./runlog.js";

const body = document.body;
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const facts = () => JSON.parse(document.getElementById("run-data").textContent);
const base = `/r/${body.dataset.repository}/`;
const isRunning = () => ["running", "waiting"].includes(document.querySelector('[data-live="state"]').dataset.state);

// --- buttons
function drawActions() {
  const run = facts();
  redraw(find("run-actions"), [run.state, run.is_kept, run.name, run.commit, run.can_resume], () => {
    const changes = el("button", { type: "button", class: "btn", "data-testid": "run-again", title: commandOf(["exp", "run", "-S", "…"]), onclick: again }, icon("redo"), "Run with changes");
    const buttons = [];
    if (run.is_kept && run.base) buttons.push(el("a", { class: "btn", href: `${base}compare?revs=${run.base.slice(0, 7)},${encodeURIComponent(run.name)}`, "data-testid": "to-compare" }, icon("compare"), "Compare"));
    if (!run.name) buttons.push(el("a", { class: "btn", href: `${base}pipeline`, "data-testid": "to-pipeline" }, icon("dag"), "Pipeline"));
    if (run.name || run.state !== "running") buttons.push(changes);
    if (run.state === "running" || run.state === "waiting") buttons.push(stopButton(run));
    else if (run.is_queued && ["failed", "stopped", "interrupted"].includes(run.state)) buttons.push(actionButton("Retry", ["queue", "retry", run.name], { symbol: "redo", testid: "retry" }));
    if (run.name) buttons.push(menuButton("More", () => menu(facts()), "run-menu"));
    return buttons;
  });
}
function again() {
  const run = facts();
  openRunDialog(run.is_kept ? { baseline: run.name } : { changes: changesOf(run.parameters) });
}
function stopButton(run) {
  if (run.state === "waiting") return actionButton("Take out", ["queue", "remove", run.name], { symbol: "x", testid: "unqueue" });
  const button = el("button", { type: "button", class: "btn btn-danger", "data-testid": "stop", onclick: () => { const now = facts(); stopRun(now.live || { name: now.name || now.id, word: now.name, kind: now.is_queued ? "queue" : "workspace", elapsed_s: now.elapsed_s, step: null, pid: now.pid }); } }, icon("stop"), "Stop");
  button.title = run.is_queued ? commandOf(["queue", "kill", run.name]) : "As Ctrl-C in the terminal it was started in";
  return button;
}
function menu(run) {
  const items = [];
  if (run.is_kept) items.push(
    { label: "Apply to the workspace", symbol: "dl", argv: ["exp", "apply", run.name], testid: "menu-apply", run: apply },
    { label: "Make a branch of it", symbol: "branch", argv: ["exp", "branch", run.name], run: branch });
  if (run.can_resume) items.push({ label: `Retry from ${run.failed[0] || "the failed stage"}`, symbol: "redo", argv: ["queue", "retry", "--from-failed", run.name], run: (argv) => act(argv) });
  items.push({ label: "Copy the name", symbol: "copy", run: () => copy(run.name) });
  if (run.is_kept) items.push(null, { label: "Remove", symbol: "trash", isDanger: true, argv: ["exp", "remove", run.name], run: remove });
  return items;
}
async function apply(argv) {
  if (await askToApply(argv.at(-1), argv)) await act(argv);
}
async function branch(argv) {
  const name = el("input", { value: `${argv.at(-1)}-branch`, "data-testid": "branch-name", "aria-label": "Name of the branch" });
  const line = () => [...argv, name.value.trim()];
  if (await decide({ title: "Make a branch", testid: "branch-run", confirm: "Make it", argv: line, check: () => Boolean(name.value.trim()), content: [el("p", {}, "The branch is at this experiment; the workspace stays as it is."), el("label", { class: "field" }, name)] })) await act(line());
}
async function remove(argv) {
  if (!(await decide({ title: `Remove ${argv.at(-1)}?`, testid: "remove-run", confirm: "Remove", isDanger: true, argv, content: [el("p", {}, "The experiment leaves the table. It can be brought back for 7 days.")] }))) return;
  const item = await act(argv);
  if (item && item.state === "done") location.assign(`${base}experiments`);
}

// --- parts that follow
function drawBar() {
  const bar = find("run-bar"), { live } = facts();
  if (!bar) return;
  bar.hidden = !live;
  if (!live) return;
  const part = live.steps && live.step !== null ? Math.min(live.step / live.steps, 1) : live.stages_planned ? (live.stages_done ?? 0) / live.stages_planned : 0;
  bar.querySelector("i").style.setProperty("width", `${Math.round(1000 * part) / 10}%`);
  bar.querySelector("[data-bar-text]").textContent = live.steps && live.step !== null ? `${live.step} of ${live.steps} ${live.unit}s` : live.stages_planned ? `stage ${Math.min((live.stages_done ?? 0) + 1, live.stages_planned)} of ${live.stages_planned}` : "";
}
follow(isRunning, () => { drawActions(); drawBar(); drawNote(); stagesChanged(); showCurves(); }, 1000);
onChange(showCurves);

// --- anchors: no steps in the history, so that back leads to the table
const box = document.querySelector("[data-scroll]"), tabs = [...find("tabs").querySelectorAll("a")];
function go(id, replace = true) {
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView({ block: "start" });
  mark(id);
  if (replace) history.replaceState(history.state, "", `#${id}`);
}
function mark(id) { for (const tab of tabs) if (tab.hash === `#${id}`) tab.setAttribute("aria-current", "true"); else tab.removeAttribute("aria-current"); }
for (const tab of tabs) tab.addEventListener("click", (event) => { event.preventDefault(); go(tab.hash.slice(1)); });
const anchored = () => { const id = location.hash.slice(1).split("=")[0]; if (tabs.some((tab) => tab.hash === `#${id}`)) go(id, false); };
addEventListener("hashchange", anchored);
let isMarking = false;
box.addEventListener("scroll", () => {
  if (isMarking) return;
  isMarking = true;
  requestAnimationFrame(() => {
    isMarking = false;
    const top = box.getBoundingClientRect().top + 80;
    const left = [...document.querySelectorAll(".c1 > [id]")].filter((node) => !node.hidden);
    const at = left.filter((node) => node.getBoundingClientRect().top <= top).at(-1) || left[0];
    if (at) mark(at.id);
  });
});

// --- tags and the note: of what has a commit to keep them at
const noteLine = find("note-line");
const name = body.dataset.name, words = (text) => text.split(/[\s,]+/).filter(Boolean);
const lines = {
  tags: {
    label: "Tags", now: () => facts().tags.join(", "), tidy: (text) => words(text).join(", "),
    argv: (text, before) => ["exp", "tag", ...words(before).filter((tag) => !words(text).includes(tag)).flatMap((tag) => optionWords("--remove", tag)), ...plainWords(name, ...words(text).filter((tag) => !words(before).includes(tag)))],
  },
  note: { label: "Note", now: () => facts().note, tidy: (text) => text.trim(), argv: (text) => ["exp", "note", ...(text ? plainWords(name, text) : [name, "--remove"])] },
};
function drawNote() {
  if (!noteLine) return;
  noteLine.hidden = !facts().can_note;
  for (const line of Object.values(lines)) say(line, line.now());
}
function say(line, text) { line.text = text; line.shown.textContent = text || "–"; }
function edit(what, line) {
  const before = line.text;
  const input = el("input", { value: before, maxlength: "10000", "aria-label": line.label, "data-testid": `${what}-input` }), field = el("span", { class: "field grow" }, input);
  const tell = () => { input.title = commandOf(line.argv(line.tidy(input.value), before)); };
  tell();
  input.addEventListener("input", tell);
  let isOver = false; // taking the field away is a blur, too
  const end = async (isKept) => {
    if (isOver) return;
    isOver = true;
    const text = line.tidy(input.value);
    field.replaceWith(line.shown);
    line.pencil.hidden = false;
    if (!isKept || text === before) { line.pencil.focus(); return; }
    say(line, text);
    const item = await act(line.argv(text, before), { quiet: true });
    if (!item || item.state !== "done") say(line, before);
  };
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); end(true); } else if (event.key === "Escape") { event.stopPropagation(); end(false); } });
  input.addEventListener("blur", () => end(true));
  line.shown.replaceWith(field);
  line.pencil.hidden = true;
  input.focus();
  input.setSelectionRange(before.length, before.length);
}
if (noteLine) for (const [what, line] of Object.entries(lines)) {
  Object.assign(line, { shown: find(what), pencil: find(`edit-${what}`), text: line.now() });
  line.pencil.title = commandOf(["exp", what === "tags" ? "tag" : "note", name, "…"]);
  line.pencil.addEventListener("click", () => edit(what, line));
}

// --- lines of code
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-path]");
  if (!button) return;
  const box = document.querySelector("[data-code-lines]"), isOpen = button.getAttribute("aria-expanded") === "true";
  for (const other of document.querySelectorAll("[data-path]")) other.setAttribute("aria-expanded", "false");
  box.hidden = isOpen;
  if (isOpen) return;
  button.setAttribute("aria-expanded", "true");
  try {
    const answer = await getJSON(`${body.dataset.diff}?${new URLSearchParams({ a: button.dataset.a, b: button.dataset.b, path: button.dataset.path })}`);
    const kinds = { "+": "add", "-": "del", "@": "at", " ": "" };
    box.replaceChildren(...answer.lines.map(([kind, text]) => el("div", { class: kinds[kind] || "" }, `${kind === "@" ? "" : kind}${text}`)), ...(answer.is_cut ? [el("div", { class: "t3" }, "The rest is not shown.")] : []));
  } catch (error) { box.replaceChildren(problemCard({ where: button.dataset.path, reason: error.message })); }
});

drawActions();
drawBar();
await Promise.all([startLog(), showCurves()]);
anchored();
ready();
