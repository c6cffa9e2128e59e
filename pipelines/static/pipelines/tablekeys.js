// Keys of the experiments table. Whatever the mouse does can be done with them.
import { collapsed, experimentOf, table } from "./tabledata.js";
import { closeMenu, isMenuOpen } from "./tablemenu.js";

export function startKeys(on) {
  const at = () => on.cursor();
  const row = () => (at() === null ? undefined : table.index.get(at()));
  const foldable = () => { const item = table.items.find((one) => one.id === at()); return item && (item.n < 0 || (!experimentOf(item.n) && item.id !== "workspace")) ? item : null; };
  const foldTo = (isFolded) => { const item = foldable(); if (item && collapsed.has(item.id) !== isFolded) on.fold(item.id); };
  const keys = {
    j: () => on.moveTo(1), ArrowDown: () => on.moveTo(1), k: () => on.moveTo(-1), ArrowUp: () => on.moveTo(-1),
    PageDown: () => on.moveTo(on.page()), PageUp: () => on.moveTo(-on.page()), Home: () => on.moveTo(-1e9), End: () => on.moveTo(1e9),
    x: () => row() !== undefined && on.pick(at(), false), X: () => row() !== undefined && on.pick(at(), true), b: () => row() !== undefined && on.setBase(at()),
    m: () => on.menuOf(at()), d: () => on.setDelta(), o: on.only, c: on.compare, p: on.plots, n: on.run,
    Enter: () => { const item = foldable(); if (item && item.n < 0) on.fold(item.id); else on.menuOf(at()); },
    h: () => foldTo(true), l: () => foldTo(false), Escape: on.clear,
  };
  document.addEventListener("keydown", (event) => {
    if (!table.data || event.defaultPrevented || isMenuOpen() && event.key !== "Escape") return;
    if (isMenuOpen()) { closeMenu(); return; }
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") { event.preventDefault(); on.pickGroup(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isOnControl = event.target.closest("button, a, summary");
    if (isOnControl && ["Enter", " ", "Home", "End", "PageDown", "PageUp"].includes(event.key)) return;
    if (event.key in keys) { event.preventDefault(); keys[event.key](); }
  });
}
