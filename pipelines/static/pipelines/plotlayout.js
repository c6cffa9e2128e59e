// Where cards stand and how large they are: dragged by the grip, resized at the corner, both with arrow keys, too.
import { el, icon } from "../launcher/frame.js";
import { byId, optionsOf, setOption, store } from "./plotstate.js";

const grid = byId("grid");
const STEP = 40; // pixels of height by a key
const HEIGHTS = [120, 900];

export const columnsNow = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

/** Plots in the order the reader gave them; those without a place stay after the one they follow. */
export function ordered(plots) {
  const order = new Map(store.get("order", []).map((id, place) => [id, place]));
  let last = -1;
  return plots.map((plot, index) => { last = order.get(plot.id) ?? last; return { plot, place: last, index }; })
    .sort((one, other) => one.place - other.place || one.index - other.index).map((item) => item.plot);
}
function keepOrder() {
  const shown = [...grid.children].map((node) => node.dataset.id);
  const rest = store.get("order", []).filter((id) => !shown.includes(id));
  store.set("order", [...shown, ...rest]);
}

/** Width in columns and height in pixels as chosen; what was not chosen follows the page. */
export function placeCard(card) {
  const { w, h } = optionsOf(card.plot.id);
  card.node.style.gridColumn = w ? `span ${Math.min(w, columnsNow())}` : "";
  if (h) card.node.style.setProperty("--box", `${h}px`); else card.node.style.removeProperty("--box");
}

function say(card) {
  const nodes = [...grid.children];
  byId("said").textContent = `${card.plot.title}: place ${nodes.indexOf(card.node) + 1} of ${nodes.length}`;
}

export function grip(card) {
  const handle = el("button", { type: "button", class: "grip", "data-testid": "grip", title: "Drag to move, or press arrow keys", "aria-label": `Move ${card.plot.title}: arrow keys` }, icon("grip"));
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const other = step < 0 ? card.node.previousElementSibling : card.node.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(card.node); else other.after(card.node);
    handle.focus();
    card.node.scrollIntoView({ block: "nearest" });
    keepOrder();
    say(card);
  });
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    card.node.classList.add("is-dragged");
    const move = (moved) => {
      const under = document.elementsFromPoint(moved.clientX, moved.clientY).map((node) => node.closest(".plot")).find((node) => node && node !== card.node && node.parentNode === grid);
      if (!under) return;
      const isBefore = [...grid.children].indexOf(under) < [...grid.children].indexOf(card.node);
      if (isBefore) under.before(card.node); else under.after(card.node);
    };
    const end = () => { handle.removeEventListener("pointermove", move); card.node.classList.remove("is-dragged"); keepOrder(); };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
    handle.addEventListener("pointercancel", end, { once: true });
  });
  return handle;
}

export function corner(card) {
  const handle = el("button", { type: "button", class: "corner", "data-testid": "resize", title: "Drag to resize, or press arrow keys", "aria-label": `Resize ${card.plot.title}: arrow keys` });
  const spanOf = () => Math.round(card.node.offsetWidth / (grid.clientWidth / columnsNow()));
  const heightOf = () => card.node.querySelector(".chart-box, .images")?.offsetHeight || 208;
  const set = (w, h) => {
    setOption(card.plot.id, "w", Math.max(1, Math.min(columnsNow(), w)));
    setOption(card.plot.id, "h", Math.round(Math.max(HEIGHTS[0], Math.min(HEIGHTS[1], h))));
    placeCard(card);
    dispatchEvent(new Event("resize")); // charts fit their box anew
  };
  handle.addEventListener("keydown", (event) => {
    const [dw, dh] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] || [0, 0];
    if (!dw && !dh) return;
    event.preventDefault();
    set(spanOf() + dw, heightOf() + dh);
  });
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const { clientX, clientY } = event, width = card.node.offsetWidth, height = heightOf(), column = grid.clientWidth / columnsNow();
    const move = (moved) => set(Math.round((width + moved.clientX - clientX) / column), height + moved.clientY - clientY);
    handle.addEventListener("pointermove", move);
    const end = () => handle.removeEventListener("pointermove", move);
    handle.addEventListener("pointerup", end, { once: true });
    handle.addEventListener("pointercancel", end, { once: true });
  });
  return handle;
}
