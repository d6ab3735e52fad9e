// The rows of a page's leaderboards, as data: read, ordered, told apart, written out. Touches nothing.
//
// It reads the tables as the server wrote them, words for people and data attributes in full. Order and
// difference come from the rank ranges; noise is never given an order. What a reader has chosen stands in
// the address; whatever an address says that the page has not is ignored.

export const FACETS = {
  model: "Model",
  provider: "Provider",
  region: "Region",
  state: "State",
  hardware: "Hardware",
  scenario: "Scenario",
  vantage: "Vantage",
  methodology: "Methodology",
};
export const WORK = { in: "Tokens in", out: "Tokens out", day: "Requests a day", p95: "Wanted p95, ms" };
export const MOST_COMPARED = 4;

const number = (text) => (text === undefined ? null : Number(text));
const squeezed = (text) => text.replace(/\s+/g, " ").trim();
export const words = (node) => squeezed(node.textContent);
export const copies = (node) => [...node.childNodes].map((child) => child.cloneNode(true));

// -- the page as it was served -------------------------------------------------------------------

/** A table with its rows, its figures' heads and everything that stands under its heading. */
export function readTable(table) {
  const found = { table, bodies: [], late: [], rows: [], heads: new Map() };
  for (const head of table.querySelectorAll("thead [data-figure]")) found.heads.set(head.dataset.figure, head);
  found.served = new Set([...found.heads.keys()].filter((name) => !found.heads.get(name).hidden));
  for (const part of table.tBodies) {
    (part.hasAttribute("data-continues") ? found.late : found.bodies).push(part);
    const body = found.bodies.at(-1);
    let row = null;
    for (let line = part.firstElementChild; line; line = line.nextElementSibling) {
      if (line.hasAttribute("data-row")) {
        row = new Row(line, body, found);
        found.rows.push(row);
      } else if (row) {
        row.lines.push(line);
      }
    }
  }
  found.further = readFurther(found.rows[0]);
  const heading = document.getElementById(table.dataset.board);
  found.section = heading ? [heading] : [];
  for (let next = heading?.nextElementSibling; next && next.tagName !== "H2"; next = next.nextElementSibling) {
    found.section.push(next);
  }
  return found;
}

/** The late rows of a group, which the server had in a body of their own, go back to the group, once rows are moved or shown. */
export function rejoin(table) {
  for (const part of table.late.splice(0)) {
    const lines = [...part.rows];
    for (const line of lines) line.hidden = true;
    part.previousElementSibling.append(...lines);
    part.remove();
  }
}

/** A row; what its lines say is read when it is first asked for, since most rows of a long table never are. */
class Row {
  #facets;
  #family;
  #cells;
  #replies;

  constructor(line, body, table) {
    this.id = line.dataset.row;
    this.lines = [line];
    this.isHidden = line.hidden || line.parentElement.hasAttribute("data-continues");
    this.body = body;
    this.table = table;
    this.place = table.rows.length;
  }

