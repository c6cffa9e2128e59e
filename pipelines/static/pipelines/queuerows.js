// Rows of what waits, which can be moved, and of what ended.
import { act, commandOf, decide } from "../launcher/actions.js";
import { copy, el, icon } from "../launcher/frame.js";
import { askToApply } from "./applying.js";
import { redraw, say } from "./keyed.js";
import { changesOf, runPage, shortCause, shortParams } from "./queuelinks.js";
import { retryButton } from "./queuecards.js";
import { menuButton } from "./rowmenu.js";
import { openRunDialog } from "./rundialog.js";
import { clock, duration, moment } from "./times.js";

const params = (texts) => texts.flatMap((text, index) => [index ? ", " : "", text.replace("=", " ")]).join("");
const again = (row) => openRunDialog({ changes: changesOf(row.params), targets: row.targets, place: "queue" });
const runLine = (row) => ["exp", "run", "--queue", ...row.params.flatMap((text) => ["-S", text]), ...row.targets];

// --- waiting
/** A row that waits. order: {move(row, step), drag(row, event)}. */
export function waitingRow(row, order) {
  let now = row;
  const place = el("span", {});
  const grip = el("button", { type: "button", class: "grip btn btn-quiet btn-icon", "data-testid": "grip", "aria-label": `Move ${row.name}: Alt with an arrow key`, title: `Drag, or Alt with an arrow key\n${commandOf(["queue", "move", row.word, "--before", "…"])}` }, icon("grip"));
  grip.addEventListener("pointerdown", (event) => { if (event.button === 0) order.drag(now, event); });
  grip.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step && event.altKey) { event.preventDefault(); order.move(now, step); }
  });
  const branch = el("td", { class: "t2 trunc hide-md c-branch" }), settings = el("div", { class: "mono t2" }), about = el("td", { class: "t3" });
  const remove = el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": `Take ${row.name} out of the queue`, title: commandOf(["queue", "remove", row.word]), "data-testid": "unqueue", onclick: () => unqueue(now) }, icon("x"));
  const menu = menuButton(`More about ${row.name}`, () => [
    { label: "Run with changes", symbol: "edit", testid: "menu-again", run: () => again(now) },
    { label: "To the front", symbol: "arrow-r", argv: ["queue", "move", now.word, "--first"], run: (argv) => act(argv) },
    { label: "Copy the command", symbol: "copy", run: () => copy(commandOf(runLine(now))) },
    null,
    { label: "Take out of the queue", symbol: "x", isDanger: true, argv: ["queue", "remove", now.word], run: () => unqueue(now) },
  ]);
  const node = el("tr", { "data-testid": "waiting-row", "data-run": row.name, "data-id": row.id },
    el("td", { class: "c-grip" }, row.from_dvc ? null : grip), el("td", { class: "t3 num c-place" }, place),
    el("td", { class: "c-name" }, el("span", { class: "row" }, el("a", { class: "medium plain trunc", href: runPage(row) }, row.name), el("span", { class: "hash" }, row.id.slice(0, 7)))),
    branch, el("td", { class: "c-params" }, settings), about, el("td", {}, el("span", { class: "state is-idle" }, icon("clock"), row.from_dvc ? "Queued by dvc" : row.is_retry ? "Queued again" : "Queued")),
    el("td", { class: "num c-acts" }, row.from_dvc ? adopt(row) : el("span", { class: "row acts" }, menu, remove)));
  const update = (next) => {
    now = next;
    say(branch, next.branch || next.baseline.slice(0, 7));
    const otherwise = next.targets.length ? next.targets.join(" ") : "as in the workspace";
    say(settings, shortParams(next.params).join(", ") || otherwise);
    settings.title = params(next.params) || otherwise;
    say(about, next.about ? `about ${clock(next.about)}` : "");
  };
  update(row);
  return { node, update, number: (count) => say(place, String(count)) };
}
function adopt(row) {
  const argv = ["queue", "adopt", row.id.slice(0, 10)];
  return el("button", { type: "button", class: "btn btn-row", title: commandOf(argv), onclick: () => act(argv) }, "Adopt");
}
async function unqueue(row) { await act(["queue", "remove", row.word], { done: `${row.name} is out of the queue`, undo: { label: "Queue it again", argv: ["exp", "run", "--queue", "-n", row.name, ...runLine(row).slice(3)] } }); }

