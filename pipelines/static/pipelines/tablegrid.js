// A grid that holds only the rows and cells in sight, whatever their number. One element scrolls; the head, the pinned row and the body stick to
// its left edge, and what scrolls sideways inside of them is moved from here: a sticky cell in each row would be a layer of its own in each row.
// Drawing changes what differs: elements stay, so a live change moves neither scroll nor focus nor menus.
import { el } from "../launcher/frame.js";

const ROWS_AROUND = 6;
const PIXELS_AROUND = 200, PIXELS_NEAR = 40; // columns out of sight that are there; so near they have to be, else all change again
const SPARES = 60; // rows that are out of sight and may be taken again

export class Grid {
  /**
   * box: scrolls. cell(item, column): {text, title, cls}, where title is text or what gives it when the pointer comes, or {make, sign} with a
   * node that is made anew when `sign` changes; with `shape` and `fill`, the node of another sign and the same shape is filled instead.
   * row(item): {cls, attributes}. head(column, node): fills a head cell once.
   */
  constructor(box, { cell, row, head, headRows }) {
    this.box = box;
    this.hooks = { cell, row, head };
    this.headRows = headRows;
    this.around = 0; // rows out of sight that are there, too; none at first, so that the others are there sooner
    this.items = []; this.pinned = null; this.fixed = []; this.columns = [];
    this.nodes = new Map(); // id of an item -> node
    this.heads = new Map(); // id of a column -> node
    this.reached = null; // id of the column whose title Tab comes to; arrow keys lead to the others
    this.headNode = el("div", { class: "g-head", role: "rowgroup" });
    this.pinnedNode = el("div", { class: "g-pinned", role: "rowgroup" });
    this.body = el("div", { class: "g-body", role: "rowgroup" });
    this.size = el("div", { class: "g-size", role: "presentation" }, this.headNode, this.pinnedNode, this.body);
    this.sizeBefore = this.look(); // while data is on its way: asked for later, the first rows would have to wait for the layout of the head
    box.replaceChildren(this.size);
    let isAsked = false;
    this.later = () => { if (!isAsked) { isAsked = true; requestAnimationFrame(() => { isAsked = false; this.update(); }); } };
    box.addEventListener("scroll", this.later, { passive: true });
    box.addEventListener("pointerover", (event) => this.tell(event.target.closest(".g-c")));
    box.addEventListener("focusin", (event) => this.revealHead(event.target));
    this.headNode.addEventListener("keydown", (event) => this.walkHeads(event));
    new ResizeObserver(this.later).observe(box);
  }

  /** columns: [{id, width, spans: names of the headings above, cls, room: characters of a text that surely fits}]. fixed: those that stay at the left. */
  setColumns(fixed, columns, rowHeight, headHeight) {
    Object.assign(this, { fixed, columns, rowHeight, headHeight });
    let left = 0;
    for (const column of fixed) { column.left = left; left += column.width; }
    this.fixedWidth = left;
    for (const column of columns) { column.left = left; left += column.width; }
    this.width = left;
    this.box.style.setProperty("--fixed-w", `${this.fixedWidth}px`);
    this.size.style.width = `${this.width}px`;
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
    this.spare = [];
    this.buildHead();
    this.range = null;
    this.shift = null;
    this.box.setAttribute("aria-colcount", String(fixed.length + columns.length));
  }

  /** items: [{id, n}]. pinned: the one that stays below the head, or null. */
  setItems(items, pinned) {
    this.items = items;
    this.pinned = pinned;
    this.places = new Map(items.map((item, at) => [item.id, at]));
    this.body.style.height = `${items.length * this.rowHeight + 72}px`; // room below for the bar of the selection
    this.box.setAttribute("aria-rowcount", String(items.length + this.headRows + (pinned ? 1 : 0)));
    this.update(true);
    if (!this.around) { this.around = ROWS_AROUND; this.later(); }
  }

