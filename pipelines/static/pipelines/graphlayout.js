// Where nodes and edges go. Layout by dagre (loaded as a classic script); nothing here touches the page.
/* global dagre */

export const STAGE = { width: 184, height: 80 };
export const DATA = { width: 184, height: 32 };
const COLUMN_GAP = 52;
export const WORST = ["failed", "running", "not readable", "blocked", "waiting", "changed", "never run", "upstream changed", "frozen", "not checked", "up to date"];

/** What is drawn of a pipeline: groups are one node unless they are open; data nodes can be left out.
 *  page: the JSON twin. Returns {nodes: [{id, name, kind, state, note, members?, group}], edges: [[from, to]]}. */
export function visible(page, { showsData, openGroups }) {
  const shownAs = new Map();
  const nodes = new Map();
  for (const node of page.nodes) {
    if (node.kind === "data" && !showsData) continue;
    const id = node.group && !openGroups.has(node.group) ? node.group : node.id;
    shownAs.set(node.id, id);
    if (id === node.id) { nodes.set(id, node); continue; }
    const group = nodes.get(id) ?? { id, name: id.slice(id.lastIndexOf(":") + 1), kind: "group", members: [], group: id };
    group.members.push(node);
    nodes.set(id, group);
  }
  for (const node of nodes.values()) if (node.members) Object.assign(node, stateOfGroup(node.members));
  const edges = new Map();
  for (const [from, to] of page.edges) {
    const a = shownAs.get(from), b = shownAs.get(to);
    if (a !== undefined && b !== undefined && a !== b) edges.set(`${a}\0${b}`, [a, b]);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function stateOfGroup(members) {
  const state = WORST.find((name) => members.some((member) => member.state === name)) ?? "not checked";
  const count = members.filter((member) => member.state === state).length;
  return { state, note: count === members.length ? `all ${members.length} stages` : `${count} of ${members.length} stages` };
}

/** Positions: {nodes: Map id -> {x, y, width, height} (top left), groups: [{id, x, y, width, height}], edges: [{from, to, points}], width, height}. */
export function layOut({ nodes, edges }, openGroups) {
  const groups = [...openGroups].filter((name) => nodes.some((node) => node.group === name && !node.members));
  const graph = new dagre.graphlib.Graph({ compound: groups.length > 0 });
  const ranksep = groups.length > 0 ? COLUMN_GAP / 3 : COLUMN_GAP; // around clusters dagre makes three ranks of one
  graph.setGraph({ rankdir: "LR", nodesep: 28, ranksep, edgesep: 16, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const cluster = (name) => `group\0${name}`; // a stage may have its group's name
  for (const name of groups) graph.setNode(cluster(name), {});
  for (const node of nodes) {
    graph.setNode(node.id, { ...(node.kind === "data" ? DATA : STAGE) });
    if (groups.includes(node.group)) graph.setParent(node.id, cluster(node.group));
  }
  for (const [from, to] of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const place = (id) => {
    const { x, y, width, height } = graph.node(id);
    return { x: x - width / 2, y: y - height / 2, width, height };
  };
  const places = new Map(nodes.map((node) => [node.id, place(node.id)]));
  const boxes = groups.map((name) => ({ id: name, ...place(cluster(name)) }));
  const lines = edges.map(([from, to]) => ({ from, to, points: graph.edge(from, to).points }));
  const { width = 0, height = 0 } = graph.graph();
  return { nodes: places, groups: boxes, edges: lines, width: Number.isFinite(width) ? width : 0, height: Number.isFinite(height) ? height : 0 };
}

/** An SVG path from the right side of one place through the points between to the left side of the other. */
export function curve(from, to, points) {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x - 7, y: to.y + to.height / 2 };
  if (end.x <= start.x) return back(from, to, start, end);
  const between = points.slice(1, -1).filter((point) => point.x > start.x + 8 && point.x < end.x - 8);
  const way = [start, ...between, end];
  let path = `M${start.x} ${start.y}`;
  for (let index = 1; index < way.length; index += 1) {
    const a = way[index - 1], b = way[index], middle = (a.x + b.x) / 2;
    path += `C${middle} ${a.y} ${middle} ${b.y} ${b.x} ${b.y}`;
  }
  return { path, arrow: `M${end.x} ${end.y - 4}l7 4-7 4z` };
}

/** An edge of a cycle: around below. */
function back(from, to, start, end) {
  const low = Math.max(from.y + from.height, to.y + to.height) + 32, middle = (start.x + end.x) / 2;
  const path = `M${start.x} ${start.y}C${start.x + 48} ${start.y} ${start.x + 48} ${low} ${middle} ${low}C${end.x - 48} ${low} ${end.x - 48} ${end.y} ${end.x} ${end.y}`;
  return { path, arrow: `M${end.x} ${end.y - 4}l7 4-7 4z` };
}
