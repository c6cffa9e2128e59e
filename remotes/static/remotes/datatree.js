// The tree of tracked files: folders are read in pages when they are opened, only what is seen is in the document. Rows that go out of sight are
// filled again with those that come; few pages are asked for at a time, so that a scroll through all of a large folder asks for where it is.

import { el, icon, formatSize } from "../launcher/frame.js";
import { stateMarks } from "./datastate.js";

const PAGE = 200; // rows of one request
const SPARE = 8; // rows drawn above and below what is seen
const INDENT = 18;
const ASKED = 2; // requests at a time

/** A list of rows that are loaded in pages: a folder, or what a search found. load(offset) -> {version, total, rows}. */
class Pages {
  constructor(load, path = "", depth = 0) { Object.assign(this, { load, path, depth, total: 0, pages: new Map(), asked: new Set(), error: null, isKnown: false }); }
  row(index) { return this.pages.get(Math.floor(index / PAGE))?.rows[index % PAGE]; }
  isStale(index, version) { return this.pages.get(Math.floor(index / PAGE))?.version !== version; }
  put(offset, answer) {
    this.total = answer.total;
    this.isKnown = true;
    this.pages.set(offset / PAGE, { version: answer.version, rows: answer.rows, folders: answer.rows.flatMap((row, index) => (row.dir ? [index] : [])) });
    for (const page of this.pages.keys()) if (page * PAGE >= Math.max(1, this.total)) this.pages.delete(page);
  }
}

/**
 * fetchRows({path, q, state, offset, limit}) -> the answer of data/rows.json. onSelect(row) is called when the reader chose one,
 * onCount(total, isSearch) when the number of rows is known.
 */
