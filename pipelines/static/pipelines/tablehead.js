// Heads of the columns: sort, move, widen, and the menu of a column.
import { el, icon } from "../launcher/frame.js";
import { betterOf, isHidden, isPinned, moveColumn, neighbour, shownColumns, sortBy, table } from "./tabledata.js";
import { openMenu } from "./tablemenu.js";
import { decimalsOf, isSize, numberText } from "./tablenumbers.js";
import { view } from "./tableview.js";

const MIN_WIDTH = 48, MAX_WIDTH = 800, STEP = 16;
const FITS_UP_TO = 360;
let redraw = () => {};
let dragged = null; // id of the column
export function setRedraw(given) { redraw = given; }

/** Fill the head cell of a column. */
export function head(column, node, extra = null) {
  if (column.id === "pick") { node.append(extra); return; }
  const known = table.byId.get(column.id);
  const button = el("button", { type: "button", class: "sort", "data-testid": `sort-${column.id}`, onclick: (event) => { sortBy(column.id, event.shiftKey); redraw(); } });
  node.append(button);
  button.fill = () => {
    const at = view.sort.findIndex((item) => item.id === column.id);
    const better = known && known.kind === "metrics" ? betterOf(known) : "";
    button.title = [known ? (known.kind === "meta" ? known.label : `${known.file}${known.key ? `: ${known.key}` : ""}${better ? `, ${better} is better` : ""}`) : column.label, "Click: sort; with Shift: sort by it, too. Right click: more"].join("\n");
    button.replaceChildren(el("span", { class: "trunc" }, column.label), ...(at < 0 ? [] : [icon(view.sort[at].down ? "sort-d" : "sort-u", "i-sm"), view.sort.length > 1 ? el("span", { class: "t3 sm" }, String(at + 1)) : "", el("span", { class: "vh" }, view.sort[at].down ? "descending" : "ascending")]));
    node.setAttribute("aria-sort", at < 0 ? "none" : view.sort[at].down ? "descending" : "ascending");
  };
  button.fill();
  if (!known) return;
  button.draggable = true;
  const isAfter = (event) => { const box = node.getBoundingClientRect(); return event.clientX > box.x + box.width / 2; };
  const mark = (side) => { node.classList.toggle("drop-before", side === "before"); node.classList.toggle("drop-after", side === "after"); };
  const fits = () => dragged && dragged !== column.id && table.byId.get(dragged)?.kind === known.kind;
  button.addEventListener("dragstart", (event) => { dragged = column.id; event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", column.id); });
  button.addEventListener("dragend", () => { dragged = null; });
  node.addEventListener("dragover", (event) => { if (fits()) { event.preventDefault(); mark(isAfter(event) ? "after" : "before"); } });
  node.addEventListener("dragleave", () => mark(""));
  node.addEventListener("drop", (event) => { event.preventDefault(); mark(""); if (fits() && moveColumn(dragged, column.id, isAfter(event))) redraw({ columns: true }); });
  node.addEventListener("contextmenu", (event) => { event.preventDefault(); columnMenu(known, node.getBoundingClientRect(), button); });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "ArrowDown" && event.altKey) { event.preventDefault(); event.stopPropagation(); columnMenu(known, node.getBoundingClientRect(), button); return; }
    if (!step || !(event.shiftKey || event.altKey)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.altKey) { view.widths[known.id] = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, column.width + step * STEP)); redraw({ columns: true, focus: known.id }); return; }
    const next = neighbour(known.id, step);
    if (next && moveColumn(known.id, next.id, step > 0)) redraw({ columns: true, focus: known.id });
  });
  node.append(handle(known, column, node));
}

/** The edge that widens the column. */
function handle(known, column, node) {
  const edge = el("span", { class: "edge", "data-testid": `edge-${known.id}`, title: "Drag to widen, double click to fit" });
  let from = null;
  edge.addEventListener("pointerdown", (event) => { event.preventDefault(); event.stopPropagation(); from = [event.clientX, column.width]; edge.setPointerCapture(event.pointerId); });
  edge.addEventListener("pointermove", (event) => { if (from) node.style.width = `${Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, from[1] + event.clientX - from[0]))}px`; });
  edge.addEventListener("pointerup", (event) => {
    if (!from) return;
    const width = Math.round(Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, from[1] + event.clientX - from[0])));
    const hasMoved = Math.abs(event.clientX - from[0]) > 2;
    from = null;
    if (hasMoved) { view.widths[known.id] = width; redraw({ columns: true }); }
  });
  edge.addEventListener("dblclick", () => { view.widths[known.id] = fitting(known); redraw({ columns: true }); });
  return edge;
}

