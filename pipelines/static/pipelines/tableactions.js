// What can be done with rows: the menu of one, the bar of several. Each action is a command line of dataver.
import { act, commandOf, decide, note, optionWords, plainWords } from "../launcher/actions.js";
import { copy, el, formatNumber, getJSON } from "../launcher/frame.js";
import { askToApply } from "./applying.js";
import { nameOf, tagsOf } from "./tablecells.js";
import { experimentOf, table, WORKSPACE } from "./tabledata.js";
import { openMenu } from "./tablemenu.js";
import { picked, view } from "./tableview.js";

const data = document.getElementById("page-data").dataset;
const REMOTES = (data.gitRemotes || "").split("\n").filter(Boolean);
const LISTED = 12; // entries of a preview
let hooks = null; // {setBase, problems}
export function startActions(given) { hooks = given; }

// --- names
/** The name a command line takes: with the baseline in front where several experiments are called so. */
export function argumentOf(row) {
  const made = experimentOf(row);
  if (!made) return table.data.rows.sha[row];
  if (made.state !== "done") return made.task || made.name;
  const others = Object.values(table.data.experiments).filter((one) => one.name === made.name && one.state === "done");
  return others.length > 1 ? `refs/exps/${made.baseline.slice(0, 2)}/${made.baseline.slice(2)}/${made.name}` : made.name;
}

/** How pages with revisions in their address call a row. */
export function revisionOf(row) {
  const id = table.data.rows.id[row];
  if (id === WORKSPACE) return WORKSPACE;
  const made = experimentOf(row);
  return made && made.state === "done" && argumentOf(row) === made.name && !/[,\s]/.test(made.name) ? made.name : table.data.rows.sha[row].slice(0, 10);
}

/** The baseline first; a single row is compared with it. */
/** A run that goes on has plots, by its name, and nothing to compare yet. */
export const plotNameOf = (row) => { const made = experimentOf(row); return made && made.state === "running" && made.task ? made.name : revisionOf(row); };
export function comparedNames(nameOf = revisionOf) {
  const base = table.base;
  const rows = [...picked].map((id) => table.index.get(id)).filter((row) => row !== undefined && row !== base).sort((a, b) => a - b);
  const isBaseWanted = base >= 0 && (picked.has(table.data.rows.id[base]) || rows.length === 1);
  return [...(isBaseWanted ? [base] : []), ...rows].map(nameOf);
}

export const compareHref = (names) => `${data.compare}?${new URLSearchParams({ revs: names.join(",") })}`;
export const plotsHref = (names) => (data.plots ? `${data.plots}?${new URLSearchParams({ revs: names.join(",") })}` : null);

/** The page of an experiment: of its run where one is recorded, else by its name. */
export function detailsOf(row) {
  const made = experimentOf(row);
  return made && made.place !== "workspace" ? `${data.runs}/${encodeURIComponent(made.run || made.name)}` : null;
}
export function logOf(row) {
  const made = experimentOf(row);
  const page = made && (made.run || made.task) ? detailsOf(row) : null;
  return page && `${page}#log${made.run && made.failed_stage ? `=${encodeURIComponent(made.failed_stage)}` : ""}`;
}

/** The command line of a row's run: its params that differ from those it started from, as one types them. */
async function runLine(row) {
  const [made, from] = await Promise.all([table.data.rows.sha[row], experimentOf(row).baseline].map((baseline) => getJSON(`${data.typed}?${new URLSearchParams({ baseline })}`)));
  const before = new Map(from.params.map((param) => [param.name, param.baseline]));
  return commandOf(["exp", "run", ...made.params.filter((param) => param.baseline !== null && param.baseline !== before.get(param.name)).flatMap((param) => ["-S", `${param.name}=${param.baseline}`])]);
}

/** What of a row cannot be read: by its files, else by its cells. */
function problemsOf(row) {
  const errors = table.data.rows.errors[row] || [];
  const cells = table.columns.filter((column) => column.errors[row] !== undefined && !errors.some(({ file }) => file === column.file));
  return [...errors.map(({ file, msg }) => ({ where: file, reason: msg })), ...new Map(cells.map((column) => [column.file, { where: column.file, reason: column.errors[row] }])).values()];
}

