// The rows and columns of the experiments table: asked for, put in order, measured. Nothing here draws.
import { decimalsOf } from "./tablenumbers.js";
import { picked, view } from "./tableview.js";

export const WORKSPACE = "workspace";
export const KINDS = ["meta", "metrics", "params", "models", "data"];
export const KIND_NAMES = { meta: "Run", metrics: "Metrics", params: "Params", models: "Models", data: "Data" };
const HEX = /^[0-9a-f]{7,40}$/;

export const table = {
  data: null, // the answer of experiments.json
  columns: [], // with what drawing needs
  byId: new Map(), // id of a column -> column
  index: new Map(), // id of a row -> its number
  matches: null, // Set of ids that the query finds; null without one
  items: [], // [{id, n}] in the order they are shown; n below 0 is a group, -1 - its position
  rows: [], // numbers of the rows that fit the query, without the workspace
  inGroup: [], // [commits, experiments] of each group among them
  base: -1, // row of the baseline
  curves: { values: {}, better: {} }, // by id of a curve: row -> [first, last, min, max, and the steps of the last three]; which way is better
  trend: new Map(), // id of a running row -> values its main metric had while the page looked
};
export const collapsed = new Set(); // keys of groups and ids of commits

export const betterOf = (column) => (view.lower.has(column.id) ? "lower" : view.higher.has(column.id) ? "higher" : column.better);
export const identityOf = (column, row) => (column.hash ? column.hash[row] : column.values[row]);
export const groupKey = (group) => `group:${table.data.groups[group].kind}:${table.data.groups[group].name}`;
export const experimentOf = (row) => table.data.experiments[row];
export const isFlat = () => view.sort.length > 0;
export const hasWorkspace = () => table.data.rows.id[0] === WORKSPACE;

// --- columns
/** Take over an answer; lines: JSON of the cells of each column. What the reader had chosen or seen before stays. */
export function takeOver(data, lines) {
  const isBeginning = !table.data || table.data.waiting > 0; // while the history is being read, its first rows settle nothing
  if (isBeginning) optional = null;
  const differing = new Map(isBeginning ? [] : table.columns.map((column) => [column.id, column.sticky]));
  const errors = new Map(data.file_errors.map((entry) => [`${entry.kind}:${entry.file}`, entry.rows]));
  table.data = data;
  const made = data.columns.map((column, at) => {
    const made = Object.assign(Object.create(lazy), column, { line: lines[at], isNumeric: column.count > 0 && column.numbers === column.count, errors: errors.get(`${column.kind}:${column.file}`) || {}, known: 0 });
    made.sticky = differing.get(column.id);
    return made;
  });
  table.columns = [...metaColumns(data), ...made, ...curveColumns(differing)];
  putInOrder();
  table.byId = new Map(table.columns.map((column) => [column.id, column]));
  table.index = new Map(data.rows.id.map((id, number) => [id, number]));
  const tasks = new Map(Object.entries(data.experiments).filter(([, made_]) => made_.task).map(([number, made_]) => [made_.task, data.rows.id[number]]));
  for (const id of [...picked]) { // an address holds short ids; a run that ended has its commit's
    if (table.index.has(id)) continue;
    const full = tasks.get(id) ?? (HEX.test(id) ? data.rows.id.find((known) => known.startsWith(id)) : undefined);
    if (full) { picked.delete(id); picked.add(full); } else if (!data.waiting) picked.delete(id);
  }
}

let optional = null; // as the page began: what arrives later moves no column
function metaColumns(data) {
  const { rows, experiments } = data;
  const count = rows.id.length;
  const fill = (value) => { const made = new Array(count); for (let row = 0; row < count; row += 1) made[row] = value(row); return made; };
  const of = (key, label, width, values, more = {}) => ({ id: `meta:${key}`, kind: "meta", file: "", key, group: "", label, better: "", values, count: values.reduce((sum, value) => sum + (value !== null), 0), isNumeric: false, differs: true, errors: {}, decimals: null, width, ...more });
  const made = Object.values(experiments);
  const authors = fill((row) => (experiments[row] && experiments[row].state !== "done" ? null : rows.author[row])); // whoever wrote an entry of the queue is not told
  optional ??= { time: !made.some((one) => one.seconds || one.state === "running"), trend: !made.some((one) => one.state === "running"), author: innerWidth <= 1100 || new Set(authors.slice(1).filter(Boolean)).size < 2 };
  return [
    of("created", "Created", 116, rows.time),
    of("time", "Time", 76, fill((row) => experiments[row]?.seconds ?? null), { isNumeric: true, isOptional: optional.time }),
    of("author", "Author", 112, authors, { isOptional: optional.author }),
    of("parent", "From", 150, fill((row) => (experiments[row] ? experiments[row].baseline.slice(0, 7) : data.groups[rows.group[row]]?.name ?? null)), { isOptional: true, whenFlat: true }),
    of("state", "State", 92, fill((row) => experiments[row]?.state ?? null), { isOptional: true }),
    of("trend", "Trend", 88, fill((row) => (experiments[row]?.state === "running" ? row : null)), { isOptional: optional.trend }),
    of("tags", "Tags", 120, fill((row) => rows.notes[row]?.tags.join(", ") || null), { isOptional: true }),
    of("note", "Note", 200, fill((row) => rows.notes[row]?.note || null), { isOptional: true }),
  ];
}