  // --- head
  buildHead() {
    this.heads.clear();
    const total = this.headRows * this.headHeight;
    this.headNode.style.height = `${total}px`;
    this.pinnedNode.style.top = `${total}px`;
    const rows = [];
    this.moved = [];
    this.spanNodes = [];
    for (let level = 0; level < this.headRows - 1; level += 1) {
      const row = el("div", { class: "g-hrow", role: "row", "aria-rowindex": String(level + 1) });
      row.style.height = `${this.headHeight}px`;
      const corner = el("div", { class: "g-corner", role: "columnheader", "aria-label": "Experiment" });
      corner.style.width = `${this.fixedWidth}px`;
      const moved = el("div", { class: "g-move", role: "presentation" });
      this.moved.push(moved);
      row.append(corner, moved);
      for (const span of this.spans(level)) {
        const node = el("div", { class: `g-span ${span.cls}`, role: "columnheader", title: span.title || null, "aria-colspan": String(span.count) }, span.make?.(span) ?? el("span", { class: "trunc" }, span.name || "\u00a0"));
        if (!span.name) node.setAttribute("aria-label", "no heading");
        node.style.left = `${span.left}px`;
        node.style.width = `${span.width}px`;
        this.spanNodes.push({ node, label: node.firstChild, left: span.left, width: span.width });
        moved.append(node);
      }
      rows.push(row);
    }
    this.leafRow = el("div", { class: "g-hrow g-leaves", role: "row", "aria-rowindex": String(this.headRows) });
    this.leafRow.style.height = `${this.headHeight}px`;
    const corner = el("div", { class: "g-fix", role: "presentation" }, ...this.fixed.map((column, at) => this.headCell(column, at)));
    this.leaves = el("div", { class: "g-move", role: "presentation" });
    this.moved.push(this.leaves);
    this.leafRow.append(corner, this.leaves);
    this.headNode.replaceChildren(...rows, this.leafRow);
    this.setReached();
  }

  spans(level) {
    const found = [];
    for (const column of this.columns) {
      const span = column.spans[level];
      const last = found.at(-1);
      if (last && last.key === span.key) { last.width += column.width; last.count += 1; } else found.push({ ...span, left: column.left, width: column.width, count: 1 });
    }
    return found;
  }

  headCell(column, at) {
    const node = el("div", { class: `g-h ${column.cls || ""}`, role: "columnheader", "data-column": column.id, "aria-colindex": String(at + 1) });
    node.style.width = `${column.width}px`;
    if (at >= this.fixed.length) node.style.left = `${column.left}px`;
    this.hooks.head(column, node);
    this.heads.set(column.id, node);
    return node;
  }

  // --- what is in sight
  /** Where the box is scrolled to, and what of it is seen; asked for before anything is changed, else each question is a layout. */
  look() {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.box;
    return { scrollLeft, scrollTop, clientWidth, clientHeight };
  }

  columnsInSight({ scrollLeft, clientWidth }, around) {
    const from = scrollLeft + this.fixedWidth - around, to = scrollLeft + clientWidth + around;
    let first = 0;
    while (first < this.columns.length && this.columns[first].left + this.columns[first].width < from) first += 1;
    let last = first;
    while (last < this.columns.length && this.columns[last].left < to) last += 1;
    return [first, last];
  }

  /** Bring the elements in line with where the box is scrolled to. isAll: also the content of those that are there. */
  update(isAll = false) {
    if (!this.rowHeight) return;
    const seen = this.sizeBefore || this.look();
    this.sizeBefore = null;
    this.move(seen);
    const [nearFirst, nearLast] = this.columnsInSight(seen, PIXELS_NEAR);
    const isOther = !this.range || nearFirst < this.range[0] || nearLast > this.range[1];
    if (isOther) { this.range = this.columnsInSight(seen, PIXELS_AROUND); this.updateHead(); }
    const from = Math.max(0, Math.floor(seen.scrollTop / this.rowHeight) - this.around);
    const to = Math.min(this.items.length, Math.ceil((seen.scrollTop + seen.clientHeight) / this.rowHeight) + this.around);
    const wanted = new Set();
    for (let at = from; at < to; at += 1) wanted.add(this.items[at].id);
    for (const [id, node] of this.nodes) {
      if (wanted.has(id) || (this.pinned && id === this.pinned.id)) continue;
      this.nodes.delete(id);
      if (node === this.pinnedNode.firstChild) { node.remove(); continue; }
      if (node.contains(document.activeElement)) this.box.focus({ preventScroll: true });
      this.spare.push(node); // another row takes it
    }
    if (this.pinned) this.place(this.pinned, -1, isAll, isOther); else this.pinnedNode.replaceChildren();
    for (let at = from; at < to; at += 1) {
      const node = this.place(this.items[at], at, isAll, isOther);
      if (node.parentNode !== this.body) this.body.append(node); // in any order: aria-rowindex tells it, and moving elements is slow
    }
    for (const node of this.spare) node.remove();
    this.spare.length = Math.min(this.spare.length, SPARES);
    this.sight = [from, to];
  }

