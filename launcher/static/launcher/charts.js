// Vega-Lite charts under the pages' policy: no eval, no style of its own, nothing loaded from elsewhere.
import { isDark } from "./frame.js";

const SCRIPTS = ["vega.min.js", "vega-lite.min.js", "vega-embed.min.js"];
const refuse = () => Promise.reject(new Error("a chart may not load anything or link anywhere"));
const loader = { load: refuse, http: refuse, file: refuse, sanitize: (uri) => (/^data:image\/(png|jpeg|gif|webp);/.test(uri) ? Promise.resolve({ href: uri }) : refuse()) };
let loading = null;

/** Load the scripts, once; pages without charts do not pay for them. Resolves to vegaEmbed. */
export function loadVega() {
  loading ||= SCRIPTS.reduce((before, name) => before.then(() => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`../vendor/${name}`, import.meta.url).href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${name} cannot be loaded`));
    document.head.append(script);
  })), Promise.resolve()).then(() => window.vegaEmbed);
  return loading;
}

/** The colours of the present theme as a Vega-Lite config; a spec's own config wins. */
export function themeConfig() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(`--${name}`).trim();
  const font = token("font");
  const axis = { labelColor: token("text-3"), titleColor: token("text-2"), gridColor: token("line"), domainColor: token("line-2"), tickColor: token("line-2"), labelFont: font, titleFont: font, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
  return {
    background: "transparent", font,
    view: { stroke: token("line") },
    axis, legend: { labelColor: token("text-2"), titleColor: token("text-2"), labelFont: font, titleFont: font, labelFontSize: 12, titleFontSize: 12 },
    title: { color: token("text"), font, fontSize: 13, fontWeight: 600 }, header: { labelColor: token("text-2"), titleColor: token("text-2") },
    mark: { color: token("series-1") }, text: { color: token("text") },
    range: { category: Array.from({ length: 12 }, (_, index) => token(`series-${index + 1}`)) },
  };
}

/** Draw a Vega or Vega-Lite spec into a node, and again when the theme changes. Data must be in the spec: addresses are not followed.
    Resolves to a function that gives back the present view. */
export async function drawChart(node, spec, options = {}) {
  const embed = await loadVega();
  let result = null;
  const draw = async () => {
    if (result) result.finalize();
    const { usermeta, ...own } = structuredClone(spec); // usermeta may hold embed options: they are not a repository's to choose
    result = await embed(node, own, { ast: true, actions: false, defaultStyle: false, renderer: "svg", loader, config: themeConfig(), theme: undefined, tooltip: { theme: isDark() ? "dark" : "light", disableDefaultStyle: true }, ...options });
  };
  await draw();
  document.addEventListener("dataver:theme", draw);
  return () => result.view;
}
