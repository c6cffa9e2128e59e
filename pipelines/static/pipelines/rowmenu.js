// A menu at a button: opens under it, goes with Escape or a click elsewhere, arrows walk through it.
import { el, icon } from "../launcher/frame.js";
import { commandOf } from "../launcher/actions.js";

let open = null;
function close(focus = true) {
  if (!open) return;
  const { menu, anchor } = open;
  open = null;
  menu.remove();
  anchor.setAttribute("aria-expanded", "false");
  if (focus && anchor.isConnected) anchor.focus({ preventScroll: true });
}
document.addEventListener("pointerdown", (event) => { if (open && !open.menu.contains(event.target) && !open.anchor.contains(event.target)) close(false); }, true);
document.addEventListener("keydown", (event) => {
  if (!open) return;
  if (event.key === "Escape") { event.preventDefault(); event.stopImmediatePropagation(); close(); return; }
  event.stopPropagation(); // nothing for rows or nodes of the page
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) { if (event.key === "Tab") close(false); return; }
  event.preventDefault();
  const items = [...open.menu.querySelectorAll(".menu-i")];
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
}, true);

/** items: [{label, symbol, argv or href or run, testid, isDanger}], null for a line. argv is shown as the tooltip, run does it. */
export function openMenu(anchor, items) {
  if (open && open.anchor === anchor) { close(); return; }
  close(false);
  const menu = el("div", { class: "menu row-menu", role: "menu", "aria-label": anchor.getAttribute("aria-label") || anchor.textContent.trim(), "data-testid": "row-menu" }, ...items.map((item) => {
    if (item === null) return el("hr");
    const shared = { class: `menu-i${item.isDanger ? " is-bad" : ""}`, role: "menuitem", tabindex: "-1", "data-testid": item.testid, title: item.argv ? commandOf(item.argv) : null };
    return item.href ? el("a", { ...shared, href: item.href }, icon(item.symbol), item.label) : el("button", { ...shared, type: "button", onclick: () => { close(); item.run(item.argv); } }, icon(item.symbol), item.label);
  }));
  document.body.append(menu);
  const box = anchor.getBoundingClientRect(), size = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(box.right - size.width, innerWidth - size.width - 8))}px`;
  menu.style.top = `${box.bottom + size.height + 8 > innerHeight ? Math.max(8, box.top - size.height - 4) : box.bottom + 4}px`;
  anchor.setAttribute("aria-expanded", "true");
  open = { menu, anchor };
  menu.querySelector(".menu-i").focus({ preventScroll: true });
}

/** The button of a menu; items: a function that gives them when asked. */
export function menuButton(label, items, testid = "more") {
  const button = el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": label, title: label, "data-testid": testid, onclick: () => openMenu(button, items()) }, icon("dots"));
  return button;
}