// --- the menu of a row
export function rowMenu(id, box, back) {
  const row = table.index.get(id);
  if (row === undefined) return;
  const made = experimentOf(row);
  const name = nameOf(row);
  const isDone = !made || made.state === "done";
  const isOn = made?.state === "running", isWaiting = made?.state === "queued";
  const details = id === WORKSPACE ? null : detailsOf(row);
  const plots = plotsHref(row === table.base || table.base < 0 ? [plotNameOf(row)] : [revisionOf(table.base), plotNameOf(row)]);
  const compared = row === table.base ? null : compareHref([table.base >= 0 ? revisionOf(table.base) : WORKSPACE, revisionOf(row)]);
  const sha = table.data.rows.sha[row], problems = problemsOf(row);
  openMenu([
    { heading: id === WORKSPACE ? "Workspace" : made ? name : `Commit ${name}` },
    details && { label: "Details", symbol: "file", href: details, testid: "do-details" },
    compared && { label: "Compare with the baseline", symbol: "compare", href: compared, testid: "do-compare" },
    plots && { label: "Plots", symbol: "plots", href: plots, testid: "do-plots" },
    !isWaiting && logOf(row) && { label: "Log", symbol: "term", href: logOf(row), testid: "do-log" },
    problems.length > 0 && { label: "What cannot be read", symbol: "warn", run: () => hooks.problems(id === WORKSPACE ? "Workspace" : name, problems), testid: "do-problems" },
    { label: row === table.base && view.base ? "Baseline: HEAD again" : "Make it the baseline", symbol: "commit", hint: "b", run: () => hooks.setBase(id), testid: "do-baseline" },
    null,
    made && isDone && { label: "Apply to the workspace", symbol: "ul", run: () => apply(row), testid: "do-apply" },
    made && isDone && { label: "Make a branch of it", symbol: "branch", run: () => branch(row), testid: "do-branch" },
    made && isDone && { label: "Rename", symbol: "edit", run: () => rename(row), testid: "do-rename" },
    id !== WORKSPACE && isDone && { label: "Tags and note", symbol: "tag", run: () => annotate(row), testid: "do-annotate" },
    made && isDone && { label: "Push", symbol: "cloud", run: () => push([row]), testid: "do-push" },
    data.dialog && { label: id === WORKSPACE || isWaiting ? "Run with changes" : made ? "Run again with changes" : "Run from here", symbol: "play", run: () => runAgain(row), testid: "do-run" },
    made && !isDone && !isOn && !isWaiting && { label: "Queue it again", symbol: "redo", title: commandOf(["queue", "retry", made.task]), run: () => act(["queue", "retry", made.task], { done: `${made.name} waits again` }), testid: "do-retry" },
    id !== WORKSPACE && null,
    id !== WORKSPACE && { label: "Copy the hash", symbol: "copy", run: () => copied(sha), testid: "copy-hash" },
    made && { label: "Copy the name", symbol: "copy", run: () => copied(made.name), testid: "copy-name" },
    id !== WORKSPACE && { label: "Copy the command", symbol: "term", run: async () => copied(made ? await runLine(row) : `git checkout ${sha.slice(0, 7)} && dataver checkout`), testid: "copy-run" },
    made && null,
    isOn && made.task && { label: "Stop", symbol: "stop", isDanger: true, run: () => stop([row]), testid: "do-stop" },
    made && !isOn && { label: "Remove", symbol: "trash", isDanger: true, run: () => remove([row]), testid: "do-remove" },
  ], box, { label: `Actions for ${name}`, back, testid: "row-actions" });
}

async function copied(text) { await copy(text); note(`Copied: ${text}`); }

// --- one experiment
/** What the workspace would get, as far as its values and files differ. */
async function apply(row) {
  const name = argumentOf(row);
  const body = el("div", { class: "preview", tabindex: "0", role: "region", "aria-label": "What differs", "data-testid": "preview" }, el("p", { class: "t3" }, "Comparing with the workspace…"));
  const shown = getJSON(`${data.compareJson}?${new URLSearchParams({ revs: `${WORKSPACE},${revisionOf(row)}` })}`).then((found) => body.replaceChildren(...preview(found)), (error) => body.replaceChildren(el("p", {}, error.message)));
  const isSure = await askToApply(nameOf(row), ["exp", "apply", name], { testid: "apply", content: [body] });
  await shown;
  if (isSure) act(["exp", "apply", name], { done: `The workspace is now as in ${nameOf(row)}` });
}

