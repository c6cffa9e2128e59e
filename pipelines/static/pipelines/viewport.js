// Zoom and pan of one box inside of another: wheel, drag, pinch, buttons; the content never changes, only where it is.
const MIN = 0.1, MAX = 2.5, FIT_MAX = 1.25;
const DOTS = 20; // pixels between those of the ground
const READABLE = 0.7, START = 0.9; // scales: the smallest to begin with, and what is taken instead of a smaller one

export class Viewport {
  /** outer: what clips. inner: what moves. changed: called after each move. */
  constructor(outer, inner, changed) {
    Object.assign(this, { outer, inner, changed, x: 0, y: 0, scale: 1, size: { width: 0, height: 0 }, touched: false });
    this.ground = document.createElement("div"); // dots that move with the content, as a layer of their own
    this.ground.className = "ground";
    outer.prepend(this.ground);
    outer.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    outer.addEventListener("pointerdown", (event) => this.drag(event));
  }

  apply() {
    this.inner.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.ground.style.transform = `translate(${this.x % DOTS}px, ${this.y % DOTS}px)`;
    this.changed();
  }

  zoomBy(factor, at = { x: this.outer.clientWidth / 2, y: this.outer.clientHeight / 2 }) {
    const scale = Math.min(Math.max(this.scale * factor, MIN), MAX);
    this.x = at.x - (at.x - this.x) * scale / this.scale;
    this.y = at.y - (at.y - this.y) * scale / this.scale;
    this.scale = scale;
    this.touched = true;
    this.apply();
  }

  /** Room for the content: below the search field, above the buttons. */
  get room() { return { left: 12, top: 52, width: this.outer.clientWidth - 24, height: this.outer.clientHeight - 104 }; }

  get fitScale() { return Math.min(this.room.width / this.size.width, this.room.height / this.size.height); }

  fit() {
    if (!this.size.width || !this.size.height) return;
    this.scale = Math.min(Math.max(this.fitScale, MIN), FIT_MAX);
    this.clamp();
    this.touched = false;
    this.apply();
  }

  /** What is seen first: everything when it is readable then, else the surroundings of a place. */
  start(place) {
    if (!this.size.width || !this.size.height) return;
    if (this.fitScale >= READABLE || !place) { this.fit(); return; }
    this.scale = START;
    this.x = this.outer.clientWidth / 2 - (place.x + place.width / 2) * this.scale;
    this.y = this.outer.clientHeight / 2 - (place.y + place.height / 2) * this.scale;
    this.clamp();
    this.touched = false;
    this.apply();
  }

  /** No empty space beside content that is larger than the window; smaller content in the middle. */
  clamp() {
    const { left, top, width, height } = this.room;
    const axis = (at, from, room, size) => size <= room ? from + (room - size) / 2 : Math.min(from, Math.max(at, from + room - size));
    this.x = axis(this.x, left, width, this.size.width * this.scale);
    this.y = axis(this.y, top, height, this.size.height * this.scale);
  }

  /** Put a place into the middle, readable. */
  center(place) {
    this.scale = Math.max(this.scale, 0.8);
    this.x = this.outer.clientWidth / 2 - (place.x + place.width / 2) * this.scale;
    this.y = this.outer.clientHeight / 2 - (place.y + place.height / 2) * this.scale;
    this.touched = true;
    this.apply();
  }

  /** Move as little as needed to show a place. */
  reveal(place) {
    const margin = 24, left = place.x * this.scale + this.x, top = place.y * this.scale + this.y;
    const right = left + place.width * this.scale, bottom = top + place.height * this.scale;
    const dx = left < margin ? margin - left : right > this.outer.clientWidth - margin ? this.outer.clientWidth - margin - right : 0;
    const dy = top < margin + 40 ? margin + 40 - top : bottom > this.outer.clientHeight - margin ? this.outer.clientHeight - margin - bottom : 0;
    if (!dx && !dy) return;
    this.x += dx;
    this.y += dy;
    this.touched = true;
    this.apply();
  }

  wheel(event) {
    event.preventDefault();
    const box = this.outer.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.outer.clientHeight : 1;
    const isMouse = event.deltaX === 0 && (event.deltaMode === 1 || Math.abs(event.deltaY) >= 100);
    if (event.ctrlKey || event.metaKey || (isMouse && !event.shiftKey)) {
      this.zoomBy(Math.exp(-event.deltaY * unit * (event.ctrlKey && !isMouse ? 0.01 : 0.0015)), { x: event.clientX - box.left, y: event.clientY - box.top });
      return;
    }
    this.x -= (event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX) * unit;
    this.y -= (event.shiftKey && !event.deltaX ? 0 : event.deltaY) * unit;
    this.touched = true;
    this.apply();
  }

  drag(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    let { clientX, clientY } = event;
    this.outer.setPointerCapture(event.pointerId);
    this.outer.classList.add("is-drag");
    const move = (moved) => {
      this.x += moved.clientX - clientX;
      this.y += moved.clientY - clientY;
      ({ clientX, clientY } = moved);
      this.touched = true;
      this.apply();
    };
    const stop = () => { this.outer.classList.remove("is-drag"); this.outer.removeEventListener("pointermove", move); };
    this.outer.addEventListener("pointermove", move);
    this.outer.addEventListener("pointerup", stop, { once: true });
    this.outer.addEventListener("pointercancel", stop, { once: true });
  }
}
