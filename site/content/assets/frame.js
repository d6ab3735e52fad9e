// What surrounds a page: keys, folds, contents and the way up. Knows no table and no chart; every page is whole without it.
//
// The theme brings a script for all that it could do; only its search is used, on a page of its own. This is the
// rest, for every other page, under the theme's class names. Nothing here asks for a layout while a page loads.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const drawer = document.getElementById("__drawer");
const header = document.querySelector(".md-header");
const title = document.querySelector(".md-content h1");

// -- keys ----------------------------------------------------------------------------------------

const WAYS = { p: "prev", ",": "prev", n: "next", ".": "next" };
const isTypedInto = (node) => node.isContentEditable || /^(SELECT|TEXTAREA)$/.test(node.tagName) || (node.tagName === "INPUT" && node.type !== "radio");

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing || isTypedInto(target)) return;
  if (key === "Enter" && target.tagName === "LABEL") target.click();
  if (key === "Enter" && target.matches(".md-option")) turnColours(target);
  const neighbour = document.querySelector(`link[rel=${WAYS[key]}]`);
  if (neighbour) location.assign(neighbour.href);
});

/** The next choice of colours, which takes the focus. */
function turnColours(option) {
  const options = all(".md-option", option.form);
  const next = options[(options.findIndex((each) => !each.nextElementSibling.hidden) + 1) % options.length];
  next.click();
  next.focus();
}

for (const label of all(".md-nav label[tabindex]")) {
  const [box, list] = [document.getElementById(label.htmlFor), document.querySelector(`[aria-labelledby="${label.id}"]`)];
  box.addEventListener("change", () => list.setAttribute("aria-expanded", `${box.checked}`));
}

// -- what is folded up, too wide or cut off ------------------------------------------------------

/** A fold that the address points into is opened; the drawer that led there is closed. */
function aim() {
  drawer.checked = false;
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const closed = target && all("details:not([open])").filter((fold) => fold.contains(target));
  if (!closed?.length) return;
  for (const fold of closed) fold.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", aim);
if (location.hash) aim();

let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = all(".md-content details:not([open])");
  for (const fold of unfolded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of unfolded.splice(0)) fold.open = false;
});

for (const table of all(".md-content table:not([class])")) {
  const [around, inner] = [document.createElement("div"), document.createElement("div")];
  around.className = "md-typeset__scrollwrap";
  inner.className = "md-typeset__table";
  table.replaceWith(around);
  around.append(inner);
  inner.append(table);
}

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const code of all(".md-content pre > code")) widths.observe(code);

addEventListener("mouseover", ({ target }) => {
  const cut = target.closest?.("a, .md-ellipsis")?.closest("a, .md-ellipsis");
  const text = cut?.matches(".md-ellipsis") ? cut : cut?.querySelector(".md-ellipsis");
  if (text && text.offsetWidth < text.scrollWidth) (text.closest("a") ?? text).title = text.innerText;
});

// -- where a reader is ---------------------------------------------------------------------------

if (title) {
  const past = ([{ isIntersecting, boundingClientRect }]) =>
    document.querySelector(".md-header__title").classList.toggle("md-header__title--active", !isIntersecting && boundingClientRect.top < 0);
  new IntersectionObserver(past, { rootMargin: "-48px 0px 0px" }).observe(title);
}

const up = document.querySelector(".md-top");
const contents = all(".md-sidebar--secondary:not([hidden]) a.md-nav__link[href^='#']").flatMap((link) => {
  const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  return heading ? [{ link, heading }] : [];
});
let [before, isAsked] = [0, false]; // to ask where a page stands would lay it out

function place() {
  isAsked = false;
  offerWayUp(scrollY);
  markContents(scrollY);
  before = scrollY;
}

/** The way up is offered to whoever turns back. */
function offerWayUp(at) {
  if (!up || at === before) return;
  up.hidden = !(at < before && at > header.offsetHeight);
  if (up.hidden) up.blur();
}

/** The sections that have been passed, and the one that is being read: at the end of the page, the last. */
function markContents(at) {
  if (!contents.length) return;
  const edge = header.offsetHeight + 20;
  const isEnd = at + innerHeight >= Math.floor(document.documentElement.scrollHeight) && at > 0;
  const passed = contents.filter(({ heading }) => isEnd || heading.getBoundingClientRect().top < edge);
  for (const { link } of contents) {
    link.classList.toggle("md-nav__link--passed", passed.some((each) => each.link === link));
    link.classList.toggle("md-nav__link--active", passed.at(-1)?.link === link);
  }
}

function ask() {
  if (!isAsked) requestAnimationFrame(place);
  isAsked = true;
}
addEventListener("scroll", ask, { passive: true });
addEventListener("resize", ask, { passive: true });
if (contents.length) ask();
up?.addEventListener("click", () => {
  up.hidden = true;
  scrollTo({ top: 0 });
});