  /** Bring what scrolls sideways to where the box is scrolled to. */
  move({ scrollLeft }) {
    if (this.shift === scrollLeft) return;
    this.shift = scrollLeft;
    this.transform = scrollLeft ? `translateX(${-scrollLeft}px)` : "none";
    for (const node of this.moved) node.style.transform = this.transform;
    for (const node of this.nodes.values()) { node.shift = this.transform; node.moved.style.transform = this.transform; }
    for (const { label, left, width } of this.spanNodes) { // a heading stays in sight as long as one of its columns does
      const hidden = Math.max(0, Math.min(width - 48, scrollLeft + this.fixedWidth - left));
      label.style.marginLeft = hidden ? `${hidden}px` : "";
    }
  }

  updateHead() {
    const [first, last] = this.range;
    const wanted = new Set(this.columns.slice(first, last).map((column) => column.id));
    const fixed = new Set(this.fixed.map((column) => column.id));
    for (const [id, node] of this.heads) if (!wanted.has(id) && !fixed.has(id) && !node.contains(document.activeElement)) { node.remove(); this.heads.delete(id); }
    let before = null;
    for (const [at, column] of this.columns.slice(first, last).entries()) {
      const node = this.heads.get(column.id) || this.headCell(column, this.fixed.length + first + at);
      if (node.previousSibling !== before || !node.parentNode) this.leaves.insertBefore(node, before ? before.nextSibling : this.leaves.firstChild);
      before = node;
    }
    this.setReached();
  }

  /** Of a hundred titles Tab comes to one: the last that had the focus, else the first. */
  setReached() {
    const at = this.heads.has(this.reached) ? this.reached : this.titled()[0]?.id;
    for (const [id, node] of this.heads) { const title = node.querySelector("button"); if (title) title.tabIndex = id === at ? 0 : -1; }
  }

  titled() { return [...this.fixed.filter(({ label }) => label), ...this.columns]; }

  walkHeads(event) {
    const all = this.titled(), at = all.findIndex(({ id }) => this.heads.get(id)?.contains(event.target));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.focusHead(all[Math.max(0, Math.min(to, all.length - 1))].id);
  }

  focusHead(id) {
    this.revealColumn(this.columns.find((column) => column.id === id));
    this.update();
    this.heads.get(id)?.querySelector("button")?.focus({ preventScroll: true });
  }

  place(item, at, isAll, isOther) {
    let node = this.nodes.get(item.id);
    const isNew = !node;
    if (isNew && at >= 0 && this.spare.length) node = this.spare.pop();
    else if (isNew) {
      node = el("div", { role: "row" });
      node.cells = new Map();
      node.fixedNode = el("div", { class: "g-fix", role: "presentation" });
      node.moved = el("div", { class: "g-move", role: "presentation" });
      node.append(node.fixedNode, node.moved);
      for (const [at, column] of this.fixed.entries()) node.fixedNode.append(this.cellNode(node, column, at));
      node.style.height = `${this.rowHeight}px`;
      if (at < 0) this.pinnedNode.replaceChildren(node);
    }
    if (isNew) this.nodes.set(item.id, node);
    if (node.shift !== this.transform) { node.shift = this.transform; node.moved.style.transform = this.transform; }
    node.item = item;
    if (at >= 0 && node.at !== at) { node.at = at; node.style.top = `${at * this.rowHeight}px`; node.setAttribute("aria-rowindex", String(at + 1 + this.headRows + (this.pinned ? 1 : 0))); }
    if (at < 0) node.setAttribute("aria-rowindex", String(this.headRows + 1));
    if (isNew || isOther || node.range !== this.range) this.syncCells(node);
    if (isNew || isAll) this.paintRow(node, isNew);
    return node;
  }

  /** at: number of the column. Elements stand in a row in any order, as rows do: aria-colindex tells it. */
  cellNode(row, column, at) {
    const node = document.createElement("div");
    node.setAttribute("role", column.isName ? "rowheader" : "gridcell");
    this.assign(row, node, column, at);
    return node;
  }

  /** Let an element be the cell of a column; what it shows is painted afterwards. */
  assign(row, node, column, at) {
    node.dataset.column = column.id;
    node.setAttribute("aria-colindex", String(at + 1));
    node.base = `g-c ${column.cls || ""}`;
    if (node.column?.width !== column.width) node.style.width = `${column.width}px`;
    if (at >= this.fixed.length) node.style.order = at;
    node.column = column;
    node.sign = undefined;
    node.named = null;
    if (node.isTold) { node.isTold = false; node.removeAttribute("title"); }
    row.cells.set(column.id, node);
  }

