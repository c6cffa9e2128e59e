// The queue: asks for all of it with each beat of the frame, and patches what differs.
import { act, actionButton, commandOf, decide, note } from "../launcher/actions.js";
import { el, formatNumber, getJSON, icon, problemCard, ready } from "../launcher/frame.js";
import { canNotify, isOn, setNotify } from "./finished.js";
import { patchList, redraw, say } from "./keyed.js";
import { runningCard } from "./queuecards.js";
import { finishedRow, makeOrder, waitingRow } from "./queuerows.js";
import { inTurn, machineCard, startLine, workersCard } from "./queueworkers.js";
import { menuButton } from "./rowmenu.js";
import { openRunDialog } from "./rundialog.js";
import { decimalsOf, numberText } from "./tablenumbers.js";

const url = `/r/${document.body.dataset.repository}/queue.json`;
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const running = new Map(), waiting = new Map(), finished = new Map();
const lists = { running: find("running-list"), waiting: find("waiting-list"), finished: find("finished-list") };
const workers = workersCard(), machine = machineCard();
find("workers-box").append(workers.node);
find("machine-box").append(machine.node);

let page = JSON.parse(document.getElementById("queue-data").textContent);
let held = 0; // somebody drags
const order = makeOrder(lists.waiting, () => page.waiting, (isHeld) => { held += isHeld ? 1 : -1; if (!held) refresh(); });

// --- the head
const start = actionButton("Start", () => startLine(Math.max(page.workers.jobs, 1), page.workers.gpus), { symbol: "play", testid: "start-queue", run: (argv) => inTurn(() => argv, { done: argv[3] === "1" ? "1 worker is at work" : `${argv[3]} workers are at work` }) });
const pause = actionButton("Pause", ["queue", "stop"], { symbol: "pause", testid: "pause-queue", run: (argv) => inTurn(() => argv) });
pause.title = `${commandOf(["queue", "stop"])}\nWhat runs goes on; what waits stays`;
const isNew = el("button", { type: "button", class: "btn btn-primary", "data-testid": "new-run", title: commandOf(["exp", "run", "--queue"]), onclick: () => openRunDialog({ place: "queue" }) }, icon("plus"), "New run");
const bell = el("button", { type: "button", class: "btn btn-quiet", "data-testid": "notify", "aria-pressed": String(isOn()), onclick: async () => {
  const came = await setNotify(!isOn());
  if (came === "denied") note("The browser does not allow notifications for this page. Its settings for this address change that.", { isBad: true });
  bell.setAttribute("aria-pressed", String(isOn()));
  bell.title = notifyTitle();
} }, icon("bell"), el("span", { class: "hide-md" }, "Notify"));
const notifyTitle = () => (isOn() ? "The browser tells when a run has ended; click to switch that off" : "Let the browser tell when a run has ended or failed");
bell.title = notifyTitle();
bell.hidden = !canNotify();
find("queue-actions").append(bell, start, pause, isNew);
const clear = menuButton("Clear the list", () => {
  const done = page.counts.done, failed = page.counts.failed;
  return [
    ...(done ? [{ label: `Clear ${done} done`, symbol: "done", testid: "clear-done", argv: ["queue", "remove", "--success"], run: (argv) => act(argv, { done: `${done} taken off the list; the experiments stay` }) }] : []),
    ...(failed ? [{ label: `Retry ${failed} failed`, symbol: "redo", testid: "retry-all", argv: ["queue", "retry", "--all"], run: (argv) => act(argv) }, { label: `Clear ${failed} failed`, symbol: "trash", isDanger: true, testid: "clear-failed", argv: ["queue", "remove", "--failed"], run: clearFailed }] : []),
  ];
}, "clear");
find("finished-head").append(clear);
async function clearFailed(argv) {
  const names = page.finished.filter((row) => row.state !== "success").map((row) => row.name);
  const isSure = await decide({ title: `Remove ${page.counts.failed} failed ${page.counts.failed === 1 ? "run" : "runs"}?`, testid: "clear-dialog", confirm: `Remove ${page.counts.failed}`, isDanger: true, argv,
    content: [el("p", { class: "mono sm" }, names.slice(0, 20).join(", "), names.length > 20 ? ` and ${names.length - 20} more` : ""), el("p", { class: "t2" }, "Their logs and what they left go. This cannot be undone.")] });
  if (isSure) await act(argv);
}

