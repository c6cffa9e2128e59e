// Messages of the admin about what was only begun: each follows its child process and tells how it ended.

const ASK_MS = 300;

for (const node of document.querySelectorAll(".messagelist [data-follow]")) follow(node);

async function follow(node) {
  for (;;) {
    const answer = await fetch(node.dataset.follow);
    if (!answer.ok) return; // the list of what was done has it
    const item = await answer.json();
    if (item.state !== "running") { tell(node, item); return; }
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

function tell(node, item) {
  const line = item.output.split("\n").find((text) => text.startsWith("{"));
  const found = line ? JSON.parse(line) : null;
  const name = node.dataset.name;
  node.textContent = found && found.ok ? `${name} works: ${found.steps.map((step) => `${step.step} ${Number((step.seconds * 1000).toPrecision(3))} ms`).join(", ")}`
    : found ? `${name}: ${found.reason}. ${found.hint}` : `${name}: ${item.message || item.state}`;
  node.closest("li").className = found && found.ok ? "success" : "error";
}
