// One card: a chart or images, drawn when it comes into view. New rows go into the chart that is there, so that zoom and pan stay.
import { actionButton } from "../launcher/actions.js";
import { el, icon, problemCard } from "../launcher/frame.js";
import { chartBox, draw, follow, lineTip, pinTip, plainTip } from "./charts.js";
import { commonStep, imageRow, modePicker, stepper } from "./plotimages.js";
import { corner, grip, placeCard } from "./plotlayout.js";
import { axesMenu, downloadsMenu } from "./plotmenus.js";
import { frameOf, prepared, smoothed } from "./plotspecs.js";
import { chipOf, onPoint, optionsOf, paramsOf, point, seriesOf, state } from "./plotstate.js";

/** The card's name: a file's without what it ends in. */
const nameOf = (plot) => (plot.title === plot.name ? plot.title.replace(/(.)\.(tsv|csv|json|ya?ml|png|jpe?g|gif|svg)$/i, "$1") : plot.title);

export class Card {
  /** hooks: {ask(card), full(card)} of the page. */
  constructor(plot, hooks) {
    Object.assign(this, { plot, hooks, data: null, text: "", drawn: null, generation: -1, draws: 0, step: commonStep(plot), isSeen: false });
    this.body = el("div", { class: "card-body" });
    this.head = el("div", { class: "card-head" });
    this.node = el("section", { class: `card plot${plot.kind === "images" && state.page.revisions.length > 1 ? " wide" : ""}`, "data-testid": "plot", "data-id": plot.id, "data-draws": "0", "aria-label": plot.title }, this.head, this.body, corner(this));
    this.makeHead();
    this.place();
    this.wait();
    this.node.zoomed = () => { const zoom = this.data?.kind === "line" ? this.drawn?.view.signal("zoom") : null; return zoom && Object.keys(zoom).length ? zoom : null; }; // for tests: what is seen
    this.node.rowCount = () => { const { spec } = this.data || {}; return (this.drawn && (spec.data?.values ?? spec.datasets.runs).length) || 0; };
    this.forget = onPoint((pointed) => this.pointed(pointed));
  }

  /** What the server is asked for: the plot, or the image at this step. */
  get wanted() {
    if (!this.plot.steps.length) return this.plot.id;
    const found = this.plot.steps.find(([number]) => number === this.step);
    return found ? found[1] : this.plot.steps.at(-1)[1];
  }
  get x() { return optionsOf(this.plot.id).x || ""; }
  ask() { this.hooks.ask(this); }
  place() { placeCard(this); }

