// A chart that a reader may explore: point at a mark, move and stretch the axes.
//
// The picture in the page was drawn when the site was built, from the same specification. Only when a reader
// asks are the specification and the library fetched, both from this site. Under the site's policy nothing
// may be compiled, so the library interprets expressions; it may load nothing and style nothing by itself.

const BUNDLE = new URL("vega.js", import.meta.url);
const SPECS = new URL("../charts/", import.meta.url);
const PHONE = 344; // the width that pictures are drawn in

let library;

/** The library, asked for once; asked for again after a failure. */
function loadLibrary() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = BUNDLE;
    script.addEventListener("load", () => resolve(window.vegaEmbed));
    script.addEventListener("error", () => {
      script.remove();
      library = undefined;
      reject(new Error("the library could not be loaded"));
    });
    document.head.append(script);
  });
  return library;
}

async function loadSpec(figure) {
  const answer = await fetch(new URL(`${figure.dataset.chart}.json`, SPECS));
  if (!answer.ok) throw new Error("the chart's data could not be loaded");
  return answer.json();
}

/** Nothing may be loaded by a specification: its data lie in it. */
const nothing = {
  load: () => Promise.reject(new Error("a chart loads nothing")),
  sanitize: () => Promise.reject(new Error("a chart links to nothing")),
};

/** What is told of a mark, as text: names in it are strangers'. */
function tipFor(panel) {
  const tip = document.createElement("div");
  tip.className = "fl-tip";
  tip.hidden = true;
  panel.append(tip);
  return (handler, event, item, value) => {
    const pairs = value && typeof value === "object" ? Object.entries(value) : [];
    tip.hidden = pairs.length === 0;
    if (tip.hidden) return;
    tip.replaceChildren(...pairs.flatMap(([name, words]) => {
      const label = document.createElement("span");
      label.textContent = name;
      const said = document.createElement("b");
      said.textContent = String(words);
      return [label, said];
    }));
    const around = panel.getBoundingClientRect();
    const left = Math.min(event.clientX - around.left + 12, around.width - tip.offsetWidth - 4);
    tip.style.setProperty("left", `${Math.max(0, left)}px`);
    tip.style.setProperty("top", `${event.clientY - around.top + 14}px`);
  };
}

async function explore(figure, panel) {
  const [embed, spec] = await Promise.all([loadLibrary(), loadSpec(figure)]);
  const style = getComputedStyle(figure);
  const margins = spec.padding.left + spec.padding.right;
  const wider = Math.floor(figure.clientWidth) - margins;
  if (spec.width + margins <= PHONE || spec.width < wider) spec.width = wider;
  spec.config.font = style.fontFamily;
  const picture = figure.querySelector(".fl-drawing svg");
  const words = [...picture.querySelectorAll(":scope > title, :scope > desc")].map((each) => each.textContent);
  const named = document.createElement("div");
  named.setAttribute("role", "img");
  named.setAttribute("aria-label", words.join(": "));
  const chart = document.createElement("div");
  chart.setAttribute("aria-hidden", "true"); // a heap of nameless marks; the words say what they show
  named.append(chart);
  panel.replaceChildren(named);
  const shown = await embed(chart, spec, {
    mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
    loader: nothing, tooltip: tipFor(panel),
  });
  const moves = spec.layer.some((layer) => layer.params);
  return [shown, `Point at a mark.${moves ? " Drag to move, Shift and wheel to stretch, double-click to go back." : ""}`];
}

function prepare(figure) {
  const drawing = figure.querySelector(".fl-drawing");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Explore";
  button.className = "fl-explore";
  const said = document.createElement("p");
  said.className = "fl-explore-said";
  said.setAttribute("role", "status");
  figure.prepend(button);
  figure.querySelector("figcaption").after(said);

  const panel = document.createElement("div");
  panel.className = "fl-explored";
  panel.hidden = true;
  drawing.after(panel);
  let shown = null;
  let isOpening = false;

  const close = () => {
    shown?.finalize();
    shown = null;
    panel.replaceChildren();
    panel.hidden = true;
    drawing.hidden = false;
    figure.classList.remove("fl-open");
    button.textContent = "Explore";
    said.textContent = "";
  };
  const open = async () => {
    isOpening = true;
    said.textContent = "Loading …";
    figure.classList.add("fl-open");
    panel.hidden = false;
    try {
      [shown, said.textContent] = await explore(figure, panel);
      drawing.hidden = true;
      button.textContent = "Close";
    } catch (error) {
      close();
      said.textContent = `This chart cannot be explored now: ${error.message}.`;
    }
    isOpening = false;
  };
  button.addEventListener("click", () => { if (shown) close(); else if (!isOpening) open(); });
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown) { close(); button.focus(); }
  });
}

for (const figure of document.querySelectorAll("figure[data-chart]")) prepare(figure);
