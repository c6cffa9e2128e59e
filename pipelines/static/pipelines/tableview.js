// How the experiments table is looked at: filter, order, columns, baseline. All of it is one query string, so that an address, a saved view
// and what is kept between visits are the same thing.
import { chosen, keep } from "../launcher/frame.js";

const MAX_NAMED = 20; // rows
const LAYOUT = ["sort", "only", "delta", "base", "hide", "show", "lower", "higher", "density", "order", "widths", "pin", "bars", "curves"];
const VIEW = ["q", ...LAYOUT];
export const DENSITIES = ["compact", "normal"];

/** curves: `max:FILE:COLUMN`, columns of what curves come to. q: the filter. sort: [{id, down}]. hide, show: columns that are not, or are shown against the default. order: of columns, the others follow. */
export const view = { q: "", sort: [], only: false, delta: false, bars: false, base: "", hide: new Set(), show: new Set(), lower: new Set(), higher: new Set(), density: "compact", order: [], widths: {}, pin: [], curves: [] };
export const picked = new Set(); // ids of rows

const quoted = (value) => value.replace(/[%,~]/g, encodeURIComponent);
const list = (values) => [...values].map(quoted).join(",");
const parts = (query, name) => (query.get(name) || "").split(",").filter(Boolean).map(decodeURIComponent);

/** Take over a view. */
export function readView(query) {
  view.q = query.get("q") || "";
  view.sort = parts(query, "sort").map((item) => ({ id: item.replace(/^-/, ""), down: item.startsWith("-") }));
  for (const flag of ["only", "delta", "bars"]) view[flag] = query.has(flag);
  view.base = query.get("base") || "";
  for (const name of ["hide", "show", "lower", "higher"]) view[name] = new Set(parts(query, name));
  view.density = DENSITIES.includes(query.get("density")) ? query.get("density") : "compact";
  view.order = parts(query, "order");
  view.pin = parts(query, "pin");
  view.curves = parts(query, "curves");
  view.widths = {};
  for (const item of (query.get("widths") || "").split(",").filter(Boolean)) {
    const [id, width] = item.split("~");
    if (Number(width) > 0) view.widths[decodeURIComponent(id)] = Number(width);
  }
}

/** The view as a query string, without what is selected. */
export function viewText({ withFilter = true } = {}) {
  const query = new URLSearchParams();
  const put = (name, value) => { if (value) query.set(name, value); };
  if (withFilter) put("q", view.q);
  put("sort", list(view.sort.map((item) => (item.down ? "-" : "") + item.id)));
  for (const flag of ["only", "delta", "bars"]) put(flag, view[flag] ? "1" : "");
  put("base", view.base);
  for (const name of ["hide", "show", "lower", "higher", "order", "pin", "curves"]) put(name, list(view[name]));
  put("widths", Object.entries(view.widths).map(([id, width]) => `${quoted(id)}~${width}`).join(","));
  put("density", view.density === "compact" ? "" : view.density);
  return query.toString();
}

/** What the address says; where it says nothing of the layout, what was kept last. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const text = query.has("v") || LAYOUT.some((name) => query.has(name)) ? query : new URLSearchParams(chosen("experiments.last", ""));
  const whole = new URLSearchParams(text);
  if (query.has("q")) whole.set("q", query.get("q")); else if (text !== query) whole.delete("q");
  readView(whole);
  for (const id of parts(query, "rows")) picked.add(id);
}

export function writeAddress() {
  const query = new URLSearchParams(location.search);
  for (const name of [...VIEW, "rows", "v"]) query.delete(name);
  for (const [name, value] of new URLSearchParams(viewText())) query.set(name, value);
  query.set("v", "1");
  if (picked.size && picked.size <= MAX_NAMED) query.set("rows", list([...picked].map((id) => (/^[0-9a-f]{40}$/.test(id) ? id.slice(0, 12) : id))));
  history.replaceState(history.state, "", `${location.pathname}?${query}`);
  keep("experiments.last", viewText({ withFilter: false }) || null);
}