// --- drawing
/** Numbers of one column stand below each other: with the same decimals. */
function alignValues(rows) {
  const decimals = decimalsOf(rows.map((row) => (typeof row.value === "number" ? row.value : null)));
  for (const row of rows) row.value_text = typeof row.value === "number" ? numberText({ kind: "metrics", decimals }, row.value) : formatNumber(row.value);
}
const WORDS = [["running", "is-run", "run", "running"], ["waiting", "is-idle", "clock", "waiting"], ["done", "is-ok", "done", "done"], ["failed", "is-bad", "fail", "failed"]];
function draw() {
  const { counts: all } = page, counts = { ...all, running: all.running + all.elsewhere }; // a person sees what runs, wherever
  redraw(find("counts"), counts, () => WORDS.filter(([name]) => counts[name] || name === "running" || name === "waiting").map(([name, look, symbol, word]) => el("span", { class: `state ${counts[name] ? look : "is-idle"}`, "data-count": name }, icon(symbol, name === "running" && counts.running ? "spin" : ""), `${counts[name]} ${word}`)));
  const isEmpty = all.total + all.elsewhere === 0;
  find("queue-empty").hidden = !isEmpty;
  find("queue-lists").hidden = isEmpty;
  start.hidden = page.workers.is_on;
  pause.hidden = !page.workers.is_on;
  start.disabled = !page.has_git;
  const numbers = new Map(page.workers.lines.filter((line) => line.run).map((line) => [line.run, line.number]));
  patchList(lists.running, page.running, running, (card) => card.id, runningCard);
  for (const card of page.running) running.get(card.id).update(card, numbers.get(card.name) ?? null);
  find("running-none").hidden = page.running.length > 0;
  say(find("running-none"), counts.waiting ? page.workers.is_on ? "The next one is about to start." : "Nothing runs: the queue is paused. Start it to work through what waits." : "Nothing runs. New run begins one.");
  if (!held) {
    patchList(lists.waiting, page.waiting, waiting, (row) => row.id, (row) => waitingRow(row, order));
    page.waiting.forEach((row, index) => waiting.get(row.id).number(index + 1));
  }
  find("waiting-box").hidden = page.waiting.length === 0;
  find("waiting-head").hidden = page.waiting.length === 0;
  say(find("waiting-hint"), counts.waiting > page.waiting.length ? `the first ${page.waiting.length} of ${counts.waiting} are shown` : page.waiting.length > 1 ? "drag to reorder" : "");
  alignValues(page.finished);
  patchList(lists.finished, page.finished, finished, (row) => row.id, finishedRow);
  find("finished-box").hidden = page.finished.length === 0;
  find("finished-head").hidden = counts.done + counts.failed === 0;
  const older = counts.done + counts.failed - page.finished.length;
  say(find("finished-hint"), older > 0 ? `last 24 hours, ${older} older or not shown` : "last 24 hours");
  say(find("finished-metric"), page.metric);
  workers.update(page);
  machine.update(page.machine);
}

// --- asking
let busy = false, again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await getJSON(url);
    page = answer;
    draw();
    find("queue-problem").replaceChildren();
    document.body.dataset.queue = String(Number(document.body.dataset.queue || 0) + 1);
  } catch (error) {
    if (error.status && error.status !== 403) find("queue-problem").replaceChildren(problemCard({ reason: error.message }));
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}
document.addEventListener("dataver:live", () => { if (!document.hidden) refresh(); });
document.addEventListener("dataver:acted", refresh);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog[open], .menu") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n") { event.preventDefault(); isNew.click(); }
  const step = { j: 1, k: -1 }[event.key];
  const rows = [...document.querySelectorAll("[data-testid='running-name'], #main tr[data-run] a.plain")];
  if (!step || !rows.length) return;
  event.preventDefault();
  rows[Math.min(Math.max(rows.indexOf(document.activeElement) + step, 0), rows.length - 1)].focus();
});
draw();
ready();
