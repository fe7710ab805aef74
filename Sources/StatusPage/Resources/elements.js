// Elements are built, never parsed: what a producer wrote in a file's name or a class can only become text.

const svgSpace = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (name === "width%") node.style.width = `${value}%`;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

const element = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const shape = (name, attributes = {}, ...children) => fill(document.createElementNS(svgSpace, name), attributes, children);
const code = (text) => element("code", {}, text);
const place = (id) => document.getElementById(id);

/** Puts children in place of what is there; whoever was at one of them with the keyboard stays there. */
function show(id, ...children) {
  const focused = place(id).contains(document.activeElement) ? document.activeElement.id : "";
  place(id).replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused) place(focused)?.focus({ preventScroll: true });
}

/** A cell or heading of numbers. */
const number = (value, attributes = {}) =>
  element("td", { class: value ? "n" : "n nothing", ...attributes }, value ? grouped(value) : "0");

/** Titles are words, after a # where the column is of numbers, or cells. */
function heading(titles) {
  const cell = (title) => title instanceof Element ? title
    : element("th", { scope: "col", class: title.startsWith("#") ? "n" : undefined }, title.replace("#", ""));
  return element("thead", {}, element("tr", {}, titles.map(cell)));
}

const table = (titles, rows, attributes = {}) =>
  element("table", attributes, heading(titles), element("tbody", {}, rows));
