// What has the focus and goes away (a row that is removed, a button that is hidden, a part that is drawn anew) hands it to what stands nearest,
// so that somebody without a pointer goes on from there: browsers put it nowhere then.

const REACHED = "a[href], button, input, select, textarea, summary, [tabindex]";
const KEPT = 40; // places before this one
const AGAIN_MS = 200, TIMES = 5; // a button that can do nothing may only wait for what it does
const body = document.body;
const isReached = (node) => node.isConnected && node.tabIndex >= 0 && !node.disabled && node.checkVisibility();
const within = (box) => (box.isConnected ? [...box.querySelectorAll(REACHED)].filter(isReached) : []);

let isByKey = false; // who has a pointer is where that is
let places = []; // of what had the focus, newest last: {node, boxes: [[what it is in, its number there], ...] from the innermost}

document.addEventListener("keydown", () => { isByKey = true; }, true);
document.addEventListener("pointerdown", () => { isByKey = false; }, true);
document.addEventListener("focusin", ({ target }) => {
  const boxes = [];
  for (let box = target.parentElement; isByKey && box && box !== body && box.parentElement !== body; box = box.parentElement) boxes.push([box, within(box).indexOf(target)]);
  places = [...places.filter(({ node }) => node !== target), { node: target, boxes }].slice(-KEPT);
});
document.addEventListener("focusout", ({ target, relatedTarget }) => { if (!relatedTarget) setTimeout(handOn, 0, target); }); // later: who changed the page may know better

function nearest({ node, boxes }) {
  if (isReached(node)) return node;
  for (const [box, at] of boxes) { const found = within(box); if (found.length) return found[Math.max(0, Math.min(at, found.length - 1))]; }
  return null;
}

function handOn(from, left = TIMES) {
  if (!isByKey || document.activeElement !== body || (left === TIMES && isReached(from))) return; // it is there still, and was left
  if (left && from.isConnected && from.disabled) { setTimeout(handOn, AGAIN_MS, from, left - 1); return; }
  const room = [...document.querySelectorAll("dialog:modal")].at(-1) ?? body;
  const next = places.toReversed().map(nearest).find((node) => node && room.contains(node)) ?? document.getElementById("main");
  next.focus({ preventScroll: true });
}