/** The order of the rows in `body`: by pointer and by keys. rows(): what is shown now; hold(bool): no redrawing meanwhile. */
export function makeOrder(body, rows, hold) {
  async function put(row, before) {
    const argv = ["queue", "move", row.word, ...(before ? ["--before", before.word] : ["--last"])];
    hold(true);
    try { await act(argv, { quiet: true }); } finally { hold(false); }
  }
  function move(row, step) {
    const list = rows(), at = list.findIndex((item) => item.id === row.id), to = Math.min(Math.max(at + step, 0), list.length - 1);
    if (at < 0 || to === at) return;
    const rest = list.filter((item) => item.id !== row.id);
    const node = body.querySelector(`[data-id="${row.id}"]`), grip = node.querySelector(".grip");
    const before = rest[to] || null;
    if (before) body.querySelector(`[data-id="${before.id}"]`).before(node); else body.append(node);
    grip.focus();
    put(row, before);
  }
  function drag(row, event) {
    event.preventDefault();
    const node = body.querySelector(`[data-id="${row.id}"]`), turn = new AbortController(); // on document: a row that is put elsewhere loses the pointer
    const start = [...body.children].indexOf(node);
    hold(true);
    node.classList.add("is-dragged");
    const over = (moved) => {
      const others = [...body.children].filter((other) => other !== node);
      const next = others.find((other) => { const box = other.getBoundingClientRect(); return moved.clientY < box.top + box.height / 2; });
      if (next) { if (next.previousElementSibling !== node) next.before(node); } else if (body.lastElementChild !== node) body.append(node);
    };
    const end = (last) => {
      turn.abort();
      node.classList.remove("is-dragged");
      hold(false);
      if (last.type === "pointercancel" || [...body.children].indexOf(node) === start) return;
      const after = node.nextElementSibling;
      put(row, after ? rows().find((item) => item.id === after.dataset.id) : null);
    };
    document.addEventListener("pointermove", over, { signal: turn.signal });
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, end, { signal: turn.signal });
  }
  return { move, drag };
}

// --- ended
const STATES = { success: ["is-ok", "done", "Done"], failed: ["is-bad", "fail", "Failed"], killed: ["is-warn", "stop", "Stopped"] };
export function finishedRow(row) {
  let now = row;
  const [look, symbol, word] = STATES[row.state] || STATES.failed;
  const reason = el("span", { class: "t2 sm trunc reason", "data-testid": "reason" });
  const value = el("td", { class: "num" }), hash = el("span", { class: "hash" });
  const isOver = row.state === "success";
  const menu = menuButton(`More about ${row.name}`, () => [
    { label: "Details", symbol: "file", href: runPage(now) },
    { label: "Log", symbol: "term", href: `${runPage(now)}#log` },
    { label: "Run with changes", symbol: "edit", testid: "menu-again", run: () => again(now) },
    ...(isOver ? [{ label: "Apply to the workspace", symbol: "dl", argv: ["exp", "apply", now.name], run: (argv) => apply(now, argv) }] : []),
    ...(isOver || !now.can_resume ? [] : [{ label: `Retry from ${now.failed_stage || "the failed stage"}`, symbol: "redo", argv: ["queue", "retry", "--from-failed", now.word], run: (argv) => act(argv) }]),
    { label: "Copy the command", symbol: "copy", run: () => copy(commandOf(runLine(now))) },
    null,
    { label: isOver ? "Take off this list" : "Remove with its log", symbol: "trash", isDanger: !isOver, testid: "menu-remove", argv: ["queue", "remove", now.word], run: (argv) => (isOver ? act(argv, { done: `${now.name} stays an experiment` }) : removeFailed(now, argv)) },
  ]);
  const node = el("tr", { "data-testid": "finished-row", "data-run": row.name, "data-state": row.state },
    el("td", { class: "c-name" }, el("span", { class: "row" }, el("span", { class: `sw s-${row.series}` }), el("a", { class: "medium plain trunc", href: runPage(row), title: params(row.params) }, row.name), hash)),
    el("td", { class: "c-state" }, el("span", { class: "row" }, el("span", { class: `state ${look}` }, icon(symbol), word), reason)),
    value, el("td", { class: "num t2" }, duration(row.elapsed_s)), el("td", { class: "num t3 hide-md", title: moment(row.ended) }, clock(row.ended)),
    el("td", { class: "num c-acts" }, el("span", { class: "row acts" }, isOver ? null : retryButton(row), menu)));
  const update = (next) => {
    now = next;
    say(hash, (next.commit || next.id).slice(0, 7));
    say(reason, shortCause(next.reason));
    reason.title = next.reason;
    redraw(value, next.value_text, () => [next.value_text]);
    value.title = next.value === null ? "" : String(next.value);
  };
  update(row);
  return { node, update };
}
async function removeFailed(row, argv) {
  if (await decide({ title: `Remove ${row.name}?`, testid: "remove-run", confirm: "Remove", isDanger: true, argv, content: [el("p", {}, "Its log and the record in this list go. This cannot be undone.")] })) await act(argv);
}
async function apply(row, argv) {
  if (await askToApply(row.name, argv)) await act(argv);
}
