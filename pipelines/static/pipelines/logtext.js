// What a stage wrote, as text: terminal colours become classes, everything else that steers a terminal goes away.

const COLOURS = ["grey", "red", "green", "yellow", "blue", "magenta", "cyan", ""];
// CSI sequences; OSC and other strings, ended by BEL or ST; two-character escapes; control characters but tab and line break
const STEERING = /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f]/g;

/** Text after carriage returns as a terminal leaves it: a progress bar's last state. */
function settle(text) {
  return text.includes("\r") ? text.replace(/\r+\n/g, "\n").split("\n").map((line) => {
    const parts = line.split("\r");
    return parts.findLast((part) => part !== "") ?? "";
  }).join("\n") : text;
}

/** Nodes to append for a part of a log. style: {colour, bold}, carried from part to part. */
export function logNodes(text, style) {
  const nodes = [];
  let at = 0;
  const settled = settle(text);
  const add = (piece) => {
    if (!piece) return;
    const classes = [style.colour ? `a-${style.colour}` : "", style.bold ? "a-bold" : ""].filter(Boolean).join(" ");
    if (!classes) { nodes.push(document.createTextNode(piece)); return; }
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = piece;
    nodes.push(span);
  };
  for (const match of settled.matchAll(STEERING)) {
    add(settled.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") applyStyle(match[1], style);
  }
  add(settled.slice(at));
  return nodes;
}

function applyStyle(codes, style) {
  const numbers = codes.split(/[;:]/).map((code) => Number(code || 0));
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index];
    if (code === 0) { style.colour = ""; style.bold = false; }
    else if (code === 1) style.bold = true;
    else if (code === 22) style.bold = false;
    else if (code === 39) style.colour = "";
    else if (code >= 30 && code <= 37) style.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) style.colour = COLOURS[code - 90];
    else if (code === 38 || code === 48) index += numbers[index + 1] === 5 ? 2 : 4; // 256 colours and RGB are not shown
  }
}
