// On every page of a project: tells when a run has ended, also when the reader looks elsewhere.
// As an event on document, dataver:finished with {id, name, state, message}, which a window of its own may show natively;
// and as a notification of the browser, where the reader switched that on (choice `notify`) and the browser allows it.
import { chosen, getJSON, keep } from "../launcher/frame.js";

const base = `/r/${document.body.dataset.repository}/`;
const WORDS = { success: "is done", done: "is done", failed: "failed", killed: "was stopped", cancelled: "was cancelled" };
const RUNS = /^dataver (repro|exp run(?! .*--queue))\b/;
const SEEN = `finished:${document.body.dataset.repository}`;
let stamp = null, since = null, busy = false;

export const canNotify = () => "Notification" in window;
export const isOn = () => chosen("notify", false) === true && canNotify() && Notification.permission === "granted";
/** Switch notifications on or off; gives what came of it: "on", "off" or "denied" (by the browser). */
export async function setNotify(wanted) {
  if (!wanted) { keep("notify", false); return "off"; }
  if (!canNotify() || (await Notification.requestPermission()) !== "granted") return "denied";
  keep("notify", true);
  return "on";
}

function tell(run) {
  document.dispatchEvent(new CustomEvent("dataver:finished", { detail: run }));
  if (!isOn() || !isFirst(run.id)) return;
  try {
    const note = new Notification(`${run.name} ${WORDS[run.state] || run.state}`, { body: run.message || document.title, tag: run.id });
    note.onclick = () => { window.focus(); if (run.href) location.assign(run.href); };
  } catch { /* a browser that wants a worker for it */ }
}
/** Of several open pages one tells. */
function isFirst(id) {
  try {
    const seen = JSON.parse(localStorage.getItem(SEEN) || "[]");
    if (seen.includes(id)) return false;
    localStorage.setItem(SEEN, JSON.stringify([...seen, id].slice(-50)));
  } catch { /* private mode: tell twice rather than never */ }
  return true;
}

document.addEventListener("dataver:live", async (event) => {
  const now = event.detail.queue;
  if (now === undefined || now === stamp || busy) return;
  const isFirstLook = stamp === null;
  busy = true;
  try {
    const answer = await getJSON(`${base}queue/ended.json?since=${since ?? "now"}`);
    stamp = now;
    if (!isFirstLook) for (const run of answer.ended) tell({ ...run, href: `${base}runs/${run.id}` });
    since = Math.max(since ?? 0, answer.until, ...answer.ended.map((run) => run.ended));
  } catch { /* the live mark says it */ } finally { busy = false; }
});
// what was started from a page and runs in the workspace is not in the queue
document.addEventListener("dataver:acted", (event) => {
  const item = event.detail;
  if (item && RUNS.test(item.command) && item.seconds > 2) tell({ id: item.id, name: item.command.replace(/^dataver /, ""), state: item.state, message: item.message, href: `${base}runs/last` });
});