  get #data() { return this.lines[0].dataset; }
  get name() { return this.#data.name; }
  get endpoint() { return this.#data.endpoint; }
  get origin() { return this.#data.origin; }
  get newest() { return this.#data.newest; }
  get price() { return { input: number(this.#data.inputUsd), output: number(this.#data.outputUsd) }; }
  get family() { return (this.#family ??= readFamily(this.lines[0])); }
  get facets() { return (this.#facets ??= readFacets(this.lines[0], this.family)); }
  get replies() { return (this.#replies ??= readReplies(this.lines.at(-1))); }
  get isRanked() { return [...this.figures.values()].some((figure) => figure.rank); }

  /** Every figure: those of the cells, and those that stand behind the row. */
  get figures() { return (this.#cells ??= readCells(this.lines)).figures; }

  /** The cell of each figure that has a column. */
  get columns() { return (this.#cells ??= readCells(this.lines)).columns; }

  /** The family of all rows of the body; null where there are several, so that no rank orders them. */
  get bodyFamily() {
    this.table.families ??= readBodyFamilies(this.table);
    return this.table.families.get(this.body);
  }
}

export const READ_AT_ONCE = 20; // rows; with all that stands behind them a few ms

/** Read rows before anybody asks for them, a few at a time; `pause` gives way to everything else. */
export async function readAhead(rows, pause) {
  for (let at = 0; at < rows.length; at += READ_AT_ONCE) {
    await pause();
    for (const row of rows.slice(at, at + READ_AT_ONCE)) void [row.figures, row.facets];
  }
}

const FAMILY = ["model", "scenario", "vantage", "methodology"];
const families = new Map();

/** The family that a row says it is of, or its body, or its table; one object a family. */
function readFamily(line) {
  const { model, modelName, scenario = "", vantage = "", vantageName = "", methodology = "" } = line.closest("[data-model]").dataset;
  const key = JSON.stringify([model, scenario, vantage, methodology]);
  if (!families.has(key)) families.set(key, { model, modelName, scenario, vantage, vantageName, methodology });
  return families.get(key);
}

function readBodyFamilies(table) {
  const found = new Map();
  for (const { body, family } of table.rows) {
    found.set(body, found.has(body) && found.get(body) !== family ? null : family);
  }
  return found;
}

function readFacets(line, family) {
  const { provider, region = "", hardware } = line.dataset;
  const state = [...line.cells[0].querySelectorAll(".fl-state")].map(words);
  return { provider: [provider], region: [region], state, hardware: [hardware], ...Object.fromEntries(FAMILY.map((key) => [key, [family[key]]])) };
}

function readCells(lines) {
  const [figures, columns] = [new Map(), new Map()];
  for (const line of new Set([lines[0], lines.at(-1)])) {
    for (const cell of line.querySelectorAll("[data-figure]")) {
      const { figure, given, rank, withheld } = cell.dataset;
      const [value, low, high, n] = given ? given.split(" ").map((each) => (each === "-" ? null : Number(each))) : [null, null, null, null];
      const [best, worst, of] = (rank ?? "").split(" ").map(Number);
      figures.set(figure, {
        value, low, high, n,
        rank: rank ? { best, worst, of } : null,
        withheld,
        get shown() { return cell.querySelector("dd") ?? withElements(cell); },
      });
      if (cell.tagName === "TD") columns.set(figure, cell);
    }
  }
  return { figures, columns };
}

/** A cell of a column that was served hidden holds bare lines; now somebody wants to see it. */
export function withElements(cell) {
  if (cell.firstElementChild || !cell.firstChild) return cell;
  const [value, ...lines] = cell.textContent.split("\n").map(squeezed);
  const made = lines.map((line) => {
    if (line.startsWith("rank ")) return ["span", "fl-rank", line];
    return ["small", /^(n )?[\d.,]+( – [\d.,]+)?$/.test(line) ? "fl-sub" : "fl-sub fl-wrap", line];
  });
  const elements = [["span", value === "–" ? "fl-none" : "fl-value", value], ...made].map(([name, className, textContent]) => Object.assign(document.createElement(name), { className, textContent }));
  cell.replaceChildren(...elements);
  return cell;
}

/** How long replies of several lengths would take, as it stands behind a row. */
function readReplies(line) {
  const written = line.querySelector("[data-replies]")?.dataset.replies;
  return (written?.split(";") ?? []).map((reply) => {
    const [tokens, ...ends] = reply.split(" ").map((end) => (end === "-" ? null : Number(end)));
    return { tokens, p50: ends.slice(0, 3), p95: ends.slice(3) };
  });
}

/** What the figures without a column are called; they stand behind every row of a table, so behind its first. */
function readFurther(row) {
  const found = row ? [...row.lines.at(-1).querySelectorAll("div[data-figure]")] : [];
  return new Map(found.map((each) => [each.dataset.figure, copies(each.querySelector("dt"))]));
}

/** All the figures of the page in the house's order, with what they are called. */
export function readFigureNames(tables) {
  const names = new Map();
  const order = tables.map((table) => table.table.dataset.figures.split(" ")).sort((a, b) => b.length - a.length);
  for (const figure of order.flat()) {
    if (names.has(figure)) continue;
    const table = tables.find((each) => each.heads.has(figure) || each.further.has(figure));
    if (!table) continue;
    const head = table.heads.get(figure);
    const [label, unit] = head ? head.childNodes : table.further.get(figure);
    names.set(figure, {
      label: words(label),
      unit: unit ? words(unit) : "",
      isDefault: tables.some((each) => each.served.has(figure)),
      isHigherBetter: /_tps$|_rate$/.test(figure),
      percentile: figure.includes("adjusted") ? null : (/_(p\d+)_/.exec(figure)?.[1] ?? null),
    });
  }
  return names;
}

// -- what a reader has chosen, in the address ----------------------------------------------------

export function parseState(search, page) {
  const asked = new URLSearchParams(search);
  const state = { sort: "", percentile: "", facets: {}, show: new Set(), hide: new Set(), compare: [], work: {} };
  const sort = asked.get("sort") ?? "";
  if (page.sorts.has(sort.replace(/^-/, ""))) state.sort = sort;
  for (const facet of Object.keys(FACETS)) {
    const value = asked.get(facet);
    if (value !== null && page.facets[facet].has(value)) state.facets[facet] = value;
  }
  if (page.percentiles.includes(asked.get("percentile"))) state.percentile = asked.get("percentile");
  for (const key of ["show", "hide"]) {
    const listed = (asked.get(key) ?? "").split(",");
    state[key] = new Set(listed.filter((figure) => page.figures.has(figure)));
  }
  const rows = new Set((asked.get("compare") ?? "").split(",").filter((id) => page.byId.has(id)));
  state.compare = [...rows].slice(0, MOST_COMPARED);
  for (const key of Object.keys(WORK)) {
    const value = asked.get(key) ?? "";
    if (/^\d{1,9}$/.test(value)) state.work[key] = Number(value);
  }
  return state;
}

/** Only what differs from the page as it was served; legible. */
export function formatState(state) {
  const parts = [["sort", state.sort], ...Object.entries(state.facets), ["percentile", state.percentile]];
  for (const key of ["show", "hide", "compare"]) parts.push([key, [...state[key]].join(",")]);
  parts.push(...Object.entries(state.work));
  const written = parts
    .filter(([key, value]) => value !== "" || key in FACETS)
    .map(([key, value]) => `${key}=${encodeURIComponent(value).replace(/%2C/g, ",").replace(/%2F/g, "/").replace(/%20/g, "+")}`);
  return written.length ? `?${written.join("&")}` : "";
}

export function shownFigures(state, page) {
  const wanted = (name, figure) => {
    if (state.hide.has(name)) return false;
    if (state.show.has(name)) return true;
    if (!state.percentile || !figure.percentile) return figure.isDefault;
    const metric = name.replace(/_p\d+_/, `_${state.percentile}_`);
    return page.figures.has(metric) ? figure.percentile === state.percentile : figure.isDefault;
  };
  return [...page.figures].filter(([name, figure]) => wanted(name, figure)).map(([name]) => name);
}

// -- order ---------------------------------------------------------------------------------------

/** What a row is ordered by, smaller first: ranked rows, then those with a value only, then the others. */
function sortKey(row, sort, figure) {
  if (sort === "provider") return { group: 0, parts: [row.name.toLowerCase()] };
  if (sort === "newest") return { group: 0, parts: [row.newest] };
  const found = row.figures.get(sort);
  if (found?.rank && row.bodyFamily) return { group: 0, parts: [found.rank.best, found.rank.worst] };
  if (!found || found.value === null) return { group: 2, parts: [] };
  return { group: 1, parts: [figure.isHigherBetter ? -found.value : found.value] };
}

/** Best first, or worst first after a minus. Equal rank ranges keep the house's order; nothing is last. */
function orderRows(rows, sort, figures) {
  if (!sort) return rows;
  const name = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") !== (name === "newest") ? -1 : 1;
  const compare = ({ row: a, key: x }, { row: b, key: y }) => {
    if (x.group !== y.group) return x.group - y.group;
    const at = x.parts.findIndex((part, index) => part !== y.parts[index]);
    return at < 0 ? a.place - b.place : x.parts[at] < y.parts[at] ? -sign : sign;
  };
  const keyed = rows.map((row) => ({ row, key: sortKey(row, name, figures.get(name)) }));
  return keyed.sort(compare).map(({ row }) => row);
}

/** The rows of a table body by body, each body in its order. */
export function orderTable(table, sort, figures) {
  const ofBody = new Map(table.bodies.map((body) => [body, []]));
  for (const row of table.rows) ofBody.get(row.body).push(row);
  return [...ofBody.values()].flatMap((rows) => orderRows(rows, sort, figures));
}

// -- difference ----------------------------------------------------------------------------------

/** How a row stands to another in one figure, in words; never a difference that may be noise. */
export function standing(row, other, name, figure) {
  const [a, b] = [row.figures.get(name), other.figures.get(name)];
  if (row.family !== other.family) return { text: "not compared: another model, scenario, vantage or methodology" };
  if (!row.isRanked || !other.isRanked) return { text: "not compared: one has no rank" };
  if (a?.rank && b?.rank) {
    if (a.rank.worst < b.rank.best) return { text: "differs: ahead", differs: true };
    if (b.rank.worst < a.rank.best) return { text: "differs: behind", differs: true };
    return { text: "not told apart" };
  }
  if (a?.rank || b?.rank || a?.withheld || b?.withheld) return { text: "not compared: one has no rank in this figure" };
  if ([a?.low, a?.high, b?.low, b?.high].some((end) => end === null || end === undefined)) {
    return { text: "not compared: no interval" };
  }
  if (a.low <= b.high && b.low <= a.high) return { text: "not told apart: intervals overlap" };
  const isBetter = a.low > b.high === figure.isHigherBetter;
  return { text: `differs: ${isBetter ? "better" : "worse"}, intervals apart`, differs: true };
}

// -- what a reader takes away --------------------------------------------------------------------

const FIELDS = ["id", "model", "provider", "name", "endpoint", "region", "scenario", "vantage", "methodology", "origin", "state", "newest"];

function plain(row, figures) {
  const { model, provider, region, state, scenario, vantage, methodology } = row.facets;
  const flat = { model, provider, region, scenario, vantage, methodology };
  const said = Object.fromEntries(Object.entries(flat).map(([key, [value]]) => [key, value || null]));
  const { id, name, endpoint, origin, newest } = row;
  const given = figures.map((figure) => {
    const { value = null, low = null, high = null, n = null, rank = null } = row.figures.get(figure) ?? {};
    return [figure, { value, low, high, n, rank }];
  });
  return { id, name, endpoint, origin, newest, ...said, state, figures: Object.fromEntries(given) };
}

/** A field of CSV by RFC 4180; a text that a spreadsheet would take for a formula is given an apostrophe. */
export function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/.test(value) ? `'${value}` : String(value);
  return `"${text.replaceAll('"', '""')}"`;
}

export function toCsv(rows, figures) {
  const parts = ["", "_low", "_high", "_n", "_rank_best", "_rank_worst", "_rank_of"];
  const head = [...FIELDS, ...figures.flatMap((figure) => parts.map((part) => figure + part))];
  const lines = rows.map((row) => {
    const data = plain(row, figures);
    const numbers = Object.values(data.figures).flatMap(({ value, low, high, n, rank }) => [
      value, low, high, n, rank?.best, rank?.worst, rank?.of,
    ]);
    return [...FIELDS.map((field) => (field === "state" ? data.state.join("; ") : data[field])), ...numbers];
  });
  return [head, ...lines].map((line) => `${line.map(csvField).join(",")}\r\n`).join("");
}

export function toJson(rows, figures) {
  const data = { page: location.href, rows: rows.map((row) => plain(row, figures)) };
  return `${JSON.stringify(data, null, 1)}\n`;
}

/** A stranger's text as Markdown within a cell: the text and nothing else, and nobody is called by it. */
export function markdownText(text) {
  return text.replace(/[!-\/:-@\[-`{-~]/g, "\\$&").replace(/@/g, "@\u2060");
}

export function toMarkdown(rows, figures, page) {
  const heads = figures.map((name) => `${page.figures.get(name).label}, ${page.figures.get(name).unit}`);
  const cell = (row, name) => {
    const found = row.figures.get(name);
    if (!found) return "–";
    const [value, ...rest] = [...found.shown.children].flatMap((child) => child.textContent.split("\n")).map(squeezed).filter(Boolean);
    return rest.length ? `${value} (${rest.join("; ")})` : value;
  };
  const lines = rows.map((row) => {
    return [row.name, whereOf(row, page).join(", "), row.facets.state.join(", "), ...figures.map((name) => cell(row, name))];
  });
  const all = [["Provider", `${page.hasModels ? "Model, scenario" : "Scenario"}, vantage, methodology`, "State", ...heads], ...lines];
  const written = all.map((line) => `| ${line.map(markdownText).join(" | ")} |`);
  written.splice(1, 0, `|${" --- |".repeat(all[0].length)}`);
  return `${written.join("\n")}\n\nSource: <${location.href}>\n`;
}

/** What a row is of, in short; its model where the page has several. */
export function whereOf(row, page) {
  const { modelName, scenario, vantage, methodology } = row.family;
  return [page.hasModels ? modelName : "", scenario, vantage, methodology].filter(Boolean);
}

// -- a reader's own workload ---------------------------------------------------------------------

/** Cost a day in USD, and latency in ms as value and ends of its interval; null where something is missing. */
export function reckon(row, { in: input, out, day }) {
  const { price } = row;
  const isPriced = price.input !== null && price.output !== null;
  return {
    cost: isPriced ? (day * (input * price.input + out * price.output)) / 1e6 : null,
    p50: latency(row.replies, "p50", out),
    p95: latency(row.replies, "p95", out),
  };
}

/** Read off the straight line between the two lengths of reply around it; nothing beyond the longest. */
function latency(replies, level, tokens) {
  const at = replies.findIndex((reply) => reply.tokens >= tokens);
  if (at < 0) return null;
  const [after, before] = [replies[at], replies[Math.max(at - 1, 0)]];
  const share = after === before ? 0 : (tokens - before.tokens) / (after.tokens - before.tokens);
  const [value, low, high] = after[level].map((end, index) => {
    const start = before[level][index];
    return start === null || end === null ? null : start + share * (end - start);
  });
  return value === null ? null : { value, low, high };
}
