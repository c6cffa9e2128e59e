// The frame of every page: theme, menus, palette, shortcuts, live mark. Pages import what they need from here.

const POLL_MS = Number(document.body.dataset.poll) || 700; // a change shows within a second
const GIVE_UP_MS = 2500; // of one request; offline shows within 5 s
const FAILED_TO_END = 2; // requests without an answer, before the server is taken to have ended
const SEND_MS = 400; // after the last change of a choice
const UPDATING_MS = 1500; // after a change, in which what pages ask counts as updating
const PALETTE_SHOWN = 60;
const GO_MS = 1200; // between `g` and the letter
const body = document.body;
const byId = (id) => document.getElementById(id);
const test = (id) => document.querySelector(`[data-testid="${id}"]`);

// --- for pages
/** Say that the first data is shown. Pages whose body has data-waits call it; for others the frame does. */
export function ready() { body.dataset.ready = "1"; }

/** JSON of an address. Throws an Error whose message is fit to show. */
export async function getJSON(url, { timeout = 30000 } = {}) {
  const ended = follows(url);
  try { return await ask(url, timeout); } finally { ended(); }
}
async function ask(url, timeout) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(timeout) });
  } catch (error) {
    throw new Error("The server does not answer. Run `dataver ui` again.", { cause: error });
  }
  const value = await response.json().catch(() => ({ error: { type: "NotJSON", msg: `the answer (${response.status}) is no JSON` } }));
  if (!response.ok) throw Object.assign(new Error(value.error ? value.error.msg : `the server answered ${response.status}`), { status: response.status, type: value.error && value.error.type });
  return value;
}

