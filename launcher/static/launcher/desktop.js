// In our own window: the system's folder dialog, notifications, and the question before closing.

import { el, icon, postJSON } from "./frame.js";
import { decide, note } from "./actions.js";

const OFF = "notifications-off"; // in localStorage
const ask = (what) => postJSON("/window", what);

// --- folders: a button beside every field for one
function addButtons() {
  for (const input of document.querySelectorAll("input[data-folder-field]:not([data-has-button])")) {
    input.dataset.hasButton = "";
    const browse = async () => {
      try {
        const { path } = await ask({ do: "folder", start: input.value });
        if (path) { input.value = path; input.dispatchEvent(new Event("input", { bubbles: true })); }
      } catch (error) { note(error.message, { isBad: true }); }
    };
    input.closest(".field").after(el("button", { type: "button", class: "btn", "data-testid": "browse", title: "Choose a folder", onclick: browse }, icon("folder"), "Browse"));
  }
}
addButtons();
new MutationObserver(addButtons).observe(document.body, { childList: true, subtree: true });

// --- notifications: of runs that ended, and of what was begun here, when nobody looks
const isOff = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
function tell(title, text) { if (!isOff()) ask({ do: "notify", title, text }).catch(() => {}); }
const WORDS = { done: "Done", success: "Done", failed: "Failed", cancelled: "Cancelled", killed: "Stopped" };
document.addEventListener("dataver:finished", (event) => { const { name, state, message } = event.detail; tell(`${WORDS[state] || state}: ${name}`, message || ""); });
document.addEventListener("dataver:acted", (event) => { if (event.detail && !document.hasFocus()) tell(`${WORDS[event.detail.state] || event.detail.state}: ${event.detail.command}`, event.detail.message || ""); });
const box = el("input", { type: "checkbox", "data-testid": "notifications", onchange: () => { try { if (box.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1"); } catch { /* for this page only */ } } });
box.checked = !isOff();
document.querySelector("#help-dialog .keys").after(el("label", { class: "row dialog-foot" }, box, "Notify when runs end"));

// --- before closing
let isAsked = false;
document.addEventListener("dataver:closing", async (event) => {
  ask({ do: "asking" }).catch(() => {});
  if (isAsked) return;
  isAsked = true;
  const radio = (value, checked) => el("input", { type: "radio", name: "leave", value, checked, "data-testid": `closing-${value}` });
  const leave = radio("run", true), stop = radio("stop", false);
  const choice = (input, text, why) => el("label", { class: "row" }, input, el("span", {}, el("span", { class: "medium" }, text), el("span", { class: "t2 sm" }, ` ${why}`)));
  const lines = event.detail.flatMap((one) => [...(one.runs ? [`${one.name}: ${one.runs} ${one.runs === 1 ? "run" : "runs"}`] : []), ...one.actions.map((command) => (one.name ? `${one.name}: ${command}` : command))]);
  const isSure = await decide({
    title: "Something still goes on", testid: "closing", confirm: "Close the window",
    content: [el("ul", { class: "mono sm" }, ...lines.map((line) => el("li", {}, line))),
      choice(leave, "Leave it running", "It ends by itself; open the window again to look."), choice(stop, "Stop it", "Actions are interrupted, running tasks of the queue are killed. Runs started in a terminal go on.")],
  });
  isAsked = false;
  if (isSure) await ask({ do: "close", stops: stop.checked }).catch((error) => note(error.message, { isBad: true }));
});
