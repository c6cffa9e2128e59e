// A small line without axes, as an SVG that stretches; colours are the classes s-1 ... s-12.

const NS = "http://www.w3.org/2000/svg";

/** An empty line; draw(points) fills it: [[x, y], ...]. low, high: ends of y, from the points when left out. */
export function spark(classes = "") {
  const node = document.createElement("span");
  node.className = `spark ${classes}`.trim();
  const svg = document.createElementNS(NS, "svg"), line = document.createElementNS(NS, "path"), dot = document.createElementNS(NS, "path");
  svg.setAttribute("viewBox", "0 0 1000 1000");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("class", "ln ln-thin");
  dot.setAttribute("class", "dot dot-end");
  for (const path of [line, dot]) path.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(line, dot);
  node.append(svg);
  node.hidden = true;
  let last = "";
  const draw = (points, { low = null, high = null, hasDot = true } = {}) => {
    node.hidden = points.length < 2;
    if (node.hidden) return;
    const xs = points.map((point) => point[0]), ys = points.map((point) => point[1]);
    const left = Math.min(...xs), right = Math.max(...xs), bottom = low ?? Math.min(...ys), top = high ?? Math.max(...ys);
    const at = ([x, y]) => `${(1000 * (x - left) / (right - left || 1)).toFixed(1)} ${(1000 - 1000 * (y - bottom) / (top - bottom || 1)).toFixed(1)}`;
    const path = `M${points.map(at).join("L")}`;
    if (path === last) return;
    last = path;
    line.setAttribute("d", path);
    dot.setAttribute("d", hasDot ? `M${at(points.at(-1))}h.01` : "");
  };
  return { node, draw };
}