/** POST JSON to an address; returns the answer's JSON (null for 204). Throws as getJSON does. */
export async function postJSON(url, value = {}) {
  let response;
  try {
    response = await fetch(url, { method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": body.dataset.csrf }, body: JSON.stringify(value) });
  } catch (error) {
    throw new Error("The server does not answer. Run `dataver ui` again.", { cause: error });
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({ error: { type: "NotJSON", msg: `the answer (${response.status}) is no JSON` } }));
  if (!response.ok) throw Object.assign(new Error(answer.error ? answer.error.msg : `the server answered ${response.status}`), { status: response.status, type: answer.error && answer.error.type });
  return answer;
}

/** An element: el("span", {class: "t3", title: "x"}, "text", child). Text is text, never HTML. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A symbol of icons.svg. */
export function icon(name, classes = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `i ${classes}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${body.dataset.icons}#i-${name}`);
  svg.append(use);
  return svg;
}

/** Nodes of a text in which `words` are code. */
export function coded(text) { return String(text).split("`").map((part, at, all) => (at % 2 && at < all.length - 1 ? el("code", {}, part) : at % 2 ? `\`${part}` : part)); }

const REASON_LINES = 8; // what has more is unfolded; YAML errors have seven
/** An error card, as launcher/problem.html draws it. problem: {where, reason, hint}. */
export function problemCard({ where = "", reason, hint = "", href = "" }) {
  const lines = String(reason).trimEnd().split("\n"), isLong = lines.length > REASON_LINES;
  return el("div", { class: "card problem", role: "alert", "data-testid": "problem" }, icon("warn"), el("div", { class: "grow" },
    where ? el("div", { class: "mono strong where" }, href ? el("a", { href, "data-testid": "problem-link" }, where) : where) : null, el("div", { class: "reason" }, ...coded(isLong ? lines[0] : reason)),
    isLong ? el("details", { class: "more-lines" }, el("summary", { class: "sm" }, `${lines.length - 1} more lines`), el("div", { class: "reason" }, lines.slice(1).join("\n").trim())) : null, hint ? el("div", { class: "t2 sm" }, ...coded(hint)) : null));
}

/** What the strip calls the same on the command line. */
export function showCommand(command) { Object.assign(test("command"), { textContent: command, title: command }); test("copy-command").dataset.copy = command; }

/** At most five significant digits and a real minus sign, as the `number` filter of templates. */
export function formatNumber(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "" : String(value);
  const text = Number.isInteger(value) && Math.abs(value) < 100000 ? String(value) : String(Number(value.toPrecision(5)));
  return text.replace(/^-/, "\u2212");
}

/** 18.4 MB, as the `size` filter of templates. */
export function formatSize(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes, at = 0;
  while (value >= 999.5 && at < units.length - 1) { value /= 1000; at += 1; }
  return at === 0 ? `${value} B` : `${Number(value.toPrecision(3))} ${units[at]}`;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission: the old way
    const area = el("textarea", { readonly: true, class: "vh" });
    area.value = text;
    body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// What the reader chose for this repository. The server keeps it, because a browser forgets it with the port; this
// browser keeps it, too, so that a page opened at once after a choice has it.
const kept = JSON.parse(byId("choices").textContent);
const unsent = new Map();
let sending = null;
const localName = (name) => `choice:${body.dataset.repository}:${name}`;
/** What was chosen under a name, else `otherwise`. */
export function chosen(name, otherwise) {
  try { return JSON.parse(localStorage.getItem(localName(name))) ?? kept[name] ?? otherwise; } catch { return kept[name] ?? otherwise; }
}
/** Keep a choice: any JSON; null to forget it. */
export function keep(name, value) {
  if (JSON.stringify(chosen(name, null)) === JSON.stringify(value)) return;
  kept[name] = value;
  try { if (value === null) localStorage.removeItem(localName(name)); else localStorage.setItem(localName(name), JSON.stringify(value)); } catch { /* the server keeps it */ }
  unsent.set(name, value);
  clearTimeout(sending);
  sending = setTimeout(sendChoices, SEND_MS);
}
function sendChoices() {
  for (const [name, value] of unsent) {
    fetch(body.dataset.choices, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json", "X-CSRFToken": body.dataset.csrf }, body: JSON.stringify({ name, value }) }).catch(() => {});
  }
  unsent.clear();
}
addEventListener("pagehide", sendChoices);

/** Run `change` whenever files of the repository have changed. Also an event on document: dataver:changed. */
export function onChange(change) { document.addEventListener("dataver:changed", (event) => change(event.detail)); }

// --- theme: system -> light -> dark -> system
const themeButton = test("theme");
function showTheme() {
  const name = document.documentElement.dataset.theme || "system";
  themeButton.title = `Theme: ${name}`;
  themeButton.setAttribute("aria-label", `Theme: ${name}`);
}
export function nextTheme() {
  const root = document.documentElement;
  const next = { "": "light", light: "dark", dark: "" }[root.dataset.theme || ""];
  if (next) root.dataset.theme = next; else delete root.dataset.theme;
  try { if (next) localStorage.setItem("theme", next); else localStorage.removeItem("theme"); } catch { /* lasts for this page only */ }
  showTheme();
  document.dispatchEvent(new CustomEvent("dataver:theme", { detail: isDark() ? "dark" : "light" }));
}
/** Is the page dark now? Charts ask, and listen to dataver:theme on document. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
themeButton.addEventListener("click", nextTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("dataver:theme", { detail: isDark() ? "dark" : "light" })));
showTheme();

// --- times in the reader's zone
export function localTimes(within = document) {
  const now = new Date();
  for (const node of within.querySelectorAll("time[datetime]")) {
    const at = new Date(node.getAttribute("datetime"));
    if (Number.isNaN(at.getTime())) continue;
    node.textContent = at.toDateString() === now.toDateString() ? at.toTimeString().slice(0, 5)
      : `${at.getDate()} ${at.toLocaleString("en", { month: "short" })}${at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`}`;
    node.title = at.toLocaleString();
  }
}
localTimes();

// --- menus
const menus = () => document.querySelectorAll("details[data-menu]");
document.addEventListener("click", (event) => { for (const menu of menus()) if (menu.open && !event.composedPath().includes(menu)) menu.open = false; }); // the path: what was clicked may be drawn anew by now
document.addEventListener("focusin", ({ target }) => { for (const menu of menus()) if (menu.open && !menu.contains(target) && !target.closest("dialog, [role=menu]")) menu.open = false; }); // Tab went on
function closeMenus() {
  let closed = false;
  for (const menu of menus()) if (menu.open) { menu.open = false; menu.querySelector("summary").focus(); closed = true; }
  return closed;
}
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest("details[data-menu][open]");
  if (!menu || (event.key !== "ArrowDown" && event.key !== "ArrowUp") || event.target.matches("input, select, textarea")) return;
  const items = [...menu.querySelectorAll(".menu-i")].filter((item) => item.checkVisibility());
  const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (!items.length) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // nor rows or nodes of the page
  items[(at + items.length) % items.length].focus();
});
const branches = document.querySelector("[data-branches]");
if (branches) branches.addEventListener("toggle", async () => {
  const list = branches.querySelector("[data-list]");
  if (!branches.open) return;
  try {
    const found = await getJSON(branches.dataset.branches);
    list.replaceChildren(...found.branches.map((branch) => {
      const target = new URL(location.href);
      if (branch.is_head) target.searchParams.delete("branch"); else target.searchParams.set("branch", branch.name);
      const shown = branches.querySelector("[data-current-branch]").textContent === branch.name;
      return el("a", { class: "menu-i", href: target.pathname + target.search, "aria-current": shown ? "true" : null, "data-testid": "branch" },
        icon("branch"), el("span", { class: "trunc" }, branch.name), el("span", { class: "end t3 sm" }, branch.is_head ? "workspace" : ""));
    }));
  } catch (error) { list.replaceChildren(problemCard({ reason: error.message })); }
});

// --- dialogs and palette
const palette = byId("palette-dialog");
const paletteInput = test("palette-input");
const paletteList = byId("palette-list");
for (const opener of document.querySelectorAll("[data-open]")) opener.addEventListener("click", () => openDialog(opener.dataset.open));
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
function openDialog(id) {
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  closeMenus();
  const dialog = byId(id);
  dialog.showModal();
  if (dialog.querySelector(".dialog-head :focus")) dialog.querySelector("input:not([type=hidden], [type=checkbox])")?.focus();
  if (id === palette.id) { paletteInput.value = ""; filledFor = null; fillPalette(); paletteInput.focus(); fillNames(); }
}
let filledFor = "";
function paletteEntries() {
  const links = [...document.querySelectorAll(".rail [data-palette]"), ...document.querySelectorAll(":not(.rail) > [data-palette]")].map((node) => ({ label: node.dataset.palette, icon: node.tagName === "A" ? "arrow-r" : "zap", run: () => node.click() }));
  const buttons = [...document.querySelectorAll(".pagehead .btn, [data-action]")].filter((node) => node.offsetParent && !node.disabled).map((node) => ({ label: (node.getAttribute("aria-label") || node.textContent).replace(/\s+/g, " ").trim(), icon: "zap", run: () => node.click() })).filter((entry) => entry.label);
  return [...links, ...buttons,
    { label: "Theme: next", icon: "sun", run: nextTheme },
    { label: "Keyboard shortcuts", icon: "help", run: () => openDialog("help-dialog") }];
}
let found = [], at = 0, names = [];
/** Experiments and stages, asked for each time the palette opens; there when something is typed. */
async function fillNames() {
  if (!body.dataset.repository) return;
  try { names = (await getJSON(`/r/${body.dataset.repository}/palette.json`)).names.map(({ kind, name, href }) => ({ label: `${kind} ${name}`, icon: kind === "Stage" ? "dag" : "commit", run: () => location.assign(href) })); } catch { names = []; }
  if (palette.open && paletteInput.value) fillPalette();
}
function fillPalette() {
  const words = paletteInput.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (entry) => words.every((word) => entry.label.toLowerCase().includes(word));
  const before = found[at]?.label;
  found = [...paletteEntries(), ...(words.length ? names : [])].filter(fits).slice(0, PALETTE_SHOWN);
  at = Math.max(0, document.activeElement === paletteInput && paletteInput.value === filledFor ? found.findIndex((entry) => entry.label === before) : 0);
  filledFor = paletteInput.value;
  paletteList.replaceChildren(...found.map((entry, index) => el("div", { class: "menu-i", role: "option", id: `palette-${index}`, onclick: () => choose(index) }, icon(entry.icon), el("span", {}, entry.label))));
  document.querySelector(".palette-none").hidden = found.length > 0;
  markPalette();
}
function markPalette() {
  [...paletteList.children].forEach((node, index) => node.setAttribute("aria-selected", String(index === at)));
  if (found.length) paletteInput.setAttribute("aria-activedescendant", `palette-${at}`); else paletteInput.removeAttribute("aria-activedescendant");
  if (paletteList.children[at]) paletteList.children[at].scrollIntoView({ block: "nearest" });
}
function choose(index) { const entry = found[index]; palette.close(); if (entry) entry.run(); }
paletteInput.addEventListener("input", fillPalette);
paletteInput.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); choose(at); }
  else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
    event.preventDefault();
    at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
    markPalette();
  }
});