export class DataTree {
  constructor(box, { fetchRows, onSelect, onCount }) {
    Object.assign(this, { box, fetchRows, onSelect, onCount, version: 0, selected: "", open: new Map(), found: null, drawn: new Map(), free: [], asking: 0, current: -1 });
    this.list = el("div", { class: "dt-list", role: "rowgroup" });
    box.append(this.list);
    this.root = this.folder("", 0);
    let isLate = false;
    box.addEventListener("scroll", () => { if (!isLate) { isLate = true; requestAnimationFrame(() => { isLate = false; this.draw(); }); } }, { passive: true });
    box.addEventListener("keydown", (event) => this.onKey(event));
    box.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => { this.height = 0; this.draw(); }).observe(box);
  }

  folder(path, depth) { return new Pages((offset) => this.fetchRows({ path, offset, limit: PAGE }), path, depth); }
  get rowHeight() { this.height ||= parseFloat(getComputedStyle(this.box).getPropertyValue("--dt-row")) || 32; return this.height; }

  /** The first rows of the root came with the page. */
  start(answer) { this.version = answer.version; this.root.put(0, { ...answer, rows: answer.rows.slice(0, PAGE) }); this.draw(); }
  /** There is a newer table: what is seen is asked for again; until then the old rows stay. */
  renew(version) { if (version !== this.version) { this.version = version; this.draw(); } }
  /** Draw again with what is known, as after a change of what is known of the remote. */
  redraw() { this.height = 0; for (const node of this.drawn.values()) node.key = ""; this.draw(); }

  /** Show what a search found instead of the tree; null for the tree. query: {q, state}. */
  search(query) {
    const key = JSON.stringify(query);
    if (key === this.searched) return;
    this.searched = key;
    if (query && !this.found) this.before = this.box.scrollTop;
    this.found = query ? new Pages((offset) => this.fetchRows({ ...query, offset, limit: PAGE })) : null;
    this.current = -1;
    this.draw();
    this.box.scrollTop = this.found ? 0 : this.before || 0;
    this.draw();
  }

  // --- what stands where
  /** Stretches of rows of one list, in order: [{pages, from, to, top}]; top counts rows. */
  stretches() {
    const found = [];
    let top = 0;
    const add = (pages, from, to) => { if (to > from) { found.push({ pages, from, to, top }); top += to - from; } };
    const walk = (pages) => {
      let from = 0;
      const opened = [];
      for (const [number, page] of pages.pages) for (const index of page.folders) if (this.open.has(page.rows[index].path)) opened.push([number * PAGE + index, page.rows[index].path]);
      opened.sort((one, other) => one[0] - other[0]);
      for (const [index, path] of opened) { add(pages, from, index + 1); from = index + 1; walk(this.open.get(path)); }
      add(pages, from, Math.max(pages.total, pages.isKnown ? 0 : 1));
    };
    if (this.found) add(this.found, 0, this.found.isKnown ? this.found.total : 1); else walk(this.root);
    return { found, total: top };
  }
  at(stretches, index) {
    const stretch = stretches.find((one) => index >= one.top && index < one.top + one.to - one.from);
    return stretch ? { pages: stretch.pages, index: stretch.from + index - stretch.top } : null;
  }

  // --- drawing
  draw() {
    const { found, total } = this.stretches();
    const height = this.rowHeight;
    if (this.drawnTotal !== total) { this.drawnTotal = total; this.box.setAttribute("aria-rowcount", total + 1); this.list.style.height = `${total * height}px`; }
    const { scrollTop, clientHeight } = this.box;
    const first = Math.max(0, Math.floor(scrollTop / height) - SPARE), end = Math.min(total, Math.ceil((scrollTop + clientHeight) / height) + SPARE);
    const places = new Map();
    for (let index = first; index < end; index += 1) {
      const place = this.at(found, index);
      if (!place) break;
      const row = place.pages.row(place.index);
      if (place.pages.isStale(place.index, this.version)) this.ask(place.pages, place.index);
      places.set(row ? row.path : `waiting ${place.pages.path} ${place.index}`, [row, place, index]);
    }
    const drawn = new Map();
    for (const [key, node] of this.drawn) if (places.has(key)) drawn.set(key, node); else this.free.push(node);
    for (const [key, [row, place, index]] of places) {
      const node = drawn.get(key) || this.free.pop() || rowNode();
      this.fill(node, row, place, index, height);
      if (!node.isConnected) this.list.append(node);
      drawn.set(key, node);
    }
    for (const pages of this.found ? [this.found] : [this.root, ...this.open.values()]) if (pages.isKnown && !pages.total && pages.isStale(0, this.version)) this.ask(pages, 0); // nothing of it is drawn
    for (const node of this.free) node.remove();
    this.free.length = Math.min(this.free.length, 2 * SPARE);
    this.drawn = drawn;
    const chosen = this.drawn.get(this.selected);
    if (chosen) this.box.setAttribute("aria-activedescendant", chosen.id); else this.box.removeAttribute("aria-activedescendant");
  }

  async ask(pages, index) {
    const offset = Math.floor(index / PAGE) * PAGE, key = `${this.version} ${offset}`;
    if (pages.asked.has(key) || this.asking >= ASKED) return; // an answer draws, and what is in sight then is asked for
    pages.asked.add(key);
    this.asking += 1;
    try {
      const answer = await pages.load(offset);
      pages.put(offset, answer);
      pages.error = null;
      if (answer.version !== this.version && answer.version) this.version = answer.version;
    } catch (error) {
      if (error.status === 404 && pages.path) this.open.delete(pages.path); else pages.error = error;
    }
    pages.asked.delete(key);
    this.asking -= 1;
    if (pages === this.root || pages === this.found) this.onCount(pages.total, pages === this.found);
    if (!pages.error) this.draw(); else setTimeout(() => this.draw(), 2000);
  }

  fill(node, row, place, index, height) {
    const isChosen = Boolean(row && row.path === this.selected), isOpen = Boolean(row && row.dir && !this.found && this.open.has(row.path));
    const { depth } = place.pages, { parts } = node;
    if (node.at !== index) {
      node.at = index;
      node.style.top = `${index * height}px`;
      node.id = `data-row-${index}`;
      node.setAttribute("aria-rowindex", index + 2);
    }
    const key = row ? `${JSON.stringify(row)}${isChosen}${isOpen}${depth}${Boolean(this.found)}` : place.pages.error ? place.pages.error.message : "Loading";
    if (node.key === key) return;
    node.key = key;
    attribute(node, "data-testid", row ? "data-row" : "data-row-waiting");
    attribute(node, "data-path", row ? row.path : null);
    attribute(node, "aria-level", row ? depth + 1 : null);
    attribute(node, "aria-selected", row ? isChosen : null);
    attribute(node, "aria-expanded", row && row.dir ? isOpen : null);
    const isWaiting = !row;
    if (parts.isWaiting !== isWaiting) {
      parts.isWaiting = isWaiting;
      node.classList.toggle("is-waiting", isWaiting);
      for (const one of [parts.symbol, parts.state, parts.remote]) one.replaceChildren();
      parts.look = parts.marks = parts.there = "";
    }
    const isTree = !this.found && !isWaiting, twist = `dt-twist${isOpen ? " is-open" : ""}`;
    attribute(parts.inset, "hidden", isTree ? null : "");
    if (parts.depth !== depth) { parts.depth = depth; parts.inset.style.width = `${depth * INDENT}px`; }
    attribute(parts.twist, "hidden", isTree ? null : "");
    if (parts.twist.className !== twist) parts.twist.className = twist;
    if (isTree) { attribute(parts.twist, "data-twist", row.dir ? "" : null); parts.chevron.style.display = row.dir ? "" : "none"; }
    if (row && row.out) { if (!parts.tag.parentNode) parts.name.after(parts.tag); } else parts.tag.remove();
    say(parts.name, isWaiting ? key : this.found ? row.path : row.name);
    attribute(parts.name, "title", row ? row.path : null);
    if (isWaiting) { say(parts.files, ""); say(parts.size, ""); return; }
    const look = `${row.dir ? "folder" : "file"} ${row.out ? "dt-out" : "t3"}`;
    if (parts.look !== look) { parts.look = look; parts.symbol.replaceChildren(icon(...look.split(" "))); }
    const marks = JSON.stringify([row.dir, row.hollow, row.local, row.committed, row.missing, row.was, row.counts, document.body.dataset.checked]);
    if (parts.marks !== marks) { parts.marks = marks; parts.state.replaceChildren(...stateMarks(row)); }
    const there = `${row.dir} ${row.remote}`;
    if (parts.there !== there) { parts.there = there; parts.remote.replaceChildren(remoteWord(row)); }
    say(parts.files, row.dir ? row.files.toLocaleString("en") : "");
    say(parts.size, row.size === null || row.size === undefined ? "–" : formatSize(row.size));
  }

  // --- choosing and moving
  select(path, tell = true) {
    this.selected = path;
    this.draw();
    if (tell) this.onSelect(path);
  }
  toggle(path, depth) {
    if (this.open.has(path)) this.open.delete(path); else this.open.set(path, this.folder(path, depth + 1));
    this.draw();
  }
  /** Open the folders around a path and choose it. */
  async reveal(path) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join("/");
      if (!this.open.has(folder)) this.open.set(folder, this.folder(folder, depth));
      const pages = this.open.get(folder);
      if (!pages.isKnown) try { pages.put(0, await pages.load(0)); } catch { this.open.delete(folder); break; }
    }
    this.select(path);
    this.bringIntoView(this.indexOf(path));
  }
  indexOf(path) {
    for (const stretch of this.stretches().found) for (let at = stretch.from; at < stretch.to; at += 1) if (stretch.pages.row(at)?.path === path) return stretch.top + at - stretch.from;
    return -1;
  }
  bringIntoView(index) {
    if (index < 0) return;
    const height = this.rowHeight, top = index * height, head = 28;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + height + head > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + height + head - this.box.clientHeight;
    this.draw();
  }
  onClick(event) {
    const node = event.target.closest(".dt-row");
    if (!node || !node.dataset.path) return;
    const depth = Number(node.getAttribute("aria-level")) - 1;
    if (!this.found && node.hasAttribute("aria-expanded") && (event.target.closest("[data-twist]") || node.dataset.path === this.selected)) this.toggle(node.dataset.path, depth);
    if (node.dataset.path !== this.selected && !event.target.closest("[data-twist]")) this.select(node.dataset.path);
    this.box.focus({ preventScroll: true });
  }
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { found, total } = this.stretches();
    const at = this.selected ? this.indexOf(this.selected) : -1;
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.rowHeight) - 2);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: total - 1 };
    const place = at >= 0 ? this.at(found, at) : null, row = place && place.pages.row(place.index);
    if (event.key in steps && total) {
      event.preventDefault();
      const next = Math.max(0, Math.min(total - 1, steps[event.key]));
      const where = this.at(found, next), there = where && where.pages.row(where.index);
      if (there) this.select(there.path); else if (where) this.ask(where.pages, where.index);
      this.bringIntoView(next);
    } else if (event.key === "ArrowRight" && row && row.dir && !this.found) { event.preventDefault(); if (!this.open.has(row.path)) this.toggle(row.path, place.pages.depth); }
    else if (event.key === "ArrowLeft" && row && !this.found) {
      event.preventDefault();
      if (this.open.has(row.path)) this.toggle(row.path, place.pages.depth);
      else if (row.path.includes("/")) { const parent = row.path.slice(0, row.path.lastIndexOf("/")); this.select(parent); this.bringIntoView(this.indexOf(parent)); }
    } else if (event.key === "Enter" && row && row.dir && !this.found) { event.preventDefault(); this.toggle(row.path, place.pages.depth); }
  }
}