function preview(found) {
  const nodes = [];
  for (const section of found.sections) {
    const entries = section.entries.filter((entry) => entry.differs);
    if (!entries.length || section.kind === "environment") continue;
    const text = (cell, kind) => (kind === "data" ? (cell.hash ? cell.hash.slice(0, 7) : "–") : cell.value === null ? "–" : formatNumber(cell.value));
    nodes.push(el("h3", {}, `${{ metrics: "Metrics", params: "Params", data: "Data" }[section.kind]}: ${entries.length} differ${entries.length === 1 ? "s" : ""}`),
      el("table", { class: "tbl" }, el("tbody", {}, ...entries.slice(0, LISTED).map((entry) => el("tr", {}, el("td", { class: "trunc" }, entry.name || entry.file), el("td", { class: "num t2" }, text(entry.cells[0], section.kind)), el("td", { class: "t3" }, "→"), el("td", { class: "num" }, text(entry.cells[1], section.kind)))))));
    if (entries.length > LISTED) nodes.push(el("p", { class: "t3 sm" }, `${entries.length - LISTED} more`));
  }
  const files = found.code.filter((file) => file.changes[1]);
  if (files.length) nodes.push(el("h3", {}, `Code: ${files.length} file${files.length === 1 ? "" : "s"}`), el("p", { class: "mono" }, files.slice(0, LISTED).map((file) => file.path).join("\n")));
  return nodes.length ? nodes : [el("p", { class: "t2" }, "Nothing differs from the workspace.")];
}