  /** Cells of a row for the columns in sight. */
  syncCells(row) {
    const [first, last] = this.range;
    row.range = this.range;
    if (row.first !== first) { row.first = first; row.moved.style.left = `${this.columns[first]?.left ?? 0}px`; }
    const wanted = new Set();
    for (let at = first; at < last; at += 1) wanted.add(this.columns[at].id);
    const free = [];
    for (const [id, node] of row.cells) {
      if (wanted.has(id) || node.parentNode === row.fixedNode) continue;
      row.cells.delete(id);
      if (node.contains(document.activeElement)) node.remove(); else free.push(node); // another column takes it
    }
    for (let at = first; at < last; at += 1) {
      const column = this.columns[at];
      if (row.cells.has(column.id)) continue;
      let node = free.pop();
      if (node) this.assign(row, node, column, this.fixed.length + at);
      else { node = this.cellNode(row, column, this.fixed.length + at); row.moved.append(node); }
      this.paintCell(row.item, node, true);
    }
    for (const node of free) node.remove();
  }

  paintRow(row, isNew) {
    const { cls, attributes } = this.hooks.row(row.item);
    const name = `g-row ${cls}`;
    if (row.className !== name) row.className = name;
    for (const [key, value] of Object.entries(attributes)) if (row.getAttribute(key) !== value) { if (value === null) row.removeAttribute(key); else row.setAttribute(key, value); }
    for (const node of row.cells.values()) this.paintCell(row.item, node, isNew);
  }

  paintCell(item, node, isNew) {
    const wanted = this.hooks.cell(item, node.column);
    const sign = wanted.make ? `${item.id}\0${wanted.sign}` : `${wanted.cls || ""}\0${wanted.text}`;
    node.title_ = wanted.title;
    if (node.sign === sign) { if (node.isTold) this.tell(node); return; }
    const isChanged = !isNew && node.sign !== undefined && node.shown !== wanted.text;
    node.sign = sign;
    node.shown = wanted.text;
    const isLong = wanted.make || wanted.text.length > node.column.room;
    const name = `${node.base}${wanted.cls ? ` ${wanted.cls}` : ""}${isLong ? " long" : ""}`;
    if (node.named !== name) { node.named = name; node.className = name; }
    if (wanted.make) {
      if (wanted.shape && node.shape === wanted.shape) wanted.fill(node.firstChild); else node.replaceChildren(wanted.make());
    } else if (node.isPlain) node.firstChild.data = wanted.text;
    else node.replaceChildren(wanted.text);
    node.isPlain = !wanted.make;
    node.shape = wanted.shape;
    if (node.isTold) this.tell(node);
    if (isChanged && this.isLive) { node.classList.remove("was-changed"); void node.offsetWidth; node.classList.add("was-changed"); setTimeout(() => node.classList.remove("was-changed"), 2000); }
  }

  /** Give a cell its title, which is wanted when the pointer is there. */
  tell(node) {
    if (!node) return;
    node.isTold = true;
    const title = typeof node.title_ === "function" ? node.title_() : node.title_ || "";
    if (node.title !== title) { if (title) node.title = title; else node.removeAttribute("title"); }
  }

  /** Draw what differs from what is shown. isLive: what changed by itself is marked for a moment. */
  paint(isLive = false) {
    this.isLive = isLive;
    for (const node of this.nodes.values()) this.paintRow(node, false);
    this.isLive = false;
  }

  /** Bring a row into sight. */
  reveal(id, isCentred = false) {
    const at = this.places.get(id);
    if (at === undefined) return;
    const over = this.headRows * this.headHeight + (this.pinned ? this.rowHeight : 0);
    const top = at * this.rowHeight, room = this.box.clientHeight - over - this.rowHeight;
    if (isCentred) this.box.scrollTop = Math.max(0, top - room / 2);
    else if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top > this.box.scrollTop + room) this.box.scrollTop = top - room;
    this.update();
  }

  /** Bring a column whose title has the focus into sight: the browser cannot, as the head does not scroll by itself. */
  revealHead(target) {
    const column = this.headNode.contains(target) && this.titled().find(({ id }) => this.heads.get(id)?.contains(target));
    if (!column) return;
    this.reached = column.id;
    this.setReached();
    if (this.columns.includes(column)) this.revealColumn(column);
  }

  revealColumn(column) {
    if (!column) return;
    const { scrollLeft, clientWidth } = this.box, right = column.left + column.width;
    if (right > scrollLeft + clientWidth) this.box.scrollLeft = right - clientWidth;
    else if (column.left < scrollLeft + this.fixedWidth) this.box.scrollLeft = column.left - this.fixedWidth;
  }

  node(id) { return this.nodes.get(id); }
}
