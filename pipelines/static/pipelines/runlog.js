// The log on the page of a run: read in parts from its end, followed until one scrolls up.
import { el, formatSize, getJSON, onChange, problemCard } from "../launcher/frame.js";
import { logNodes } from "./logtext.js";

const POLL_MS = 1000;
const PART_BYTES = 65536;
const PARTS_SHOWN = 64; // in the page at once; older ones are let go and can be loaded again
const NEAR_END = 24; // pixels
const body = document.body;
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const box = find("log"), choice = find("log-stage"), info = document.querySelector("[data-log-info]"), followButton = find("follow"), download = find("log-download"), toEndButton = find("to-end");
const WHOLE = "*"; // the log of the whole run, which only those of the queue have
const whole = () => document.getElementById("log").dataset.whole;

let shown = null; // {stage, start, end, size, over, style}
let isFollowing = true;
let advances = document.querySelector('[data-live="state"]').dataset.state === "running"; // opened while it ran
let turn = 0; // a slow answer for a log that is not shown any more is dropped

const isRunning = () => document.querySelector('[data-live="state"]').dataset.state === "running";
const loggedStages = () => [...document.querySelectorAll("tr[data-has-log]")].map((row) => row.dataset.stage);
const choices = () => [...(whole() ? [WHOLE] : []), ...loggedStages()];
const address = ({ stage, ...query }) => (stage === WHOLE ? `${whole()}?${new URLSearchParams(query)}` : `${body.dataset.log}?${new URLSearchParams({ stage, ...query })}`);

function fillChoice() {
  const names = choices();
  if (names.join("\0") !== [...choice.options].map((option) => option.value).join("\0")) choice.replaceChildren(...names.map((name) => el("option", { value: name }, name === WHOLE ? "Whole run" : name)));
  choice.hidden = names.length === 0;
  choice.value = shown ? shown.stage : "";
  for (const row of document.querySelectorAll("tr[data-stage]")) row.classList.toggle("is-shown", Boolean(shown) && row.dataset.stage === shown.stage);
}

function tell() {
  info.textContent = shown && shown.size ? `${formatSize(shown.size)}${shown.start > 0 ? `, shown from ${formatSize(shown.start)} on` : ""}${shown.over ? "" : ", goes on"}` : "";
  followButton.hidden = !shown || shown.over;
  followButton.setAttribute("aria-pressed", String(isFollowing));
  toEndButton.hidden = !shown || isFollowing || isAtEnd();
  download.hidden = !shown || shown.stage === WHOLE;
  if (shown) download.href = `${body.dataset.logFile}?${new URLSearchParams({ stage: shown.stage })}`;
}

const earlier = el("button", { type: "button", class: "btn earlier", "data-testid": "earlier", onclick: loadEarlier }, "Load earlier");
const part = (answer, style) => {
  const node = el("div", { class: "part" }, ...logNodes(answer.text, style));
  Object.assign(node.dataset, { start: answer.start, end: answer.end });
  return node;
};
const parts = () => box.querySelectorAll(".part");
function toEnd() { box.scrollTop = box.scrollHeight; }
const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;

async function show(stage) {
  turn += 1;
  const mine = turn;
  shown = stage ? { stage, start: 0, end: 0, size: 0, over: false, style: {} } : null;
  isFollowing = true;
  fillChoice();
  if (!shown) { box.replaceChildren(el("div", { class: "quiet" }, isRunning() ? "Nothing was written yet." : document.querySelector('[data-live="state"]').dataset.state === "waiting" ? "It waits for a worker." : "No stage of this run ran a command.")); tell(); return; }
  try {
    const answer = await getJSON(address({ stage, limit: PART_BYTES }));
    if (mine !== turn) return;
    Object.assign(shown, { start: answer.start, end: answer.end, size: answer.size, over: answer.over });
    box.replaceChildren(...(answer.start > 0 ? [earlier] : []), ...(answer.size ? [part(answer, shown.style)] : [el("div", { class: "quiet" }, answer.over ? "This stage wrote nothing." : "Nothing was written yet.")]));
    toEnd();
  } catch (error) { if (mine === turn) box.replaceChildren(problemCard({ where: stage, reason: error.message })); }
  tell();
}