const field = (label, input) => el("label", { class: "form-line" }, el("span", {}, label), el("span", { class: "field" }, input));
const VALID = /^(?![.-])(?!.*\.\.)[^\s~^:?*[\\/]+$/;

async function branch(row) {
  const name = argumentOf(row);
  const input = el("input", { type: "text", value: `${nameOf(row)}-branch`, "data-testid": "branch-name", autocomplete: "off" });
  const argv = () => ["exp", "branch", name, input.value.trim()];
  if (await decide({ title: `Make a branch of ${nameOf(row)}`, testid: "branch", confirm: "Make the branch", argv, content: [field("Branch", input), el("p", { class: "t2 sm" }, "The workspace stays where it is.")], check: () => Boolean(input.value.trim()) })) act(argv(), { done: `Branch ${input.value.trim()} holds ${nameOf(row)}` });
}

async function rename(row) {
  const name = argumentOf(row), before = nameOf(row);
  const input = el("input", { type: "text", value: before, "data-testid": "new-name", autocomplete: "off" });
  const argv = () => ["exp", "rename", name, input.value.trim()];
  if (await decide({ title: `Rename ${before}`, testid: "rename", confirm: "Rename", argv, content: [field("Name", input)], check: () => VALID.test(input.value.trim()) && input.value.trim() !== before, onOpen: () => input.select() })) act(argv(), { done: `${before} is now ${input.value.trim()}`, undo: { label: "Undo", argv: ["exp", "rename", input.value.trim(), before] } });
}

async function annotate(row) {
  const name = argumentOf(row);
  const before = { tags: tagsOf(row), note: table.data.rows.notes[row]?.note || "" };
  const tags = el("input", { type: "text", value: before.tags.join(" "), "data-testid": "tags", placeholder: "Words, with spaces between them", autocomplete: "off" });
  const text = el("textarea", { rows: "3", class: "note-box", "data-testid": "note-text" });
  text.value = before.note;
  const lines = () => {
    const now = tags.value.split(/[\s,]+/).filter(Boolean), made = [];
    const gone = before.tags.filter((tag) => !now.includes(tag)), fresh = now.filter((tag) => !before.tags.includes(tag));
    if (gone.length || fresh.length) made.push(["exp", "tag", ...gone.flatMap((tag) => optionWords("--remove", tag)), ...plainWords(name, ...fresh)]);
    if (text.value.trim() !== before.note) made.push(text.value.trim() ? ["exp", "note", ...plainWords(name, text.value.trim())] : ["exp", "note", name, "--remove"]);
    return made;
  };
  if (!await decide({ title: `Tags and note of ${nameOf(row)}`, testid: "annotate", confirm: "Save", command: () => (lines().length ? lines().map(commandOf).join(" && ") : null), content: [field("Tags", tags), el("label", { class: "form-line" }, el("span", {}, "Note"), text), el("p", { class: "t2 sm" }, "Both are kept as Git notes, which stay with the commit.")] })) return;
  for (const line of lines()) { const item = await act(line, { quiet: true }); if (!item || item.state !== "done") return; }
}

/** The dialog of runs, with the params of a row filled in; without one, those of the workspace. */
export function runAgain(row) {
  const baseline = row === undefined || table.data.rows.id[row] === WORKSPACE ? null : revisionOf(row);
  import(data.dialog).then((module) => module.openRunDialog({ baseline }));
}

// --- several
const names = (rows) => el("ul", { class: "names", "data-testid": "names" }, ...rows.map((row) => el("li", {}, el("span", { class: "medium" }, nameOf(row)), el("span", { class: "hash" }, table.data.rows.sha[row].slice(0, 7)), el("span", { class: "t3" }, experimentOf(row).state))));
export const pickedExperiments = (...states) => [...picked].map((id) => table.index.get(id)).filter((row) => row !== undefined && experimentOf(row) && (!states.length || states.includes(experimentOf(row).state)));

export async function push(rows) {
  if (!REMOTES.length) { note("This repository has no Git remote to push to. Add one: git remote add origin URL", { isBad: true }); return; }
  const remote = el("select", { "data-testid": "push-remote" }, ...REMOTES.map((name) => el("option", { value: name }, name)));
  const argv = () => ["exp", "push", remote.value, ...rows.map(argumentOf)];
  if (await decide({ title: `Push ${rows.length === 1 ? nameOf(rows[0]) : `${rows.length} experiments`}`, testid: "push", confirm: "Push", argv, content: [field("Git remote", remote), names(rows), el("p", { class: "t2 sm" }, "Their data goes to the default remote.")] })) act(argv());
}

export async function stop(rows) {
  const argv = ["queue", "kill", ...rows.map((row) => experimentOf(row).task)];
  if (await decide({ title: `Stop ${rows.length === 1 ? nameOf(rows[0]) : `${rows.length} runs`}`, testid: "stop", confirm: "Stop", isDanger: true, argv, content: [el("p", {}, rows.length === 1 ? "It is interrupted. What it reached stays, and it can be queued again." : "They are interrupted. What they reached stays, and they can be queued again."), names(rows)] })) act(argv, { done: `Stopped ${rows.map(nameOf).join(", ")}` });
}

export async function remove(rows) {
  const targets = rows.map(argumentOf);
  const argv = ["exp", "remove", ...targets];
  const label = rows.length === 1 ? nameOf(rows[0]) : `${rows.length} experiments`;
  if (!await decide({ title: `Remove ${label}`, testid: "remove", confirm: rows.length === 1 ? "Remove it" : `Remove ${rows.length}`, isDanger: true, argv, content: [el("p", {}, `${rows.length === 1 ? "It can be brought back for 7 days, with its name and hash" : "They can be brought back for 7 days, with their names and hashes"}: right away in the note, later in the ⋯ menu of the page.`), names(rows)] })) return;
  for (const row of rows) picked.delete(table.data.rows.id[row]);
  await act(argv, { done: `Removed ${label}`, undo: { label: "Undo", argv: ["exp", "remove", "--undo", ...targets] } });
}

/** Entries of the page's menu that bring back what was removed lately. */
export function removedEntries() {
  return (table.data?.removed || []).map(({ at, items }) => {
    const argv = ["exp", "remove", "--undo", ...items.map((item) => (item.target.startsWith("refs/exps/") ? item.target : item.name))];
    const when = new Date(at * 1000);
    const label = items.length === 1 ? items[0].name : `${items.length} experiments`;
    return { label: `Bring back ${label}`, symbol: "undo", hint: `removed ${when.toDateString() === new Date().toDateString() ? when.toTimeString().slice(0, 5) : when.toLocaleDateString("en", { day: "numeric", month: "short" })}`, title: commandOf(argv), testid: "bring-back", run: () => act(argv, { done: `${label} ${items.length === 1 ? "is" : "are"} back` }) };
  });
}
