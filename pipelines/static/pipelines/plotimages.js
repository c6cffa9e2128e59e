// Images of all revisions beside or over each other, at one step, under one zoom.
import { el, icon } from "../launcher/frame.js";
import { square } from "./charts.js";
import { named, optionsOf, setOption } from "./plotstate.js";

const MODES = { side: "Side by side", overlay: "Overlay", difference: "Difference" };
const ZOOM_MAX = 16;
const TINY = 100; // pixels; smaller images are enlarged

/** The last step that as many revisions as possible have. */
export function commonStep(plot) {
  let found = null;
  for (const step of plot.steps) if (!found || step[2].length >= found[2].length) found = step;
  return found ? found[0] : null;
}

export function modePicker(card) {
  const now = optionsOf(card.plot.id).mode || "side";
  return el("select", { class: "pick", "data-testid": "image-mode", "aria-label": `${card.plot.title}: how images are compared`, onchange: (event) => { setOption(card.plot.id, "mode", event.target.value === "side" ? "" : event.target.value); card.redraw(); } },
    ...Object.entries(MODES).map(([mode, word]) => el("option", { value: mode, selected: mode === now }, word)));
}

/** Step back, slider, step on; card.step is what is shown. */
export function stepper(card) {
  const numbers = [...new Set(card.plot.steps.map(([number]) => number))];
  const at = el("span", { class: "at sm", "data-testid": "step" });
  const slider = el("input", { type: "range", min: 0, max: numbers.length - 1, step: 1, "data-testid": "stepper", "aria-label": `${card.plot.title}: step` });
  const show = (index) => {
    const kept = Math.max(0, Math.min(numbers.length - 1, index));
    slider.value = kept;
    card.step = numbers[kept];
    at.replaceChildren(el("span", { class: "strong" }, String(card.step)), el("span", { class: "t3" }, ` of ${numbers.at(-1)}`));
    slider.setAttribute("aria-valuetext", `step ${card.step}`);
  };
  const go = (index) => { show(index); clearTimeout(card.later); card.later = setTimeout(() => card.ask(), 60); };
  show(Math.max(0, numbers.indexOf(card.step)));
  slider.addEventListener("input", () => go(Number(slider.value)));
  const button = (step, label, classes, testid) => el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-testid": testid, title: label, "aria-label": `${card.plot.title}: ${label}`, onclick: () => go(Number(slider.value) + step) }, icon("chev-r", classes));
  return el("div", { class: "stepper" }, el("span", { class: "sm t3" }, "Step"), button(-1, "Step back", "back", "step-back"), slider, button(1, "Step on", "", "step-on"), at);
}

/** One zoom for all images of a card: shift and wheel, drag, double click; + - 0 and arrows on the keyboard. */
class Zoom {
  constructor() { Object.assign(this, { scale: 1, x: 0, y: 0, panes: new Set() }); }
  attach(pane) {
    for (const other of this.panes) if (!other.isConnected && other.dataset.row !== pane.dataset.row) this.panes.delete(other); // of an earlier row of images
    this.panes.add(pane);
    pane.addEventListener("wheel", (event) => { if (!event.shiftKey && !event.ctrlKey) return; event.preventDefault(); const box = pane.getBoundingClientRect(); this.by(Math.exp(-(event.deltaY || event.deltaX) * 0.002), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height); }, { passive: false });
    pane.addEventListener("dblclick", () => this.reset());
    pane.addEventListener("keydown", (event) => {
      const moves = { "+": () => this.by(1.25), "=": () => this.by(1.25), "-": () => this.by(0.8), 0: () => this.reset(), ArrowLeft: () => this.move(0.1, 0), ArrowRight: () => this.move(-0.1, 0), ArrowUp: () => this.move(0, 0.1), ArrowDown: () => this.move(0, -0.1) };
      if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      moves[event.key]();
    });
    pane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.scale === 1) return;
      event.preventDefault();
      pane.setPointerCapture(event.pointerId);
      let { clientX, clientY } = event;
      const box = pane.getBoundingClientRect();
      const drag = (moved) => { this.move((moved.clientX - clientX) / box.width, (moved.clientY - clientY) / box.height); ({ clientX, clientY } = moved); };
      pane.addEventListener("pointermove", drag);
      const end = () => pane.removeEventListener("pointermove", drag);
      pane.addEventListener("pointerup", end, { once: true });
      pane.addEventListener("pointercancel", end, { once: true });
    });
    this.apply();
  }
  by(factor, x = 0.5, y = 0.5) {
    const scale = Math.min(ZOOM_MAX, Math.max(1, this.scale * factor));
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.apply();
  }
  move(x, y) { this.x += x; this.y += y; this.apply(); }
  reset() { Object.assign(this, { scale: 1, x: 0, y: 0 }); this.apply(); }
  apply() {
    const least = 1 - this.scale; // nothing beside the image is seen
    this.x = Math.min(0, Math.max(least, this.x));
    this.y = Math.min(0, Math.max(least, this.y));
    for (const pane of this.panes) {
      pane.dataset.zoom = this.scale.toFixed(2);
      pane.classList.toggle("is-near", this.scale > 2);
      pane.firstChild.style.transform = this.scale === 1 ? "" : `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`;
    }
  }
}