function attribute(node, name, value) {
  if (value === null) { if (node.hasAttribute(name)) node.removeAttribute(name); } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}
function say(node, text) { if (node.firstChild.data !== text) node.firstChild.data = text; }

/** An empty row; `parts` are what fill() writes to. */
function rowNode() {
  const cell = (classes, ...children) => el("span", { class: classes, role: "gridcell" }, ...children);
  const parts = { inset: el("span", { class: "dt-in" }), chevron: icon("chev-r"), symbol: el("span", { class: "dt-icon" }), name: el("span", { class: "trunc" }, ""), tag: el("span", { class: "tag", title: "Tracked by a .dvc file or a stage" }, "tracked"),
    state: cell("dt-state"), remote: cell("dt-remote sm"), files: cell("dt-files num t2", ""), size: cell("dt-size num t2", "") };
  parts.twist = el("span", { class: "dt-twist" }, parts.chevron);
  const node = el("div", { class: "dt-row", role: "row" }, cell("dt-name", parts.inset, parts.twist, parts.symbol, parts.name), parts.state, parts.remote, parts.files, parts.size);
  node.parts = parts;
  return node;
}

function remoteWord(row) {
  if (row.remote === null || row.remote === undefined) return el("span", { class: "t3", title: "Nobody has asked the remote yet" }, "–");
  if (!row.remote) return el("span", { class: "state is-ok" }, icon("cloud"), "There");
  return el("span", { class: "state is-warn" }, icon("cloud"), row.dir ? `${row.remote.toLocaleString("en")} not there` : "Not there");
}
