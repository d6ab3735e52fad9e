// The controls of a page's leaderboards: sort, filter, choose columns, compare, take away.
//
// Everything here is made by this script, so that nothing dead stands on a page without it. It asks
// nobody for anything and knows no statistics.

import {
  FACETS, MOST_COMPARED, WORK, copies, formatState, orderTable, parseState, readAhead, readFigureNames, readTable,
  reckon, rejoin, shownFigures, standing, toCsv, toJson, toMarkdown, whereOf, withElements, words,
} from "./board-rows.js";

/** An element; text children stay text. */
function element(name, properties = {}, ...children) {
  const { data, aria, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  for (const [key, value] of Object.entries(aria ?? {})) made.setAttribute(`aria-${key}`, value);
  Object.assign(made.dataset, data);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const MOST_SHOWN = 15; // rows of one table, until a reader asks for all; the server has those beyond in late bodies
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// -- the controls --------------------------------------------------------------------------------

class Controls {
  constructor(tools, tables) {
    this.tables = tables;
    this.rows = tables.flatMap((table) => table.rows);
    this.figures = readFigureNames(tables);
    this.sorts = new Set(["provider", "newest", ...this.figures.keys()]);
    const listed = [...this.figures.values()].map((figure) => figure.percentile).filter(Boolean);
    this.percentiles = [...new Set(listed)].sort();
    this.make(tools);
    this.prepareHeads();
    addEventListener("popstate", () => this.show(parseState(location.search, this)));
    this.show(parseState(location.search, this));
    this.showAim();
    addEventListener("hashchange", () => this.showAim());
    if (Object.keys(this.state.work).length) this.open("My workload");
  }

  // What takes a look at every row is made when it is first asked for: a page is read long before it is filtered.

  get byId() {
    return (this.ids ??= new Map(this.rows.map((row) => [row.id, row])));
  }

  get facets() {
    return (this.values ??= Object.fromEntries(Object.keys(FACETS).map((facet) => [facet, this.valuesOf(facet)])));
  }

  get hasModels() {
    return this.facets.model.size > 1;
  }

  /** The values that rows have of a facet, with what each is called. */
  valuesOf(facet) {
    const found = new Map();
    for (const row of this.rows) {
      for (const value of row.facets[facet]) {
        const name = { model: row.family.modelName, provider: row.name, vantage: row.family.vantageName }[facet] ?? value;
        found.set(value, name || "not disclosed");
      }
    }
    return new Map([...found].sort(([, a], [, b]) => a.localeCompare(b)));
  }

  /** A reader has chosen something: it is shown, and it stands in the address. */
  choose(changes) {
    const state = { ...this.state, ...changes };
    history.pushState(null, "", location.pathname + formatState(state) + location.hash);
    this.show(state);
  }

  make(tools) {
    this.panels = new Map();
    [this.selects, this.boxes, this.work] = [{}, new Map(), {}];
    const bar = element("div", { className: "fl-bar", role: "group", ariaLabel: "What to show" });
    tools.append(bar);
    const panel = (name, make) => {
      const made = element("div", { className: "fl-panel", id: `fl-${name.toLowerCase().replace(/\W+/g, "-")}`, hidden: true });
      const button = element("button", { type: "button", textContent: name, aria: { expanded: "false", controls: made.id } });
      button.addEventListener("click", () => this.open(made.hidden ? name : ""));
      this.panels.set(name, { button, made, make });
      bar.append(button);
      tools.append(made);
      return made;
    };
    panel("Filter", () => this.makeFilters());
    panel("Columns", () => this.makeColumns());
    this.compared = panel("Compare", () => []);
    this.worked = element("div", { className: "fl-worked" });
    const hasReplies = this.tables.some(({ table }) => table.querySelector("[data-replies]"));
    if (hasReplies) panel("My workload", () => [...this.makeWork(), this.worked]);
    panel("Take away", () => this.makeExports());
    this.said = element("p", { className: "fl-note fl-said", role: "status" });
    this.reset = element("button", { type: "button", textContent: "Reset", hidden: true });
    this.reset.addEventListener("click", () => this.choose(parseState("", this)));
    bar.append(this.reset);
    tools.append(this.said);
  }

  /** Show one panel, or none; what is in it is made when it is first shown. */
  open(name) {
    const opened = this.panels.get(name);
    if (opened?.make) {
      opened.made.append(...opened.make());
      opened.make = null;
      this.showInputs();
    }
    for (const [each, { button, made }] of this.panels) {
      made.hidden = each !== name;
      button.setAttribute("aria-expanded", String(each === name));
    }
    this.setPicking(name === "Compare");
  }

  makeFilters() {
    return Object.entries(FACETS).map(([facet, label]) => {
      const options = [...this.facets[facet]].map(([value, name]) => element("option", { value: `=${value}`, textContent: name }));
      const select = element("select", { name: facet }, element("option", { value: "", textContent: "all" }), ...options);
      select.addEventListener("change", () => {
        const { [facet]: _, ...others } = this.state.facets;
        this.choose({ facets: select.value ? { ...others, [facet]: select.value.slice(1) } : others });
      });
      this.selects[facet] = select;
      return element("label", { hidden: this.facets[facet].size < 2 }, label, select);
    });
  }

  makeColumns() {
    const options = this.percentiles.map((each) => element("option", { value: each, textContent: each }));
    this.percentile = element("select", { name: "percentile" }, element("option", { value: "", textContent: "as published" }), ...options);
    this.percentile.addEventListener("change", () => {
      this.choose({ percentile: this.percentile.value, show: new Set(), hide: new Set() });
    });
    const boxes = [...this.figures].map(([name, figure]) => {
      const box = element("input", { type: "checkbox", name });
      box.addEventListener("change", () => this.chooseColumn(name, box.checked));
      this.boxes.set(name, box);
      return element("label", { className: "fl-check" }, box, figure.label);
    });
    return [element("label", {}, "Percentile", this.percentile), ...boxes];
  }

  chooseColumn(name, isWanted) {
    const [show, hide] = [new Set(this.state.show), new Set(this.state.hide)];
    show.delete(name);
    hide.delete(name);
    const isShown = shownFigures({ ...this.state, show, hide }, this).includes(name);
    if (isShown !== isWanted) (isWanted ? show : hide).add(name);
    this.choose({ show, hide });
  }

  makeWork() {
    return Object.entries(WORK).map(([key, label]) => {
      const input = element("input", { type: "number", name: key, min: "0", step: "1", inputMode: "numeric" });
      input.addEventListener("change", () => {
        const { [key]: _, ...others } = this.state.work;
        this.choose({ work: /^\d{1,9}$/.test(input.value) ? { ...others, [key]: Number(input.value) } : others });
      });
      this.work[key] = input;
      return element("label", {}, label, input);
    });
  }

  makeExports() {
    const model = this.facets.model.size === 1 ? [...this.facets.model.keys()][0] : "fairlead";
    const button = (label, act) => {
      const made = element("button", { type: "button", textContent: label });
      made.addEventListener("click", act);
      return made;
    };
    const view = () => [this.matchingRows(), shownFigures(this.state, this)];
    this.fallback = element("textarea", { hidden: true, readOnly: true, rows: 6, ariaLabel: "Markdown" });
    return [
      button("CSV", () => download(`${model}.csv`, "text/csv;charset=utf-8", toCsv(...view()))),
      button("JSON", () => download(`${model}.json`, "application/json", toJson(...view()))),
      button("Copy as Markdown", () => this.copy(toMarkdown(...view(), this))),
      this.fallback,
      element("p", { className: "fl-note", textContent: "The rows that no filter leaves out and the columns that are shown, in their order." }),
    ];
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.say("Copied.");
    } catch {
      Object.assign(this.fallback, { hidden: false, value: text }).select();
      this.say("This browser lets no page copy: the text is selected below.");
    }
  }

  // -- what is shown

  show(state) {
    this.state = state;
    this.shown = shownFigures(state, this);
    for (const table of this.tables) {
      this.showColumns(table);
      this.showRows(table);
    }
    this.showChoices();
    this.showCompared();
    this.showWork();
  }

  /** Give a table the columns that are wanted; one it was served without is made from what stands behind its rows. */
  showColumns(table) {
    const has = (name) => table.heads.has(name) || table.further.has(name);
    const wanted = this.shown.filter(has);
    table.columns ??= [...table.served].join();
    if (table.columns === wanted.join()) return;
    table.spanning ??= table.table.querySelectorAll("[colspan]");
    table.columns = wanted.join();
    for (const name of wanted) {
      if (!table.heads.has(name)) this.makeColumn(table, name);
    }
    for (const [name, head] of table.heads) {
      const isHidden = !wanted.includes(name);
      head.hidden = isHidden;
      for (const row of table.rows) (isHidden ? row.columns.get(name) : withElements(row.columns.get(name))).hidden = isHidden;
    }
    for (const cell of table.spanning) cell.colSpan = wanted.length + 2;
  }

  makeColumn(table, name) {
    const order = [...this.figures.keys()];
    const later = order.slice(order.indexOf(name) + 1).find((each) => table.heads.has(each));
    const head = element("th", { scope: "col", className: "fl-n", data: { figure: name } });
    head.append(...table.further.get(name).map((child) => child.cloneNode(true)));
    (table.heads.get(later) ?? table.table.tHead.rows[0].lastElementChild).before(head);
    table.heads.set(name, head);
    this.prepareHead(head, name);
    for (const row of table.rows) {
      const found = row.figures.get(name);
      const cell = element("td", { className: "fl-n" }, ...(found ? copies(found.shown) : ["–"]));
      (row.columns.get(later) ?? row.lines[0].lastElementChild).before(cell);
      row.columns.set(name, cell);
    }
  }

  /** Order and filter the rows of a table; one with no row left is put away with all that belongs to it. */
  showRows(table) {
    const { sort, facets } = this.state;
    const key = JSON.stringify([sort, facets, table.isWhole]);
    if (table.key === key) return;
    const isAsServed = table.key === undefined && !sort;
    table.key = key;
    if (isAsServed && !Object.keys(facets).length && !table.isWhole) for (const part of table.late) part.hidden = true;
    else rejoin(table);
    const chosen = Object.entries(facets);
    const isWanted = (row) => chosen.every(([facet, value]) => row.facets[facet].includes(value));
    table.matching = orderTable(table, sort, this.figures).filter(isWanted);
    table.visible = table.isWhole ? table.matching : table.matching.slice(0, MOST_SHOWN);
    const visible = new Set(table.visible);
    for (const row of table.rows) {
      if (row.isHidden === !visible.has(row)) continue;
      row.isHidden = !visible.has(row);
      for (const line of row.lines) line.hidden = row.isHidden;
    }
    for (const body of table.bodies) {
      const rows = table.visible.filter((row) => row.body === body);
      body.hidden = rows.length === 0;
      if (!isAsServed) body.append(...rows.flatMap((row) => row.lines));
    }
    table.table.classList.add("fl-read"); // from here on the rows that are not shown are this script's to say
    for (const part of table.section) part.hidden = visible.size === 0;
    this.offerRest(table);
  }

  /** A long table is shown in part, so that it is quick to sort; the rest is a click away. */
  offerRest(table) {
    const isPart = table.visible.length < table.matching.length;
    if (isPart && !table.rest) {
      table.rest = element("button", { type: "button", className: "fl-rest" });
      table.rest.addEventListener("click", () => {
        table.isWhole = true;
        this.show(this.state);
      });
      table.table.parentElement.after(table.rest);
      table.section.push(table.rest);
    }
    if (!table.rest) return;
    table.rest.hidden = !isPart;
    table.rest.textContent = `Show all ${table.matching.length} rows; the first ${MOST_SHOWN} are here`;
  }

  /** A row that the address points at, or what stands behind one, is brought to sight, folded up or not shown as it may be. */
  showAim() {
    const aim = location.hash && document.getElementById(location.hash.slice(1));
    const line = aim && aim.closest("[data-board] tr");
    if (!line) return;
    const table = this.tables.find((each) => each.table.contains(line));
    if (line.hidden || line.parentElement.hidden) {
      table.isWhole = true;
      this.show({ ...this.state, facets: {} });
    }
    const fold = aim.closest("details");
    if (fold) fold.open = true;
    aim.scrollIntoView();
  }

  /** The rows that no filter leaves out, those of a long table that are not shown among them. */
  matchingRows() {
    return this.tables.flatMap((table) => table.matching);
  }

  prepareHeads() {
    for (const { table, heads } of this.tables) {
      const cells = table.tHead.rows[0].cells;
      this.prepareHead(cells[0], "provider");
      for (const [name, head] of heads) this.prepareHead(head, name);
      this.prepareHead(cells[cells.length - 1], "newest");
    }
  }

  /** Make a head a button: best first, then worst first, then the house's order again. */
  prepareHead(head, name) {
    const button = element("button", { type: "button", className: "fl-sort" }, ...head.childNodes);
    const next = () => ({ [name]: `-${name}`, [`-${name}`]: "" })[this.state.sort] ?? name;
    button.addEventListener("click", () => this.choose({ sort: next() }));
    head.dataset.sort = name;
    head.replaceChildren(button);
  }

  /** The controls as they stand, and in words what is shown. */
  showChoices() {
    const { sort } = this.state;
    const name = sort.replace(/^-/, "");
    const isFalling = sort.startsWith("-") !== (name === "newest" || Boolean(this.figures.get(name)?.isHigherBetter));
    for (const head of this.tables.flatMap(({ table }) => [...table.tHead.rows[0].cells])) {
      if (head.dataset.sort === name) head.setAttribute("aria-sort", isFalling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.showInputs();
    this.reset.hidden = formatState(this.state) === "";
    this.say(this.summary(name, sort.startsWith("-")));
  }

  showInputs() {
    const { facets, percentile, work } = this.state;
    for (const [facet, select] of Object.entries(this.selects)) select.value = facet in facets ? `=${facets[facet]}` : "";
    for (const [key, input] of Object.entries(this.work)) input.value = work[key] ?? "";
    for (const [figure, box] of this.boxes) box.checked = this.shown.includes(figure);
    if (this.percentile) this.percentile.value = percentile;
  }

  summary(name, isReversed) {
    const rows = this.matchingRows();
    const counted = rows.length === this.rows.length ? plural(rows.length, "row") : `${rows.length} of ${plural(this.rows.length, "row")}`;
    if (!name) return `${counted}.`;
    if (!this.figures.has(name)) return `${counted}, by ${name}.`;
    const isRanked = rows.some((row) => row.bodyFamily && row.figures.get(name)?.rank);
    const order = isReversed ? "worst first" : "best first";
    const within = this.tables.some((table) => table.bodies.length > 2) ? " Each group is ordered by itself." : "";
    const note = isRanked
      ? "Rows that share a range of ranks keep their order: the data cannot tell them apart."
      : "This figure is not ranked here: neighbours whose intervals overlap may as well stand the other way round.";
    return `${counted}, by ${this.figures.get(name).label}, ${order}.${within} ${note}`;
  }

  say(text) {
    this.said.textContent = text;
  }

  // -- rows side by side

  setPicking(isPicking) {
    if (isPicking && !this.picks) this.makePicks();
    for (const { table } of this.tables) table.classList.toggle("fl-picking", isPicking);
  }

  makePicks() {
    this.picks = new Map();
    for (const row of this.rows) {
      const box = element("input", { type: "checkbox", ariaLabel: `Compare ${row.name}, ${row.family.modelName}, ${row.family.scenario}` });
      box.addEventListener("change", () => this.pick(row, box.checked));
      row.lines[0].cells[0].prepend(element("label", { className: "fl-check fl-pick" }, box, "compare"));
      this.picks.set(row.id, box);
    }
    this.showCompared();
  }

  pick(row, isPicked) {
    const others = this.state.compare.filter((id) => id !== row.id);
    this.choose({ compare: isPicked ? [...others, row.id] : others });
  }

  showCompared() {
    const rows = this.state.compare.map((id) => this.byId.get(id));
    if (rows.length && !this.picks) this.open("Compare");
    for (const [id, box] of this.picks ?? []) {
      box.checked = this.state.compare.includes(id);
      box.disabled = !box.checked && rows.length >= MOST_COMPARED;
    }
    const more = rows.length < 2 ? `Tick 2 to ${MOST_COMPARED} rows below; ${rows.length} ticked.` : `Each against ${rows[0].name}: it differs only where rank ranges, or intervals where there is no rank, lie apart.`;
    this.compared.replaceChildren(element("p", { className: "fl-note", textContent: more }));
    if (rows.length > 1) this.compared.append(this.comparison(rows));
  }

  comparison(rows) {
    const names = rows.map((row) => {
      const where = [row.endpoint, ...whereOf(row, this)].join(" · ");
      const remove = element("button", { type: "button", textContent: "remove", ariaLabel: `Remove ${row.name}` });
      remove.addEventListener("click", () => this.pick(row, false));
      return element("th", { scope: "col", className: "fl-n" }, named(row), small(where), small(row.facets.state.join(", ")), remove);
    });
    const lines = this.shown.map((name) => {
      const { label, unit } = this.figures.get(name);
      const cells = rows.map((row, index) => {
        const found = row.figures.get(name);
        const told = index ? standing(row, rows[0], name, this.figures.get(name)) : null;
        const word = told && element("span", { className: told.differs ? "fl-told fl-differs" : "fl-told", textContent: told.text });
        return element("td", { className: "fl-n" }, ...(found ? copies(found.shown) : ["–"]), word);
      });
      return element("tr", {}, element("th", { scope: "row" }, label, small(unit)), ...cells);
    });
    return plainTable("Rows side by side", [element("th", { scope: "col", textContent: "Figure" }), ...names], lines);
  }

  // -- a reader's own workload

  showWork() {
    const { work } = this.state;
    const isWhole = ["in", "out", "day"].every((key) => key in work) && work.out > 0;
    if (!isWhole) {
      const need = "Say how many tokens go in and come out, and how many requests a day.";
      this.worked.replaceChildren(element("p", { className: "fl-note", textContent: need }));
      return;
    }
    const rows = this.tables.flatMap((table) => table.visible);
    const lines = rows.map((row) => this.reckoning(row, work));
    const heads = ["Row", "Cost a day, USD", "Latency p50, ms", "Latency p95, ms"].map((text, index) => element("th", { scope: "col", className: index ? "fl-n" : "", textContent: text }));
    const formula =
      "Estimates, not measurements. Cost: requests × (tokens in × price in + tokens out × price out), at list prices, without caches and failures. " +
      "Latency: TTFT + (tokens out − 1) × TPOT of each measured request under the row's own load, and the quantiles of that, on straight lines between 1, 2, 4 … and 2,048 tokens.";
    this.worked.replaceChildren(plainTable("My workload", heads, lines), element("p", { className: "fl-note", textContent: formula }));
  }

  reckoning(row, work) {
    const { cost, p50, p95 } = reckon(row, work);
    const where = whereOf(row, this).join(" · ");
    const latency = (found, word) => [
      element("span", { className: "fl-value", textContent: found ? digits(found.value) : "–" }),
      found && small(found.low === null ? "no interval" : `${digits(found.low)} – ${digits(found.high)}`),
      found ? null : element("span", { className: "fl-told", textContent: "not given; see behind the row" }),
      word && element("span", { className: "fl-told", textContent: word }),
    ];
    const cells = [[cost === null ? "no price" : digits(cost)], latency(p50, null), latency(p95, wish(p95, work.p95))];
    return element("tr", {}, element("th", { scope: "row" }, named(row), small(where), small(row.facets.state.join(", "))), ...cells.map((cell) => element("td", { className: "fl-n" }, ...cell)));
  }
}

/** Whether an estimate keeps a wish, in words; its whole interval must. */
function wish(found, wanted) {
  if (!found || wanted === undefined) return null;
  if (found.low === null) return "cannot be told: no interval";
  if (found.high <= wanted) return "within your wish";
  return found.low > wanted ? "beyond your wish" : "cannot be told";
}

const named = (row) => element("span", { className: "fl-name", textContent: row.name });
const small = (text) => element("small", { className: "fl-sub", textContent: text });
const digits = (value) => value.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

function plainTable(label, heads, lines) {
  const table = element("table", { className: "fl-table fl-board" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines));
  return element("div", { className: "fl-scroll", role: "region", ariaLabel: label, tabIndex: 0 }, table);
}

const tools = document.querySelector(".fl-tools");
const tables = [...document.querySelectorAll("table[data-board]")].map(readTable);
if (tools && tables.length) {
  const { rows } = new Controls(tools, tables);
  performance.mark("fl-controls");
  const idle = globalThis.requestIdleCallback ?? setTimeout;
  readAhead(rows, () => new Promise((resolve) => idle(resolve)));
}