// --- keyboard
let goSince = 0;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") { event.preventDefault(); openDialog(palette.id); return; }
  if (event.key === "Escape" && closeMenus()) { event.stopPropagation(); return; }
  if (document.querySelector("dialog:modal") && !event.target.closest("dialog:modal")) { event.stopImmediatePropagation(); return; } // nothing behind a dialog hears keys
  const typing = event.target.closest && event.target.closest("input, textarea, select, [contenteditable], dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (goSince && Date.now() - goSince < GO_MS) {
    goSince = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); event.stopImmediatePropagation(); link.click(); }
  } else if (event.key === "g") goSince = Date.now();
  else if (event.key === "?") { event.preventDefault(); openDialog("help-dialog"); }
  else if (event.key === "/") {
    event.preventDefault();
    const search = document.querySelector("[data-search]");
    if (search) search.focus(); else openDialog(palette.id);
  }
}, true);

// --- copying
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  const word = button.querySelector("[data-copied]");
  if (word) { word.hidden = false; setTimeout(() => { word.hidden = true; }, 1500); }
});

// --- live mark
const live = test("live");
const running = test("running");
const LIVE = "Live: the page follows the repository";
const SLOW_MS = 150; // what is answered sooner is no news
let revision = null;
let failures = 0;
/** A strip that says how to go on; what the page shows stays. */
function showEnded(isEnded) {
  let strip = test("server-ended");
  if (strip) strip.hidden = !isEnded;
  if (strip || !isEnded) return;
  const command = `dataver ui --port ${location.port}`;
  strip = el("div", { class: "note note-warn ended", role: "status", "data-testid": "server-ended" }, icon("warn"),
    el("span", { class: "grow" }, "The server has ended. What is shown stays. To go on, run this in the project's folder: this page follows by itself."),
    el("span", { class: "cmd" }, el("code", {}, command), el("button", { type: "button", class: "btn btn-quiet btn-icon copy", "data-copy": command, title: "Copy", "aria-label": `Copy ${command}` }, icon("copy"))));
  byId("main").prepend(strip);
}
function showLive(state, word, title) {
  if (live.title === title) return;
  live.dataset.state = state;
  live.title = title;
  live.querySelector("[data-word]").textContent = word;
}
let changedAt = -Infinity, pending = 0;
/** While a page asks for what has changed, the mark says so. Gives what to call at the end. */
function follows(url) {
  if (String(url).startsWith("/live.json") || performance.now() - changedAt > UPDATING_MS) return () => {};
  pending += 1;
  const slow = setTimeout(() => { if (live.dataset.state === "connected") showLive("updating", "Updating", "Updating: files of the repository changed"); }, SLOW_MS);
  return () => { clearTimeout(slow); pending -= 1; if (pending === 0 && live.dataset.state === "updating") showLive("connected", "Live", LIVE); };
}
async function poll() {
  const query = new URLSearchParams();
  if (body.dataset.repository) query.set("r", body.dataset.repository);
  if (revision !== null) query.set("rev", revision);
  try {
    const answer = await getJSON(`/live.json?${query}`, { timeout: GIVE_UP_MS });
    failures = 0;
    showEnded(false);
    if (answer.gone) { showLive("offline", "Gone", `${answer.gone} What is shown stays.`); setTimeout(poll, POLL_MS); return; }
    const here = document.querySelector('[data-current-branch="head"]');
    if (here && answer.branch) here.textContent = answer.branch;
    if (pending === 0 || live.dataset.state !== "updating") showLive("connected", "Live", LIVE);
    running.hidden = !answer.running && !answer.queued;
    for (const [part, count, text] of [["runs", answer.running, `${answer.running} running`], ["waits", answer.queued, `${answer.queued} queued`]]) {
      const node = running.querySelector(`[data-${part}]`);
      node.hidden = !count;
      node.lastElementChild.textContent = count ? text : "";
    }
    document.dispatchEvent(new CustomEvent("dataver:live", { detail: answer }));
    const changed = revision !== null && revision !== answer.rev;
    revision = answer.rev;
    if (changed) {
      changedAt = performance.now();
      body.dataset.rev = String(Number(body.dataset.rev) + 1);
      document.dispatchEvent(new CustomEvent("dataver:changed", { detail: answer }));
    }
  } catch (error) {
    failures += 1;
    if (error.status === 403 || (error.status === undefined && failures >= FAILED_TO_END)) showEnded(true);
    if (error.status === 403) showLive("offline", "Session over", "The server was started anew. What is shown stays.");
    else if (error.status === undefined) showLive("offline", "Offline", "The server does not answer. What is shown stays; this page goes on when it is back.");
  }
  setTimeout(poll, document.hidden ? POLL_MS * 5 : POLL_MS);
}
poll();

if (!("waits" in body.dataset)) ready();