async function loadEarlier() {
  const mine = turn;
  earlier.disabled = true;
  try {
    const answer = await getJSON(address({ stage: shown.stage, before: shown.start, limit: PART_BYTES }));
    if (mine !== turn) return;
    const height = box.scrollHeight, top = box.scrollTop;
    shown.start = answer.start;
    earlier.after(part(answer, {}));
    if (answer.start === 0) earlier.remove();
    isFollowing = false;
    box.scrollTop = top + box.scrollHeight - height;
  } catch (error) { earlier.before(problemCard({ reason: error.message })); } finally { earlier.disabled = false; }
  tell();
}

async function loadLater() {
  if (!shown || shown.over) return;
  const mine = turn;
  for (let again = true; again;) {
    const answer = await getJSON(address({ stage: shown.stage, offset: shown.end, limit: PART_BYTES }));
    if (mine !== turn) return;
    shown.size = answer.size;
    shown.over = answer.over;
    if (answer.text) {
      for (const quiet of box.querySelectorAll(".quiet")) quiet.remove();
      box.append(part(answer, shown.style));
      shown.end = answer.end;
      while (isFollowing && parts().length > PARTS_SHOWN) {
        parts()[0].remove();
        shown.start = Number(parts()[0].dataset.start);
        box.prepend(earlier);
      }
    }
    if (isFollowing) toEnd();
    again = Boolean(answer.text) && !answer.over && answer.end < answer.size;
  }
  tell();
}

/** Follow the run to its next stage, unless the reader chose a stage or scrolled up. */
function advance() {
  const names = choices();
  if (!shown) { if (names.length) show(names[0]); return; }
  const next = names[names.indexOf(shown.stage) + 1];
  if (advances && isFollowing && shown.over && next) show(next);
}

let lastTop = 0;
box.addEventListener("scroll", () => {
  const up = box.scrollTop < lastTop - 1;
  lastTop = box.scrollTop;
  const before = isFollowing;
  if (up && !isAtEnd()) isFollowing = false; else if (isAtEnd()) isFollowing = true;
  if (before !== isFollowing || toEndButton.hidden !== (isFollowing || isAtEnd())) tell();
});
toEndButton.addEventListener("click", () => { isFollowing = true; toEnd(); tell(); box.focus({ preventScroll: true }); });
followButton.addEventListener("click", () => { isFollowing = !isFollowing; if (isFollowing) toEnd(); tell(); });
choice.addEventListener("change", () => choose(choice.value));
function choose(stage) {
  advances = false;
  history.replaceState(null, "", `#log=${encodeURIComponent(stage)}`);
  return show(stage);
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-show-log]");
  if (!link) return;
  event.preventDefault();
  choose(link.dataset.showLog);
  document.getElementById("log").scrollIntoView({ block: "nearest" });
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { j: 1, k: -1 }[event.key];
  if (event.key === "End") { isFollowing = true; toEnd(); tell(); event.preventDefault(); }
  const names = choices();
  if (!step || !names.length) return;
  choose(names[Math.min(Math.max(names.indexOf(shown ? shown.stage : "") + step, 0), names.length - 1)]);
});

function wanted() {
  const name = location.hash.startsWith("#log=") ? decodeURIComponent(location.hash.slice(5)) : "";
  if (choices().includes(name)) return name;
  return isRunning() && whole() ? WHOLE : choices().includes(body.dataset.shown) ? body.dataset.shown : choices()[0] || "";
}
addEventListener("hashchange", () => { if (location.hash.startsWith("#log=")) show(wanted()); });

async function poll() {
  try { await loadLater(); advance(); } catch { /* the live mark says it */ }
  setTimeout(poll, document.hidden ? POLL_MS * 5 : POLL_MS);
}

/** Called when parts of the page were replaced: stages may be new. */
export function stagesChanged() { fillChoice(); advance(); }
/** Show the log for the first time, and follow it from then on. */
export async function startLog() {
  onChange(() => loadLater().catch(() => {}));
  await show(wanted());
  poll();
}
