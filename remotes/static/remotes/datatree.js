// The tree of tracked files: folders are read in pages when they are opened, only what is seen is in the document.

import { el, icon, formatSize } from "../launcher/frame.js";
import { stateMarks } from "./datastate.js";

const PAGE = 200; // rows of one request
const SPARE = 8; // rows drawn above and below what is seen
const INDENT = 18;

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
    Object.assign(this, { box, fetchRows, onSelect, onCount, version: 0, selected: "", open: new Map(), found: null, drawn: new Map(), current: -1 });
    this.list = el("div", { class: "dt-list", role: "rowgroup" });
    box.append(this.list);
    this.root = this.folder("", 0);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    box.addEventListener("keydown", (event) => this.onKey(event));
    box.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.draw()).observe(box);
  }

  folder(path, depth) { return new Pages((offset) => this.fetchRows({ path, offset, limit: PAGE }), path, depth); }
  get rowHeight() { return parseFloat(getComputedStyle(this.box).getPropertyValue("--dt-row")) || 32; }

  /** The first rows of the root came with the page. */
  start(answer) { this.version = answer.version; this.root.put(0, { ...answer, rows: answer.rows.slice(0, PAGE) }); this.draw(); }
  /** There is a newer table: what is seen is asked for again; until then the old rows stay. */
  renew(version) { if (version !== this.version) { this.version = version; this.draw(); } }
  /** Draw again with what is known, as after a change of what is known of the remote. */
  redraw() { for (const node of this.drawn.values()) node.dataset.key = ""; this.draw(); }

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
    this.box.setAttribute("aria-rowcount", total + 1);
    this.list.style.height = `${total * height}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / height) - SPARE), end = Math.min(total, Math.ceil((this.box.scrollTop + this.box.clientHeight) / height) + SPARE);
    const seen = new Map();
    for (let index = first; index < end; index += 1) {
      const place = this.at(found, index);
      if (!place) break;
      const row = place.pages.row(place.index);
      if (place.pages.isStale(place.index, this.version)) this.ask(place.pages, place.index);
      const key = row ? row.path : `waiting ${place.pages.path} ${place.index}`;
      const node = this.drawn.get(key) || el("div", { class: "dt-row", role: "row", "data-testid": row ? "data-row" : "data-row-waiting" });
      this.fill(node, row, place, index, height);
      if (!node.isConnected) this.list.append(node);
      seen.set(key, node);
    }
    for (const pages of this.found ? [this.found] : [this.root, ...this.open.values()]) if (pages.isKnown && !pages.total && pages.isStale(0, this.version)) this.ask(pages, 0); // nothing of it is drawn
    for (const [key, node] of this.drawn) if (seen.get(key) !== node) node.remove();
    this.drawn = seen;
    const chosen = this.drawn.get(this.selected);
    if (chosen) this.box.setAttribute("aria-activedescendant", chosen.id); else this.box.removeAttribute("aria-activedescendant");
  }

  async ask(pages, index) {
    const offset = Math.floor(index / PAGE) * PAGE, key = `${this.version} ${offset}`;
    if (pages.asked.has(key)) return;
    pages.asked.add(key);
    try {
      const answer = await pages.load(offset);
      pages.put(offset, answer);
      pages.error = null;
      if (answer.version !== this.version && answer.version) this.version = answer.version;
    } catch (error) {
      if (error.status === 404 && pages.path) this.open.delete(pages.path); else pages.error = error;
    }
    pages.asked.delete(key);
    if (pages === this.root || pages === this.found) this.onCount(pages.total, pages === this.found);
    if (!pages.error) this.draw(); else setTimeout(() => this.draw(), 2000);
  }

  fill(node, row, place, index, height) {
    const isChosen = row && row.path === this.selected, isOpen = row && row.dir && !this.found && this.open.has(row.path);
    const top = `${index * height}px`;
    if (node.style.top !== top) node.style.top = top;
    const key = JSON.stringify([row, isChosen, isOpen, place.pages.depth, Boolean(this.found)]);
    if (node.dataset.key === key) { node.setAttribute("aria-rowindex", index + 2); return; }
    node.dataset.key = key;
    node.id = `data-row-${index}`;
    node.setAttribute("aria-rowindex", index + 2);
    if (!row) { node.replaceChildren(el("span", { role: "gridcell", class: "t3" }, place.pages.error ? place.pages.error.message : "Loading")); return; }
    node.dataset.path = row.path;
    node.setAttribute("aria-level", place.pages.depth + 1);
    node.setAttribute("aria-selected", String(Boolean(isChosen)));
    if (row.dir) node.setAttribute("aria-expanded", String(Boolean(isOpen)));
    const name = el("span", { class: "dt-name", role: "gridcell" }, ...[
      el("span", { class: "dt-in" }),
      this.found ? null : row.dir ? el("span", { class: `dt-twist${isOpen ? " is-open" : ""}`, "data-twist": true }, icon("chev-r")) : el("span", { class: "dt-twist" }),
      icon(row.dir ? "folder" : "file", row.out ? "dt-out" : "t3"),
      el("span", { class: "trunc", title: row.path }, this.found ? row.path : row.name),
      row.out ? el("span", { class: "tag", title: "Tracked by a .dvc file or a stage" }, "tracked") : null].filter(Boolean));
    name.firstChild.style.width = `${place.pages.depth * INDENT}px`;
    node.replaceChildren(name,
      el("span", { class: "dt-state", role: "gridcell" }, ...stateMarks(row)),
      el("span", { class: "dt-remote sm", role: "gridcell" }, remoteWord(row)),
      el("span", { class: "dt-files num t2", role: "gridcell" }, row.dir ? row.files.toLocaleString("en") : ""),
      el("span", { class: "dt-size num t2", role: "gridcell" }, row.size === null || row.size === undefined ? "–" : formatSize(row.size)));
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

function remoteWord(row) {
  if (row.remote === null || row.remote === undefined) return el("span", { class: "t3", title: "Nobody has asked the remote yet" }, "–");
  if (!row.remote) return el("span", { class: "state is-ok" }, icon("cloud"), "There");
  return el("span", { class: "state is-warn" }, icon("cloud"), row.dir ? `${row.remote.toLocaleString("en")} not there` : "Not there");
}
