// Zoom and pan of one box inside of another: wheel, drag, pinch, buttons; the content never changes, only where it is.
const MIN = 0.1, MAX = 2.5, FIT_MAX = 1.25;

export class Viewport {
  /** outer: what clips. inner: what moves. changed: called after each move. */
  constructor(outer, inner, changed) {
    Object.assign(this, { outer, inner, changed, x: 0, y: 0, scale: 1, size: { width: 0, height: 0 }, touched: false });
    outer.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    outer.addEventListener("pointerdown", (event) => this.drag(event));
  }

  apply() {
    this.inner.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.outer.style.backgroundPosition = `${this.x}px ${this.y}px`;
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

  fit() {
    const { width, height } = this.size, top = 52; // below the search field
    if (!width || !height) return;
    const room = { width: this.outer.clientWidth - 24, height: this.outer.clientHeight - top - 52 };
    this.scale = Math.min(Math.max(Math.min(room.width / width, room.height / height), MIN), FIT_MAX);
    this.x = (this.outer.clientWidth - width * this.scale) / 2;
    this.y = top + Math.max((room.height - height * this.scale) / 2, 0);
    this.touched = false;
    this.apply();
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
