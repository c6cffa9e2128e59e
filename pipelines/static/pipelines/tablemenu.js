// A menu at a place of the page: for rows, columns and views. Keyboard as in any menu; it stays while the table changes below it.
import { el, icon } from "../launcher/frame.js";

let open = null;
export const isMenuOpen = () => open !== null;
export function closeMenu(returnsFocus = true) {
  if (!open) return;
  const { node, back } = open;
  open = null;
  node.remove();
  if (returnsFocus && back && back.isConnected) back.focus({ preventScroll: true });
}

/**
 * entries: null for a line, {heading}, or {label, symbol, run, hint, title, testid, href, isOn, isDanger}. box: a rectangle that it belongs to.
 * back: what gets the focus when it closes.
 */
export function openMenu(entries, box, { label, back = document.activeElement, testid = "menu" } = {}) {
  closeMenu(false);
  const items = entries.filter((entry) => entry !== undefined && entry !== false).map((entry) => {
    if (entry === null) return el("hr", { role: "separator" });
    if (entry.heading) return el("div", { class: "menu-h", role: "presentation" }, entry.heading);
    const attributes = { class: `menu-i${entry.isDanger ? " is-bad" : ""}`, role: entry.isOn === undefined ? "menuitem" : "menuitemcheckbox", tabindex: "-1", "data-testid": entry.testid, title: entry.title, "aria-checked": entry.isOn === undefined ? null : String(entry.isOn) };
    const content = [entry.symbol ? icon(entry.symbol) : el("span", { class: "i" }), el("span", { class: "trunc" }, entry.label), entry.hint ? el("span", { class: "end t3 sm" }, entry.hint) : entry.isOn ? icon("check", "end") : null];
    if (entry.href) return el("a", { ...attributes, href: entry.href }, ...content);
    return el("button", { ...attributes, type: "button", onclick: () => { closeMenu(); entry.run(); } }, ...content);
  });
  const node = el("div", { class: "menu popmenu", role: "menu", "aria-label": label, "data-testid": testid }, ...items);
  document.body.append(node);
  const { width, height } = node.getBoundingClientRect();
  node.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  node.style.top = `${box.bottom + height + 12 > innerHeight && box.top - height - 4 > 8 ? box.top - height - 4 : Math.max(8, Math.min(box.bottom + 4, innerHeight - height - 8))}px`;
  const targets = [...node.querySelectorAll(".menu-i")];
  node.addEventListener("keydown", (event) => {
    const at = targets.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + (at < 0 ? 1 : 0), Home: 0, End: targets.length - 1 }[event.key];
    if (to !== undefined) targets[(to + targets.length) % targets.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") closeMenu();
    else if (event.key.length === 1) {
      const found = [...targets.slice(at + 1), ...targets.slice(0, at + 1)].find((one) => one.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
      if (found) found.focus();
      if (event.key === " " || event.key === "Enter") return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  open = { node, back };
  targets[0]?.focus({ preventScroll: true });
  return node;
}

document.addEventListener("pointerdown", (event) => { if (open && !open.node.contains(event.target)) closeMenu(false); }, true);
