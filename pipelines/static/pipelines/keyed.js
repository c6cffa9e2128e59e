// A list that is patched in place: a node per item stays that node while the item is there, so focus, menus and selections stay.

/** Make the children of `parent` those of `items`. key(item); make(item): {node, update(item)}. views: a Map kept by the caller. frozen: order is left alone. */
export function patchList(parent, items, views, key, make, frozen = false) {
  const wanted = new Set(items.map(key));
  for (const [id, view] of views) if (!wanted.has(id)) { view.node.remove(); views.delete(id); }
  let before = null;
  for (const item of items) {
    const id = key(item);
    let view = views.get(id);
    if (!view) {
      view = make(item);
      views.set(id, view);
      if (before) before.after(view.node); else parent.prepend(view.node);
    } else if (!frozen && (before ? before.nextElementSibling : parent.firstElementChild) !== view.node) {
      const focus = view.node.contains(document.activeElement) ? document.activeElement : null;
      if (before) before.after(view.node); else parent.prepend(view.node);
      if (focus) focus.focus({ preventScroll: true });
    }
    view.update(item);
    before = view.node;
  }
}

/** Text of a node, only when it differs, so that what is marked stays marked. */
export function say(node, text) { if (node.textContent !== text) node.textContent = text; return node; }

/** Replace a node's children when `sign` differs from last time. */
export function redraw(node, sign, draw) {
  const text = JSON.stringify(sign);
  if (node.dataset.drawn === text) return;
  node.dataset.drawn = text;
  node.replaceChildren(...draw());
}
