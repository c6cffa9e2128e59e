// The chooser of columns: search, kinds, how many rows have each. Lines are made for what is in sight of the list, so 500 columns are no more work than 20.
import { el } from "../launcher/frame.js";
import { betterOf, isHidden, KIND_NAMES, KINDS, table, takeCurves } from "./tabledata.js";
import { hide, show, turnDirection } from "./tablehead.js";
import { grouped } from "./tablenumbers.js";
import { view } from "./tableview.js";

const LINE = 28;
const AROUND = 4;
const byId = (id) => document.getElementById(id);
let redraw = () => {};
let lines = []; // {kind, found} for a heading, {column} for a column

export function startChooser(given) {
  redraw = given;
  byId("chooser").addEventListener("toggle", () => { if (byId("chooser").open) { fill(); byId("column-search").focus(); } });
  byId("column-search").addEventListener("input", () => { byId("column-list").scrollTop = 0; fill(); });
  byId("column-list").addEventListener("scroll", draw, { passive: true });
  byId("reset-columns").addEventListener("click", () => {
    view.order = []; view.widths = {}; view.pin = []; view.hide.clear(); view.show.clear(); view.curves = [];
    takeCurves();
    redraw({ columns: true });
    fill();
  });
}

/** Make the lines anew: after a search, or when columns came. */
export function fill() {
  if (!byId("chooser").open) return;
  const words = byId("column-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  lines = [];
  for (const kind of KINDS) {
    const found = table.columns.filter((column) => column.kind === kind && words.every((word) => `${column.file}:${column.key} ${column.label} ${KIND_NAMES[kind]}`.toLowerCase().includes(word)));
    if (found.length) lines.push({ kind, found }, ...found.map((column) => ({ column })));
  }
  byId("reset-columns").hidden = !(view.order.length || view.pin.length || view.curves.length || view.hide.size || view.show.size || Object.keys(view.widths).length);
  draw();
}

function draw() {
  const list = byId("column-list");
  let room = list.firstElementChild;
  if (!room || !room.classList.contains("lines")) { room = el("div", { class: "lines" }); list.replaceChildren(room); }
  if (!lines.length) { list.replaceChildren(el("p", { class: "t3 sm pad-s" }, "No column of that name.")); return; }
  room.style.height = `${lines.length * LINE}px`;
  const from = Math.max(0, Math.floor(list.scrollTop / LINE) - AROUND), to = Math.min(lines.length, Math.ceil((list.scrollTop + (list.clientHeight || 500)) / LINE) + AROUND);
  const focused = document.activeElement?.dataset?.line;
  room.replaceChildren(...lines.slice(from, to).map((entry, at) => { const node = entry.kind ? kindLine(entry) : columnLine(entry.column); node.style.top = `${(from + at) * LINE}px`; return node; }));
  if (focused !== undefined) [...room.querySelectorAll("[data-line]")].find((node) => node.dataset.line === focused)?.focus({ preventScroll: true });
}

const isChosen = (column) => !view.hide.has(column.id) && !(column.isOptional && !view.show.has(column.id) && isHidden(column));
const change = (columns, on) => { for (const column of columns) if (on) show(column); else hide(column); redraw({ columns: true }); fill(); };

function kindLine({ kind, found }) {
  const on = found.filter(isChosen).length;
  return line(`kind:${kind}`, KIND_NAMES[kind], on === found.length, on > 0 && on < found.length, () => change(found, on !== found.length), `${on} of ${found.length}`, "strong");
}

function columnLine(column) {
  const node = line(column.id, column.kind === "meta" ? column.label : column.key || column.file, isChosen(column), false, () => change([column], !isChosen(column)), `${grouped(column.count)} of ${grouped(table.data.rows.id.length)}`, "in", column.file);
  if (column.kind === "metrics") node.append(el("button", { type: "button", class: "btn btn-quiet better", title: "Which direction is better", "data-line": `better:${column.id}`, "data-testid": `better-${column.id}`, onclick: () => { turnDirection(column); redraw(); draw(); } }, `${betterOf(column)} is better`));
  return node;
}

function line(id, text, on, some, toggle, end, classes, title = text) {
  const box = el("input", { type: "checkbox", "data-testid": "column", "data-line": id, onchange: toggle });
  box.checked = on;
  box.indeterminate = some;
  return el("div", { class: `column-line ${classes}` }, el("label", { class: "row grow" }, box, el("span", { class: "trunc", title: `${title}: ${text}` }, text), el("span", { class: "grow" }), el("span", { class: "t3 sm nowrap" }, end)));
}
