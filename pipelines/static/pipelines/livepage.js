// Pages drawn by the server that follow the repository: parts marked data-live are replaced by newer ones.
import { localTimes, onChange } from "../launcher/frame.js";

const AGO_MS = 10000;

/** Rewrite `3 min ago` from the times beside them; the reader's zone on hover. */
export function showAges(within = document) {
  const now = Date.now();
  for (const node of within.querySelectorAll("[data-at]")) {
    const at = new Date(node.dataset.at);
    const age = (now - at) / 1000;
    if (Number.isNaN(age)) continue;
    if (age >= -5 && age < 86400) node.textContent = age >= 3600 ? `${Math.floor(age / 3600)} h ago` : age >= 60 ? `${Math.floor(age / 60)} min ago` : `${Math.max(0, Math.floor(age))} s ago`;
    node.title = at.toLocaleString();
  }
}

/** The server's own page, parsed but not shown: it escaped what repositories say, and scripts in it do not run. */
async function freshPage() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

/** Replace what differs. Scroll positions stay: only the parts' contents change. after: called when something did. */
export async function refresh(after) {
  let fresh = null;
  try { fresh = await freshPage(); } catch { return; } // the live mark says that nobody answers
  if (!fresh) return;
  let changed = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!next || strip(next) === strip(part)) continue;
    const top = part.scrollTop, open = [...part.querySelectorAll("details")].map((node) => node.open), focus = focusPath(part);
    part.replaceChildren(...next.childNodes);
    for (const name of ["data-state", "class"]) if (next.hasAttribute(name)) part.setAttribute(name, next.getAttribute(name));
    [...part.querySelectorAll("details")].forEach((node, index) => { node.open = Boolean(open[index]); });
    part.scrollTop = top;
    if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
    localTimes(part);
    changed = true;
  }
  showAges();
  if (changed && after) after();
}
/** What a part says, without what showAges rewrites: only a real difference replaces it, so that marked text stays marked. */
function strip(node) {
  const copy = node.cloneNode(true);
  for (const age of copy.querySelectorAll("[data-at]")) age.textContent = age.dataset.at;
  return copy.textContent.replace(/\s+/g, " ") + [...copy.querySelectorAll("rect")].map((rect) => rect.getAttribute("width")).join();
}
function focusPath(part) {
  const link = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
  return link ? `a[href="${CSS.escape(link)}"]` : "";
}

/** Follow the repository: refresh when files changed or an action ended, and every `everyMs` while isOn() says that something runs. */
export function follow(isOn, after, everyMs = 2000) {
  showAges();
  setInterval(showAges, AGO_MS);
  let busy = false;
  const once = async () => { if (busy) return; busy = true; try { await refresh(after); } finally { busy = false; } };
  onChange(once);
  document.addEventListener("dataver:acted", once);
  setInterval(() => { if (isOn() && !document.hidden) once(); }, everyMs);
}