const LAST = 1e6; // columns of curves stand after the other metrics
const PLACES = { first: 0, last: 1, min: 2, max: 3 }; // in a summary; three places on are the steps
/** What curves come to, as far as it is known: columns that the reader asked for. */
function curveColumns(differing = new Map()) {
  const ids = table.data.rows.id;
  return view.curves.map((text) => {
    const [, what, id] = text.match(/^(\w+):(.*)$/) || [];
    const known = table.curves.values[id] || {}, better = table.curves.better[id] || "";
    const place = PLACES[what === "best" ? (better === "lower" ? "min" : "max") : what] ?? 1;
    const values = ids.map((row) => known[row]?.[place] ?? null);
    const made = Object.assign(Object.create(lazy), { id: `curve:${text}`, kind: "metrics", file: id, key: what, group: "Curves", label: `${what} ${id.slice(id.lastIndexOf(":") + 1)}`, better, cells_: { values }, isNumeric: true, count: values.filter((value) => value !== null).length, errors: {}, known: 0, steps: place ? ids.map((row) => known[row]?.[place + 3] ?? null) : null });
    made.sticky = differing.get(made.id);
    return made;
  });
}
/** Take over an answer of curves.json, or another choice of curves. */
export function takeCurves(answer) {
  if (answer) { Object.assign(table.curves.values, answer.values); Object.assign(table.curves.better, answer.better); }
  const before = new Map(table.columns.map((column) => [column.id, column]));
  const made = curveColumns();
  for (const [at, column] of made.entries()) column.natural = before.get(column.id)?.natural ?? LAST + at;
  table.columns = [...table.columns.filter((column) => !column.id.startsWith("curve:")), ...made];
  putInOrder();
  table.byId = new Map(table.columns.map((column) => [column.id, column]));
}

/** Columns of a kind stay together; in it they are as the reader put them. */
export function putInOrder() {
  const natural = new Map([...table.columns].sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || (one.natural ?? 0) - (other.natural ?? 0)).map((column, at) => [column.id, at]));
  for (const column of table.columns) column.natural ??= natural.get(column.id);
  const places = new Map(view.order.map((id, at) => [id, at]));
  const place = (column) => places.get(column.id) ?? view.order.length + column.natural;
  table.columns.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || place(one) - place(other));
}

export const isHidden = (column) => view.hide.has(column.id)
  || (column.isOptional && !view.show.has(column.id) && !(column.whenFlat && isFlat()))
  || (view.only && column.kind !== "meta" && !column.differs);
export const isPinned = (column) => view.pin.includes(column.id);
export const shownColumns = () => table.columns.filter((column) => !isHidden(column));

/** Put a column before or after another of its kind. */
export function moveColumn(id, target, isAfter) {
  const moved = table.byId.get(id), goal = table.byId.get(target);
  if (!moved || !goal || moved === goal || moved.kind !== goal.kind) return false;
  const others = table.columns.filter((column) => column !== moved);
  others.splice(others.indexOf(goal) + (isAfter ? 1 : 0), 0, moved);
  let end = others.length; // what follows in its natural order need not be said
  while (end > 0 && (end === others.length || others[end - 1].natural < others[end].natural)) end -= 1;
  view.order = others.slice(0, end).map((column) => column.id);
  table.columns = others;
  return true;
}

/** The next shown column of the same kind. */
export function neighbour(id, step) {
  const { kind } = table.byId.get(id);
  const inKind = table.columns.filter((column) => column.kind === kind && !isHidden(column));
  return inKind[inKind.findIndex((column) => column.id === id) + step];
}

// --- which rows, in which order
export function arrange() {
  const { data } = table;
  const { rows } = data;
  const wanted = [];
  for (let row = hasWorkspace() ? 1 : 0; row < rows.id.length; row += 1) if (!table.matches || table.matches.has(rows.id[row])) wanted.push(row);
  table.rows = wanted;
  table.inGroup = data.groups.map(() => [0, 0]);
  for (const row of wanted) table.inGroup[rows.group[row]][data.experiments[row] ? 1 : 0] += 1;
  if (isFlat()) { table.items = sorted(wanted).map((row) => ({ id: rows.id[row], n: row })); return; }
  const items = [];
  let group = null, isOpen = true;
  const present = new Set(wanted);
  for (const row of wanted) {
    if (rows.group[row] !== group) {
      group = rows.group[row];
      isOpen = !collapsed.has(groupKey(group));
      items.push({ id: groupKey(group), n: -1 - group });
    }
    if (!isOpen) continue;
    const parent = rows.parent[row];
    if (parent >= 0 && present.has(parent) && collapsed.has(rows.id[parent])) continue;
    items.push({ id: rows.id[row], n: row, isInside: parent >= 0 && present.has(parent) });
  }
  for (let at = data.groups.length - 1; at >= 0; at -= 1) if (!table.matches && data.groups[at].count === 0 && !table.inGroup[at][1] && data.groups[at].kind === "branch") items.push({ id: groupKey(at), n: -1 - at });
  table.items = items;
}