/** The images of a card's data: a column per revision. */
export function imageRow(card) {
  const { data, plot } = card;
  const mode = optionsOf(plot.id).mode || "side";
  const shown = new Map(data.images.map((image) => [image.rev, image]));
  const failed = new Set(data.problems.map((problem) => problem.where));
  card.zoom ||= new Zoom();
  const rowId = String(card.rows = (card.rows || 0) + 1);
  const chips = named();
  const first = chips.find((chip) => shown.get(chip.name)?.url);
  const picture = (chip, classes = "") => el("img", { src: shown.get(chip.name).url, alt: `${card.wanted} at ${chip.name}`, class: classes, draggable: "false", "data-testid": "image", onload: (event) => event.target.classList.toggle("is-tiny", event.target.naturalWidth < TINY && event.target.naturalWidth > 0) });
  const blend = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.5, "data-testid": "blend", "aria-label": `${plot.title}: how much of the image above is seen` });
  const columns = chips.filter((chip) => mode === "side" || chip !== first).map((chip) => {
    const image = shown.get(chip.name);
    const words = mode === "side" ? chip.name : `${chip.name} ${mode === "overlay" ? "over" : "against"} ${first ? first.name : ""}`;
    const caption = el("figcaption", { class: "row" }, square(chip.series), el("span", { class: "medium trunc", title: chip.subject || chip.name }, words));
    let content;
    if (image && image.url) {
      const inner = el("div", { class: `layers is-${mode}` }, ...(mode === "side" ? [picture(chip)] : [picture(first), picture(chip, "above")]));
      content = el("div", { class: "pane", tabindex: "0", role: "group", "aria-label": `${plot.title} at ${chip.name}: + and - zoom all images, arrows move`, "data-testid": "pane" }, inner);
      content.dataset.row = rowId;
      card.zoom.attach(content);
    } else if (image) content = el("div", { class: "absent is-bad", "data-testid": "absent" }, image.problem);
    else if (failed.has(`${card.wanted} at ${chip.name}`)) content = el("div", { class: "absent is-bad", "data-testid": "absent" }, "not readable, see below");
    else content = el("div", { class: "absent", "data-testid": "absent" }, plot.steps.length ? `no image at step ${card.step}` : "no image");
    return el("figure", { "data-rev": chip.name }, caption, content);
  });
  const row = el("div", { class: "images", tabindex: columns.length > 1 ? "0" : null, role: "group", "aria-label": plot.title }, ...(columns.length ? columns : [el("p", { class: "t3" }, "Add a second revision to compare with.")]));
  if (mode !== "overlay") return row;
  blend.addEventListener("input", () => { for (const above of row.querySelectorAll(".above")) above.style.opacity = blend.value; });
  for (const above of row.querySelectorAll(".above")) above.style.opacity = blend.value;
  return el("div", {}, el("label", { class: "row blend sm t2" }, `${first ? first.name : ""}`, blend, "the other"), row);
}
