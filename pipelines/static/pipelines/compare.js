// Revisions side by side: only the differences, the lines of a file, and other revisions in place. Lines are text nodes.
import { el, getJSON, localTimes, onChange, problemCard, ready, showCommand } from "../launcher/frame.js";
import { showCurves } from "./comparecurves.js";

const byId = (id) => document.getElementById(id);
const revisions = () => byId("page-data").dataset.revs.split(",").filter(Boolean);
const isOnly = () => !new URLSearchParams(location.search).has("all");
const folded = new Set(), chosenFolds = new Set(); // classes of sections; those that somebody folded or unfolded
const LONG = 8; // packages: what more of them differ stays folded, for it hides code and curves

function setOnly(on) {
  const url = new URL(location.href);
  if (on) url.searchParams.delete("all"); else url.searchParams.set("all", "1");
  history.replaceState(null, "", url.pathname + url.search);
  showOnly();
}

function showOnly() {
  const table = byId("comparison"), only = byId("only");
  if (!table) return;
  table.dataset.only = isOnly() ? "1" : "";
  only.setAttribute("aria-checked", String(isOnly()));
  only.querySelector(".toggle").classList.toggle("is-on", isOnly());
  const environment = [...table.tBodies].find((section) => section.dataset.testid === "section-environment");
  if (environment && !chosenFolds.has(environment.className)) folded[environment.querySelectorAll("tr:not(.sec, .same, .none-differ)").length > LONG ? "add" : "delete"](environment.className);
  for (const section of table.tBodies) {
    const isFolded = folded.has(section.className);
    section.toggleAttribute("data-folded", isFolded);
    section.querySelector("[data-fold]")?.setAttribute("aria-expanded", String(!isFolded));
  }
}

let shownFrom = null; // the button of the lines that are shown
function closeCode() { byId("code").hidden = true; if (shownFrom?.isConnected) shownFrom.focus(); }

async function showCode(button) {
  const { path, column } = button.dataset;
  shownFrom = button;
  const heads = revisions();
  const query = new URLSearchParams({ a: heads[0], b: heads[Number(column)], path });
  byId("code").hidden = false;
  byId("code-title").textContent = `${path}  ${heads[0]} → ${heads[Number(column)]}`;
  byId("code-lines").replaceChildren(el("span", { class: "t3" }, "Reading…"));
  try {
    const answer = await getJSON(`${byId("page-data").dataset.diff}?${query}`);
    const kinds = { "+": "add", "-": "del", "@": "at", " ": "" };
    byId("code-lines").replaceChildren(...answer.lines.map(([kind, text]) => el("div", { class: kinds[kind] || "" }, `${kind === "@" ? "" : kind}${text}`)),
      ...(answer.is_cut ? [el("div", { class: "t3" }, "The rest is not shown.")] : []), ...(answer.lines.length ? [] : [el("div", { class: "t3" }, "No line differs.")]));
  } catch (error) { byId("code-lines").replaceChildren(problemCard({ where: path, reason: error.message })); }
  byId("code").scrollIntoView({ block: "nearest" });
  byId("code-lines").focus({ preventScroll: true });
}

// --- other revisions, without leaving the page
let asked = 0;
/** Show what an address shows. isBack: the browser went there already. */
async function swap(address, isBack = false) {
  const mine = ++asked;
  const url = new URL(address, location.href);
  if (!isBack && !isOnly()) url.searchParams.set("all", "1");
  const scroll = document.querySelector("#comparing .scroll");
  const at = scroll ? [scroll.scrollLeft, scroll.scrollTop] : [0, 0];
  let text;
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, cache: "no-store" });
    text = answer.ok ? await answer.text() : null;
  } catch { text = null; }
  if (mine !== asked) return;
  const there = text && new DOMParser().parseFromString(text, "text/html"), fresh = there && there.getElementById("comparing");
  if (!fresh) { location.href = url; return; } // the page there says what is wrong
  if (!isBack) history.pushState(null, "", url.pathname + url.search);
  showCommand(there.querySelector('[data-testid="command"]').textContent);
  const focused = focusIn(byId("comparing"));
  byId("comparing").replaceWith(document.adoptNode(fresh));
  start();
  const box = document.querySelector("#comparing .scroll");
  if (box) [box.scrollLeft, box.scrollTop] = at;
  focused?.(byId("comparing")).focus({ preventScroll: true });
}

/** If the focus is in a part: a function that finds its place in a newer one. It follows a revision that was moved. */
function focusIn(part) {
  const node = document.activeElement;
  if (!part.contains(node)) return null;
  const alike = (within) => [...within.querySelectorAll(`[data-testid="${node.dataset.testid}"]`)], label = node.getAttribute("aria-label"), at = alike(part).indexOf(node);
  return (fresh) => { const found = alike(fresh); return found.find((one) => label && one.getAttribute("aria-label") === label) ?? found[Math.min(at, found.length - 1)] ?? fresh.querySelector("a, button"); };
}

const addressOf = (names) => `?${new URLSearchParams({ revs: names.join(",") })}`;

async function fillNames() {
  const found = await getJSON(byId("page-data").dataset.names).catch(() => ({ revisions: [] }));
  const there = new Set(revisions());
  byId("add-names").replaceChildren(...found.revisions.filter((one) => !there.has(one.name)).slice(0, 1000).map((one) => el("option", { value: one.name }, `${one.kind} ${one.subject || ""}`.trim())));
}

function start() {
  showOnly();
  localTimes(byId("comparing"));
  byId("adder").addEventListener("toggle", () => { if (byId("adder").open) { byId("add-name").focus(); fillNames(); } });
  byId("add-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("add-name").value.trim();
    if (!name) return;
    byId("adder").querySelector("summary").focus();
    swap(addressOf([...revisions().filter((one) => one !== name), name]));
  });
  showCurves();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-swap]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); swap(link.getAttribute("href")); return; }
  const button = event.target.closest("#comparison [data-path]");
  if (button) showCode(button);
  else if (event.target.closest("#only")) setOnly(!isOnly());
  else if (event.target.closest("#code-close")) closeCode();
  const fold = event.target.closest("[data-fold]");
  if (fold) { const name = fold.closest("tbody").className; chosenFolds.add(name); if (!folded.delete(name)) folded.add(name); showOnly(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  if (event.key === "o") setOnly(!isOnly());
  if (event.key === "Escape" && byId("code")?.hidden === false) closeCode();
  if (event.key === "a") { event.preventDefault(); byId("adder").open = true; }
});
addEventListener("popstate", () => swap(location.href, true));
onChange(() => { if (revisions().includes("workspace")) swap(location.href, true); });
start();
ready();
