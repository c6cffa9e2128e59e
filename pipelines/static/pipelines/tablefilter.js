// The query: typed, or put together from a column, an operator and a value; its conditions as chips. The server finds the rows, as `exp show --filter` does.
import { commandOf } from "../launcher/actions.js";
import { el, icon, showCommand } from "../launcher/frame.js";
import { table } from "./tabledata.js";
import { grouped } from "./tablenumbers.js";
import { view } from "./tableview.js";

const WAIT_MS = 150;
const AGAIN_MS = 300;
const byId = (id) => document.getElementById(id);
let url = "", redraw = () => {};
let timer = 0, number = 0;

export function startFilter(address, given) {
  url = address;
  redraw = given;
  const box = byId("search");
  box.value = view.q;
  box.addEventListener("input", () => search(box.value));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") search(box.value, 0);
    if (event.key === "Escape") { event.stopPropagation(); if (box.value) setQuery(""); else byId("table").focus({ preventScroll: true }); }
  });
  byId("filter-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("filter-column").value.trim(), value = byId("filter-value").value.trim(), operator = byId("filter-operator").value;
    if (!name || !value) return;
    const word = (text) => (/^[^\s()<>=!~"']+$/.test(text) ? text : text.includes('"') ? `'${text}'` : `"${text}"`);
    setQuery([...(view.q ? [view.q] : []), operator === ":" ? `${name}:${word(value)}` : `${word(name)}${operator}${word(value)}`].join(" and "));
    byId("filter").open = false;
    byId("filter-value").value = "";
  });
  byId("filter").addEventListener("toggle", () => {
    if (!byId("filter").open) return;
    byId("filter-columns").replaceChildren(...["state", "tag", "branch", "author", "name", "created", ...table.columns.filter((column) => column.kind !== "meta").map((column) => (column.id.startsWith("curve:") ? `${column.key}.${column.file.slice(column.file.lastIndexOf(":") + 1)}` : `${column.kind}.${column.key || column.file}`))].map((name) => el("option", { value: name })));
    byId("filter-column").focus();
  });
  byId("filter-column").addEventListener("input", () => { if (["state", "tag", "branch", "author", "name"].includes(byId("filter-column").value)) byId("filter-operator").value = ":"; });
}

export function setQuery(text) {
  byId("search").value = text;
  search(text, 0);
}

export function search(text, wait = WAIT_MS) {
  clearTimeout(timer);
  timer = setTimeout(() => applySearch(text), wait);
}

/** Ask which rows a query finds. keepsPlace: asked by itself, because the table changed. */
export async function applySearch(text, keepsPlace = false) {
  const query = text.trim();
  const mine = ++number;
  if (!query) { const had = table.matches; view.q = ""; table.matches = null; showError(null); tellCommand(); redraw({ isQuery: true, keepsPlace: keepsPlace && !had }); return; }
  const branch = new URLSearchParams(location.search).get("branch");
  const answer = await fetch(`${url}?${new URLSearchParams([["q", query], ...(branch ? [["branch", branch]] : []), ...view.curves.map((text) => ["curve", text])])}`, { cache: "no-store", headers: { Accept: "application/json" } }).catch(() => null);
  const value = answer ? await answer.json().catch(() => null) : null;
  if (mine !== number) return; // a newer one is under way
  if (!value) { showError({ msg: "The server does not answer." }); return; }
  if (value.error) { showError(value.error, text); return; } // the old rows stay
  showError(null);
  view.q = query;
  table.matches = new Set(value.rows);
  tellCommand();
  redraw({ isQuery: true, keepsPlace });
  if (value.waiting) setTimeout(() => { if (mine === number) applySearch(query, true); }, AGAIN_MS); // curves are read bit by bit
}

function tellCommand() { showCommand(commandOf(["exp", "show", "--all-commits", ...(view.q ? [`--filter=${view.q}`] : [])])); }

function showError(error, text = "") {
  const box = byId("search-error");
  box.hidden = !error;
  byId("search").setAttribute("aria-invalid", String(Boolean(error)));
  if (!error) { box.replaceChildren(); return; }
  const at = error.position;
  const lead = text.length - text.trimStart().length;
  const parts = at === undefined ? [] : [el("code", {}, text.slice(0, at + lead), el("mark", {}, text.slice(at + lead, at + lead + 1) || "\u00a0"), text.slice(at + lead + 1))];
  box.replaceChildren(icon("warn"), ...parts, el("span", {}, `${error.msg}${at === undefined ? "" : ` (character ${at + 1})`}. ${error.hint || ""}`));
}

/** Conditions that stand side by side; one part where `or` or brackets make them depend on each other. */
export function conditions(query) {
  const tokens = query.match(/"[^"]*"|'[^']*'|\S+/g) || [];
  if (tokens.some((token) => /^(or|not)$/i.test(token) || /[()]/.test(token.replace(/"[^"]*"|'[^']*'/g, "")))) return [query];
  return query.split(/\s+and\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/i);
}

export function chips() {
  const made = [];
  const chip = (text, title, undo) => el("span", { class: "chip", title, "data-testid": "chip" }, el("span", { class: "trunc" }, text), el("button", { type: "button", "aria-label": `Remove: ${text}`, onclick: undo }, icon("x")));
  if (table.matches) {
    const parts = conditions(view.q);
    for (const [at, part] of parts.entries()) made.push(chip(part, "Take this condition away", () => setQuery(parts.filter((_, other) => other !== at).join(" and "))));
    const hidden = table.data.rows.id.length - table.rows.length - (table.data.rows.id[0] === "workspace" ? 1 : 0);
    made.push(el("span", { class: "t3 nowrap", "data-testid": "hidden-rows" }, `${grouped(hidden)} hidden`));
  }
  if (view.sort.length) made.push(chip(`sorted by ${view.sort.map((item) => (table.byId.get(item.id)?.label ?? item.id)).join(", ")}`, "Remove to see branches again", () => { view.sort = []; redraw(); }));
  return made;
}