function sorted(rows) {
  const keys = view.sort.map((item) => ({ values: accessor(item.id), sign: item.down ? -1 : 1 })).filter((key) => key.values);
  return [...rows].sort((a, b) => {
    for (const { values, sign } of keys) {
      const left = values(a), right = values(b);
      const noLeft = left === null || left === undefined, noRight = right === null || right === undefined;
      if (noLeft || noRight) { if (noLeft !== noRight) return noLeft ? 1 : -1; continue; } // missing values are last, whatever the direction
      const order = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
      if (order) return order * sign;
    }
    return a - b;
  });
}

function accessor(id) {
  const { data } = table;
  if (id === "name") return (row) => (experimentOf(row)?.name ?? data.rows.subject[row]).toLowerCase();
  const column = table.byId.get(id);
  return column ? (row) => column.values[row] : null;
}

export function sortBy(id, add) {
  const known = view.sort.find((item) => item.id === id);
  const column = table.byId.get(id);
  const first = id === "meta:created" || Boolean(column && column.kind === "metrics" && betterOf(column) === "higher"); // the best, the newest
  let next = { id, down: first };
  if (known) next = known.down === first ? { id, down: !first } : null; // best, worst, none
  if (add && known && next) view.sort = view.sort.map((item) => (item.id === id ? next : item));
  else view.sort = [...(add ? view.sort.filter((item) => item.id !== id) : []), ...(next ? [next] : [])];
}

// --- what only the shown rows decide
function findBase() {
  if (table.index.has(view.base)) return table.index.get(view.base);
  const short = HEX.test(view.base) ? table.data.rows.id.findIndex((id) => id.startsWith(view.base)) : -1;
  if (short >= 0) return short;
  return table.index.get(table.data.head) ?? -1;
}

let stamp = 1; // of what is shown: what columns know of other rows is out of date
/**
 * Another set of rows is shown. What columns are (differing, best, spread) is found out when somebody asks, because most are out of sight.
 * keepsColumns: what arrives by itself hides and shows no column that was there before.
 */
export function measure(keepsColumns = false) {
  table.base = findBase();
  stamp += 1;
  if (!keepsColumns) for (const column of table.columns) column.sticky = undefined;
}

function find(column) {
  const { values, hash } = column;
  const identities = hash || values;
  const rows = table.rows;
  let differs = false, low = Infinity, high = -Infinity;
  const first = hasWorkspace() ? identities[0] : rows.length ? identities[rows[0]] : null;
  if (hasWorkspace() && typeof values[0] === "number") low = high = values[0];
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    if (identities[row] !== first) differs = true;
    const number = values[row];
    if (typeof number === "number") { if (number < low) low = number; if (number > high) high = number; }
  }
  if (!differs) for (const row in column.errors) if (Number(row) === 0 || rows.includes(Number(row))) differs = true;
  column.facts = { differs, low, high };
  column.known = stamp;
}

const lazy = {
  get cells() { if (!this.cells_) { this.cells_ = JSON.parse(this.line); this.line = ""; } return this.cells_; },
  get values() { return this.cells.values; },
  get hash() { return this.cells.hash; },
  get hashes() { return this.cells.hashes; },
  get nfiles() { return this.cells.nfiles; },
  get now() { if (this.known !== stamp) find(this); return this.facts; },
  get differs() { if (this.sticky === undefined) this.sticky = this.now.differs; return this.sticky; },
  get low() { return this.now.low; },
  get spread() { return this.now.high - this.now.low; },
  get best() {
    const better = this.kind === "metrics" ? betterOf(this) : "", { low, high } = this.now;
    return better && high > low ? (better === "higher" ? high : low) : null;
  },
  get base() { return table.base >= 0 ? this.values[table.base] : null; },
  get decimals() {
    if (this.decimals_ === undefined) this.decimals_ = this.kind === "metrics" && this.isNumeric ? decimalsOf(this.values) : null;
    return this.decimals_;
  },
};

// --- runs that are on
/** Take over what runs say now; true when the whole table has to be asked for again. */
export function takeLive(answer) {
  let isStale = answer.seen !== table.data.seen, isChanged = false;
  for (const run of answer.runs) {
    const row = table.index.get(run.id);
    if (row === undefined) { isStale = true; continue; }
    const { values, id, ...facts } = run;
    if (JSON.stringify(table.data.experiments[row]) !== JSON.stringify(facts)) { table.data.experiments[row] = facts; isChanged = true; }
    let main = null;
    for (const [name, value] of Object.entries(values)) {
      const column = table.byId.get(name);
      if (!column) { isStale = true; continue; }
      if (column.kind === "metrics" && main === null && typeof value === "number") main = value;
      if (column.values[row] !== value) { column.values[row] = value; isChanged = true; }
    }
    const trend = table.trend.get(id) || [];
    if (main !== null && trend.at(-1) !== main) table.trend.set(id, [...trend, main].slice(-200));
  }
  return { isStale, isChanged };
}