function fitting(column) {
  let longest = column.label.length + 2;
  for (const value of column.values) if (value !== null) longest = Math.max(longest, isSize(column) ? 8 : String(numberText(column, value)).length + 1);
  return Math.min(FITS_UP_TO, 24 + longest * 7);
}

/** Width of a column that nobody widened. */
export function widthOf(column, isAlone) {
  if (view.widths[column.id]) return view.widths[column.id];
  if (column.width) return column.width;
  if (column.fitted?.isAlone === isAlone) return column.fitted.width;
  let longest = Math.max(column.label.length + 2, isAlone ? Math.min(20, column.group.length) : 0, Object.keys(column.errors).length ? 7 : 0);
  const seen = column.sample ?? column.values; // of most columns no cell is read before it is in sight
  const like = { kind: column.kind, decimals: column.kind === "metrics" && column.isNumeric ? decimalsOf(seen) : null };
  for (const value of seen) longest = Math.max(longest, (isSize(column) ? 8 : String(numberText(like, value) ?? "").length) + (column.kind === "metrics" ? 2 : 1));
  column.fitted = { isAlone, width: Math.min(240, Math.max(64, 26 + longest * 7)) };
  return column.fitted.width;
}

/** Turn around which direction of a metric is better. */
export function turnDirection(column) {
  const next = betterOf(column) === "higher" ? "lower" : "higher";
  view.lower.delete(column.id); view.higher.delete(column.id);
  if (next !== column.better) view[next].add(column.id);
}

export function hide(column) {
  if (column.isOptional) view.show.delete(column.id);
  if (!isHidden(column)) view.hide.add(column.id);
}

export function show(column) {
  view.hide.delete(column.id);
  if (column.isOptional) view.show.add(column.id);
}

export function columnMenu(column, box, back) {
  const at = view.sort.find((item) => item.id === column.id);
  const sort = (down) => { view.sort = at && at.down === down ? [] : [{ id: column.id, down }]; redraw(); };
  const shown = shownColumns(), here = shown.indexOf(column);
  const first = shown.find((one) => one.kind === column.kind);
  openMenu([
    { heading: column.kind === "meta" ? column.label : `${column.file}${column.key ? `: ${column.key}` : ""}` },
    { label: "Sort, smallest first", symbol: "sort-u", isOn: Boolean(at && !at.down), run: () => sort(false), testid: "column-ascending" },
    { label: "Sort, largest first", symbol: "sort-d", isOn: Boolean(at && at.down), run: () => sort(true), testid: "column-descending" },
    null,
    column.kind === "metrics" && { label: betterOf(column) === "higher" ? "Lower is better" : "Higher is better", symbol: "delta", run: () => { turnDirection(column); redraw(); }, testid: "column-direction" },
    { label: isPinned(column) ? "Unpin" : "Pin at the left", symbol: "lock", run: () => { view.pin = isPinned(column) ? view.pin.filter((id) => id !== column.id) : [...view.pin, column.id]; redraw({ columns: true, focus: column.id }); }, testid: "column-pin" },
    first && first !== column && { label: "Move to the start", symbol: "arrow-r", run: () => { moveColumn(column.id, table.columns.find((one) => one.kind === column.kind).id, false); redraw({ columns: true, focus: column.id }); }, testid: "column-start" },
    { label: "Fit the width", symbol: "fit", run: () => { view.widths[column.id] = fitting(column); redraw({ columns: true, focus: column.id }); }, testid: "column-fit" },
    { label: "Hide", symbol: "eye", run: () => { hide(column); redraw({ columns: true, focus: (shown[here + 1] ?? shown[here - 1])?.id }); }, testid: "column-hide" },
  ], box, { label: `Column ${column.label}`, back, testid: "column-menu" });
}
