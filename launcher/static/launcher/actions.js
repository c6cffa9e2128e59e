// What pages do: command lines of dataver, run by the server, with the command shown before and the result after.
// Also the dialog for decisions, the note with Undo, and the list of what was done.

import { coded, el, icon, getJSON, postJSON, copy } from "./frame.js";

const FIRST_ASK_MS = 60;
const ASK_MS = 300;
const NOTE_MS = 8000;
const UNDO_MS = 30000;
const body = document.body;
const base = body.dataset.repository ? `/r/${body.dataset.repository}/` : "/home/"; // the list of repositories has actions, too
const WORDS = { running: "Running", done: "Done", failed: "Failed", cancelled: "Cancelled", paused: "Paused", unknown: "Ended" };
const LOOKS = { running: ["is-run", "run"], done: ["is-ok", "check"], failed: ["is-bad", "warn"], cancelled: ["is-warn", "stop"], paused: ["is-warn", "pause"], unknown: ["", "warn"] };

/** `dataver exp run -S 'a=[1, 2]'`: a command line as a shell takes it. */
export function commandOf(argv) { return ["dataver", ...argv].map(quote).join(" "); }
/** A path or a target as a command line takes it: with a dash in front it would be an option. */
export function pathWord(path) { return path.startsWith("-") ? `./${path}` : path; }
/** Words that may begin with a dash, where no option follows. */
export function plainWords(...words) { return words.some((word) => word.startsWith("-")) ? ["--", ...words] : words; }
/** An option with its value, which may begin with a dash. */
export function optionWords(flag, value) { return value.startsWith("-") ? [`${flag}=${value}`] : [flag, value]; }
function quote(word) { return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`; }

/** A command line to look at and to copy. */
export function commandLine(command) {
  return el("span", { class: "cmd", "data-testid": "dialog-command" }, el("code", {}, command),
    el("button", { type: "button", class: "btn btn-quiet btn-icon copy", "data-copy": command, title: "Copy the command", "aria-label": `Copy ${command}` }, icon("copy")));
}

/** A button that does something: its tooltip is the command line. argv: a list, or a function that gives one when asked. */
export function actionButton(label, argv, { symbol = null, classes = "", testid = null, run = null } = {}) {
  const now = () => (typeof argv === "function" ? argv() : argv);
  const button = el("button", { type: "button", class: `btn ${classes}`.trim(), "data-testid": testid, title: commandOf(now()) }, symbol ? icon(symbol) : null, label);
  button.addEventListener("pointerenter", () => { button.title = commandOf(now()); });
  button.addEventListener("focus", () => { button.title = commandOf(now()); });
  button.addEventListener("click", () => (run ? run(now()) : act(now())));
  return button;
}

/**
 * Run a command line and wait for its end. Gives the ended item ({state, code, message, seconds, ...}), or null when the user
 * did not trust the project or nothing could be started; failures are shown by itself. undo: {label, argv} for the note.
 * done: text of the note; quiet: no note for success; "all": the caller tells failures, too. onProgress: called with the item while it runs. at: `/r/KEY/` of another repository.
 */
export async function act(argv, { undo = null, done = null, quiet = false, onProgress = null, at = base } = {}) {
  let item;
  try {
    item = await postJSON(`${at}actions`, { argv });
  } catch (error) {
    note(error.message, { isBad: true });
    return null;
  }
  if (item.needs_trust) return (await askForTrust(item.command, at)) ? act(argv, { undo, done, quiet, onProgress, at }) : null;
  showLast(item);
  return follow(item, { undo, done, quiet, onProgress, at });
}

/** Wait for the end of an item that runs. */
export async function follow(item, { undo = null, done = null, quiet = false, onProgress = null, at = base } = {}) {
  let pause = FIRST_ASK_MS;
  while (item.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(ASK_MS, pause * 1.5);
    try {
      item = await getJSON(`${at}actions/${item.id}.json`);
      if (onProgress) onProgress(item);
    } catch (error) {
      if (error.status === 404 || error.status === 403) { note(error.message, { isBad: true }); return null; }
    }
  }
  showLast(item);
  if (item.state === "done") { if (!quiet) note(done || item.message || item.command, { undo }); }
  else if (item.state === "cancelled" || item.state === "paused") note(`${WORDS[item.state]}: ${item.command}`);
  else if (quiet !== "all") note(item.message || `It ended with code ${item.code}`, { isBad: true, command: item.command });
  document.dispatchEvent(new CustomEvent("dataver:acted", { detail: item }));
  return item;
}

/** Interrupt what moves data, to go on later. */
export function pause(item, at = base) { return postJSON(`${at}actions/${item.id}/pause`); }
/** Interrupt what runs; asked for again, end it. */
export function cancel(item, at = base) { return postJSON(`${at}actions/${item.id}/cancel`); }

// --- decisions
/**
 * A dialog for a decision. Resolves to true when the user goes on, false when not. content: nodes. argv: a list or a function, shown as
 * the command line; call the `refresh` that `onOpen` is handed when what argv depends on has changed. check: false keeps the dialog open.
 */
export function decide({ title, content = [], argv = null, command = null, confirm = "Go on", isDanger = false, testid = "decision", onOpen = null, check = null, isWide = false }) {
  const shown = el("div", { class: "decision-command" });
  const go = el("button", { type: "submit", class: `btn ${isDanger ? "btn-danger" : "btn-primary"}`, "data-testid": `${testid}-confirm` }, confirm);
  let last; // Tab out of a field that was changed comes to the line, which must not be drawn anew then
  const refresh = () => {
    const line = command !== null ? (typeof command === "function" ? command() : command) : argv !== null ? commandOf(typeof argv === "function" ? argv() : argv) : null;
    if (line === last) return;
    last = line;
    shown.replaceChildren(...(line === null ? [] : [el("div", { class: "t3 sm" }, "Same on the command line"), commandLine(line)]));
  };
  const form = el("form", { method: "dialog" },
    el("div", { class: "dialog-head" }, el("h2", { id: `${testid}-title` }, title), el("span", { class: "grow" }),
      el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close", "data-testid": `${testid}-close`, onclick: () => dialog.close() }, icon("x"))),
    el("div", { class: "dialog-body decision-body" }, ...content, shown),
    el("div", { class: "dialog-foot row" }, el("span", { class: "grow" }), el("button", { type: "button", class: "btn", "data-testid": `${testid}-cancel`, onclick: () => dialog.close() }, "Cancel"), go));
  const dialog = el("dialog", { class: `dialog${isWide ? " dialog-wide" : ""}`, "aria-labelledby": `${testid}-title`, "data-testid": testid }, form);
  let isSure = false;
  form.addEventListener("submit", (event) => {
    if (check && check() === false) { event.preventDefault(); return; }
    isSure = true;
  });
  form.addEventListener("input", refresh);
  form.addEventListener("change", refresh);
  body.append(dialog);
  refresh();
  dialog.showModal();
  if (dialog.querySelector(".dialog-head :focus")) (form.querySelector(".decision-body :is(input, select, textarea):not([disabled])") || (isDanger ? go.previousElementSibling : go)).focus();
  if (onOpen) onOpen({ refresh, dialog, go });
  return new Promise((resolve) => dialog.addEventListener("close", () => { dialog.remove(); resolve(isSure); }));
}

/** Ask whether commands of this project may run; true when they may now. */
export async function askForTrust(command, at = base) {
  const isSure = await decide({
    title: "Do you trust this project?", testid: "trust", confirm: "Trust it and go on", command,
    content: [el("p", {}, "Its pipeline is made of commands that run on this machine with your rights, as if you had typed them. Looking at a project runs nothing of it; this does."),
      el("p", { class: "t2 sm" }, "Go on if you wrote it or know who did. You will not be asked again for this folder.")],
  });
  if (!isSure) return false;
  await postJSON(`${at}trust`);
  return true;
}

// --- notes
const notes = el("div", { class: "notes", role: "status", "aria-live": "polite", "data-testid": "notes" });
body.append(notes);
/** A note at the bottom that goes by itself. undo: {label, argv} or {label, run}. */
export function note(text, { undo = null, isBad = false, command = null } = {}) {
  const close = () => item.remove();
  const end = () => { if (item.matches(":focus-within, :hover")) setTimeout(end, NOTE_MS); else close(); };
  const undone = undo && el("button", { type: "button", class: "btn", "data-testid": "undo", "data-action": "", title: undo.argv ? commandOf(undo.argv) : undo.label,
    onclick: () => { close(); if (undo.run) undo.run(); else act(undo.argv); } }, undo.label || "Undo");
  const item = el("div", { class: `note-item card${isBad ? " is-problem" : ""}`, "data-testid": "note" }, icon(isBad ? "warn" : "check"),
    el("div", { class: "grow" }, command ? el("div", { class: "mono t3 trunc" }, command) : null, el("div", { class: "note-text" }, ...coded(text))),
    undone, el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close this note", onclick: close }, icon("x")));
  notes.append(item);
  while (notes.children.length > 4) notes.firstChild.remove();
  if (!isBad) setTimeout(end, undo ? UNDO_MS : NOTE_MS);
}

// --- the strip and the list of what was done
const strip = document.querySelector('[data-testid="activity"]');
function seconds(item) { return item.seconds === null ? "" : item.seconds < 60 ? `${Number(item.seconds.toPrecision(2))} s` : `${Math.floor(item.seconds / 60)}m ${String(Math.round(item.seconds % 60)).padStart(2, "0")}s`; }
function stateWord(item) { const [look, symbol] = LOOKS[item.state] || LOOKS.unknown; return el("span", { class: `state ${look}` }, icon(symbol, item.state === "running" ? "spin" : ""), WORDS[item.state] || item.state); }
/** `123 of 10,000 files, 4,200 files/s, 3 s left`, or "". */
export function progressText(progress) {
  if (!progress?.label) return ""; // between two steps
  const amount = (value) => (progress.unit === "B" ? `${(value / 1e6).toFixed(1)} MB` : `${Math.round(value).toLocaleString("en")} ${progress.unit}${value === 1 ? "" : "s"}`);
  const rate = progress.seconds > 0.5 ? progress.done / progress.seconds : 0;
  const parts = [`${progress.label} ${progress.total ? `${progress.unit === "B" ? amount(progress.done) : progress.done.toLocaleString("en")} of ${amount(progress.total)}` : amount(progress.done)}`];
  if (progress.files) parts.push(`${progress.files_done.toLocaleString("en")} of ${progress.files.toLocaleString("en")} files`);
  if (rate) parts.push(`${amount(rate)}/s`);
  const share = progress.total ? Math.min(progress.done / progress.total, progress.files ? progress.files_done / progress.files : 1) : 0; // what lags behind
  if (rate && share) parts.push(`${Math.max(0, Math.round(progress.seconds / share - progress.seconds))} s left`);
  return parts.join(", ");
}
let last = "";
function showLast(item) {
  if (!strip || !item) return;
  const key = JSON.stringify([item.id, item.state, item.progress]);
  if (key === last) return;
  last = key;
  strip.replaceChildren(el("code", { class: "trunc" }, item.command), stateWord(item), el("span", { class: "t3", "data-testid": "activity-progress" }, item.state === "running" ? progressText(item.progress) : seconds(item)));
  strip.title = item.message || item.command;
}
document.addEventListener("dataver:live", (event) => { if (event.detail.action) showLast(event.detail.action); });

async function openActivity() {
  const list = el("div", { class: "activity-list", "data-testid": "activity-list" });
  const dialog = el("dialog", { class: "dialog dialog-wide", "aria-labelledby": "activity-title", "data-testid": "activity-dialog" },
    el("div", { class: "dialog-head" }, el("h2", { id: "activity-title" }, "Activity"), el("span", { class: "grow" }), el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close", "data-testid": "activity-close", onclick: () => dialog.close() }, icon("x"))),
    el("div", { class: "dialog-body scroll" }, list));
  body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  const fill = async () => {
    const { items } = await getJSON(`${base}actions.json`);
    const open = new Set([...list.querySelectorAll("details[open]")].map((node) => node.dataset.id));
    list.replaceChildren(...(items.length ? items.map((item) => entry(item, open.has(item.id), fill)) : [el("p", { class: "t2" }, "Nothing yet. Whatever a button on a page does is listed here with its command line and what it wrote.")]));
  };
  await fill().catch((error) => list.replaceChildren(el("p", {}, error.message)));
  const again = () => { if (dialog.isConnected && list.querySelector("[data-running]")) fill().catch(() => {}); };
  document.addEventListener("dataver:live", again);
  dialog.addEventListener("close", () => document.removeEventListener("dataver:live", again));
}
function entry(item, isOpen, fill) {
  const output = el("pre", { class: "activity-output", tabindex: "0" }, "");
  const show = async () => { output.textContent = (await getJSON(`${base}actions/${item.id}.json`)).output || "It wrote nothing."; };
  const details = el("details", { class: "activity-item", "data-id": item.id, "data-testid": "activity-item", "data-running": item.state === "running" },
    el("summary", {}, icon("chev-r", "t3"), stateWord(item), el("code", { class: "trunc grow" }, item.command), el("span", { class: "t3 sm nowrap" }, item.state === "running" ? progressText(item.progress) : seconds(item)),
      el("time", { class: "t3 sm nowrap", datetime: item.started_at }, new Date(item.started_at).toTimeString().slice(0, 5))),
    output);
  const buttons = el("div", { class: "row" },
    item.state === "running" ? el("button", { type: "button", class: "btn", "data-testid": "activity-cancel", title: "As Ctrl-C in a terminal", onclick: () => cancel(item).then(fill) }, "Cancel") : null,
    ["failed", "cancelled", "paused"].includes(item.state) && item.argv?.length ? el("button", { type: "button", class: "btn", "data-testid": "activity-again", title: item.command, onclick: () => { act(item.argv).then(fill, () => {}); setTimeout(() => fill().catch(() => {}), FIRST_ASK_MS * 5); } }, icon(item.state === "paused" ? "play" : "redo"), item.state === "paused" ? "Resume" : "Start again") : null,
    el("button", { type: "button", class: "btn btn-quiet btn-icon", title: "Copy the command", "aria-label": `Copy ${item.command}`, onclick: () => copy(item.command) }, icon("copy")));
  details.addEventListener("toggle", () => { if (details.open) show().catch((error) => { output.textContent = error.message; }); });
  if (isOpen) details.open = true;
  return el("div", { class: "activity-row" }, details, buttons);
}
if (strip) strip.addEventListener("click", openActivity);