  makeHead() {
    const { plot } = this;
    const parts = [grip(this), el("h3", { class: "trunc", title: plot.title }, nameOf(plot)), plot.folder ? el("span", { class: "t3 sm trunc sub", title: plot.id }, plot.folder) : null, el("span", { class: "grow" })];
    if (plot.steps.length) parts.push(stepper(this));
    if (plot.kind === "images") parts.push(modePicker(this)); else parts.push(...this.menus());
    parts.push(el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-testid": "full", title: "Full screen", "aria-label": `${plot.title} on the full screen`, onclick: () => this.hooks.full(this) }, icon("expand")));
    if (plot.kind !== "images") parts.push(downloadsMenu(this));
    this.head.replaceChildren(...parts.filter(Boolean));
  }
  menus() { return [axesMenu(this)]; }
  /** As `makeHead`, but a menu that is open stays so, and what is focused in it. */
  remakeHead() {
    const open = [...this.head.querySelectorAll("details")].findIndex((menu) => menu.open);
    const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.testid : "";
    this.makeHead();
    if (open >= 0) this.head.querySelectorAll("details")[open].open = true;
    if (focused) this.head.querySelector(`[data-testid="${focused}"]`)?.focus();
  }

  wait() { this.body.replaceChildren(el("div", { class: "chart-box" }, el("div", { class: "wait" }))); }
  fail(error) {
    this.text = "";
    this.release();
    this.body.replaceChildren(problemCard({ where: this.plot.id, reason: error.message }));
    this.node.classList.add("is-failed");
  }
  release() { if (this.drawn) { this.drawn.finalize(); this.drawn = null; } }
  end() { this.release(); this.forget(); this.node.remove(); }

  async show(data) {
    const text = JSON.stringify(data);
    if (text === this.text) return;
    const before = this.data;
    this.data = data;
    this.text = text;
    this.node.classList.toggle("wide", (data.kind === "images" ? data.images.length + data.problems.length : data.is_divided && data.revs.length) > 1); // several stand side by side
    this.node.classList.toggle("has-part", data.is_divided && data.revs.length === 1);
    this.node.classList.toggle("is-failed", data.problems.length > 0 && !data.spec && !data.images.length);
    if (data.spec && JSON.stringify(before?.x_choices) !== JSON.stringify(data.x_choices)) this.remakeHead();
    if (this.drawn && before?.kind === "line" && data.kind === "line" && frameOf(before.spec) === frameOf(data.spec) && !optionsOf(this.plot.id).clip) {
      this.setNotes();
      await this.patch();
    } else await this.redraw();
  }
  notes() {
    const { data } = this;
    const fetch = data.fetch?.length ? el("p", {}, actionButton("Fetch what is missing", data.fetch, { symbol: "dl", testid: "fetch" })) : null;
    return [...data.problems.map(problemCard), fetch, ...(data.notes || []).map((note) => el("p", { class: "note-line" }, note))].filter(Boolean);
  }
  setNotes() { this.body.replaceChildren(this.body.firstChild, ...this.notes()); }

  async redraw() {
    const { data } = this;
    if (!data) return;
    this.draws += 1;
    this.node.dataset.draws = String(this.draws);
    if (data.kind === "images") { this.release(); this.body.replaceChildren(imageRow(this), ...this.notes()); return; }
    if (!data.spec) { this.release(); this.body.replaceChildren(...this.notes()); return; }
    const box = chartBox(data.is_divided, this.plot.title);
    const before = this.drawn;
    this.drawn = null;
    this.body.replaceChildren(box, ...this.notes());
    if (before) before.finalize();
    try {
      const drawn = await this.draw(box.firstChild);
      if (!box.isConnected) { drawn.finalize(); return; }
      this.drawn = drawn;
      if (drawn.errors.length) this.body.append(problemCard({ where: this.plot.id, reason: `this plot cannot be drawn as its template says: ${drawn.errors[0]}` }));
    } catch (error) {
      this.body.replaceChildren(problemCard({ where: this.plot.id, reason: `this plot cannot be drawn: ${error.message}`, hint: "Look at its template in .dvc/plots." }), ...this.notes());
      this.node.classList.add("is-failed");
    }
  }

  /** Draw the data into a node; also for the full screen. */
  async draw(node) {
    const { data } = this;
    const drawn = await draw(node, prepared(data.spec, data.kind, optionsOf(this.plot.id)), (datum, value) => this.tip(datum, value));
    if (data.kind === "line") {
      const near = (row, dot) => {
        point(row && row.rev, row && row.x, this);
        return row && lineTip(this.data.spec.data.values, this.data.x_label, row, dot, seriesOf, (rev) => paramsOf(chipOf(rev), 4));
      };
      drawn.pointer = follow(node, drawn.view, () => this.data.spec.data.values, near, pinTip);
    } else {
      drawn.view.addEventListener("click", pinTip);
      drawn.view.addEventListener("pointerout", () => point(""));
    }
    return drawn;
  }
  tip(_, value) {
    if (typeof value === "object" && value.rev) point(value.rev, null, this);
    return plainTip(value);
  }

  /** New rows in the chart that is there. */
  async patch() {
    const { view } = this.drawn, { spec } = this.data;
    view.data("rows", smoothed(spec.data.values, optionsOf(this.plot.id).smoothing || 0));
    if (spec.datasets?.band) view.data("band", structuredClone(spec.datasets.band));
    await view.runAsync();
  }
  /** Change the smoothed line only: axes, zoom and everything else stay. */
  smooth() {
    if (!this.drawn || !this.data.spec.data) return;
    this.drawn.view.data("rows", smoothed(this.data.spec.data.values, optionsOf(this.plot.id).smoothing || 0)).signal("smoothing", optionsOf(this.plot.id).smoothing || 0).runAsync();
  }

  /** A revision is pointed at, on a chip or another card. */
  pointed({ rev, x, from }) {
    if (!this.drawn || this.data.kind !== "line" || from === this || !this.isSeen) return;
    if (this.drawn.pointer) this.drawn.pointer.mark(x);
    if (this.drawn.picked !== rev) { this.drawn.picked = rev; this.drawn.view.signal("picked", this.data.revs.includes(rev) ? rev : "").runAsync(); }
  }
}
