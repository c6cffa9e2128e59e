// The whole graph in the corner, with a frame around what is seen. A press goes there.
import { look } from "./stagestate.js";

const FROM = 30; // nodes; fewer are seen at once
const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

export class Minimap {
  /** root: its box. view: the Viewport. canvas: what clips the graph. */
  constructor(root, view, canvas) {
    Object.assign(this, { root, view, canvas, seen: null, width: 0, height: 0 });
    new ResizeObserver(([entry]) => { this.width = entry.contentRect.width; this.height = entry.contentRect.height; this.move(); }).observe(canvas); // asked for at each move, it would lay everything out
    root.addEventListener("pointerdown", (event) => this.go(event));
  }

  draw(nodes, layout) {
    this.root.hidden = nodes.length <= FROM;
    this.seen = null;
    if (this.root.hidden) return;
    const sheet = svg("svg", { viewBox: `0 0 ${layout.width} ${layout.height}` });
    for (const node of nodes) {
      const { x, y, width, height } = layout.nodes.get(node.id);
      sheet.append(svg("rect", { class: `m-${look(node.state).tone}`, x, y, width, height, rx: 8 }));
    }
    this.seen = svg("rect", { class: "seen" });
    sheet.append(this.seen);
    this.root.replaceChildren(sheet);
    this.move();
  }

  /** The frame follows the view. */
  move() {
    if (!this.seen) return;
    const { x, y, scale } = this.view;
    const values = { x: -x / scale, y: -y / scale, width: this.width / scale, height: this.height / scale };
    for (const [name, value] of Object.entries(values)) this.seen.setAttribute(name, value);
  }

  go(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.root.firstElementChild.getScreenCTM().inverse());
    this.view.x = this.canvas.clientWidth / 2 - at.x * this.view.scale;
    this.view.y = this.canvas.clientHeight / 2 - at.y * this.view.scale;
    this.view.touched = true;
    this.view.apply();
  }
}
