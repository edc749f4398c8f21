// The page asks for what it shows, waits for changes, and lights what belongs together.
"use strict";

const view = document.getElementById("view");
const announcer = document.getElementById("announcer");
let record = Number(new URLSearchParams(location.hash.slice(1)).get("record")) || 1;
let version = 0;
let asked = 0;

const shown = () => document.getElementById("shown");
const number = (name) => Number(shown()?.dataset[name] || 0);
const everything = (selector, within = view) => [...within.querySelectorAll(selector)];

// What is shown

async function load(isStep) {
  const turn = ++asked;
  const answer = await fetch(`view?record=${record}`, { cache: "no-store" });
  const html = await answer.text();
  // Only the last question counts: keys may be pressed faster than answers come.
  if (turn !== asked || !answer.ok) return;
  const before = keep(isStep);
  view.innerHTML = html;
  version = number("version");
  record = number("record") || record;
  history.replaceState(null, "", `#record=${record}`);
  document.title = shown().dataset.title;
  restore(before);
  if (!isStep && number("version") > 1) showFinding();
  makeRoving();
  announce(shown().dataset.says);
}

function announce(text) {
  announcer.textContent = text;
}

/** Where the reader is, to be there again when the page is drawn anew. */
function keep(isStep) {
  const places = everything(".scroll[id]").map((pane) => [pane.id, pane.scrollTop]);
  const focused = document.activeElement;
  const key = focused?.id ? `#${focused.id}` : describe(focused);
  return { places: isStep ? places.filter(([id]) => id === "mapping-scroll") : places, key };
}

function describe(element) {
  for (const name of ["pointer", "cell", "rule", "contract"]) {
    const value = element?.dataset?.[name];
    if (value !== undefined) return `[data-${name}="${CSS.escape(value)}"]`;
  }
  return "";
}

/** After a save that broke the mapping, its first finding is in view. */
function showFinding() {
  const pane = document.getElementById("mapping-scroll");
  const finding = pane?.querySelector(".finding.error");
  if (shown().dataset.state !== "broken" || !finding) return;
  const [inner, outer] = [finding.getBoundingClientRect(), pane.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) pane.scrollTop += inner.top - outer.top - pane.clientHeight / 3;
}

function restore({ places, key }) {
  for (const [id, top] of places) {
    const pane = document.getElementById(id);
    if (pane) pane.scrollTop = top;
  }
  const again = key && view.querySelector(key);
  if (again && !again.disabled) again.focus({ preventScroll: true });
}

// Changes

async function follow() {
  for (;;) {
    try {
      const answer = await fetch(`changes?after=${version}`, { cache: "no-store" });
      if (!answer.ok) throw new Error("refused");
      const now = Number(await answer.text());
      if (now !== version) await load(false);
    } catch {
      document.getElementById("ended").hidden = false;
      announce("The preview has ended.");
      return;
    }
  }
}

// Steps

function go(where) {
  const count = number("count");
  if (count === 0) return;
  if (where === "bad") {
    const bad = number("bad");
    if (bad === 0) return announce("No record is bad.");
    record = bad;
  } else {
    const step = where === "next" ? 1 : count - 1;
    record = ((number("record") - 1 + step) % count) + 1;
  }
  load(true);
}

// What belongs together

const words = (text) => (text || "").split(" ").filter(Boolean);

/** The values that an element belongs to. */
function valuesOf(element) {
  const values = everything("[data-value]");
  const { value, cell, row, rule, contract } = element.dataset;
  if (value) return [element];
  if (cell) return values.filter((line) => words(line.dataset.from).includes(cell));
  if (row) return values.filter((line) => words(line.dataset.from).includes(row));
  if (rule) return values.filter((line) => line.dataset.ofRule === rule);
  if (contract) return values.filter((line) => line.dataset.ofContract === contract);
  return [];
}

function unlight() {
  everything(".lit, .pointed").forEach((element) => element.classList.remove("lit", "pointed"));
  const hint = document.getElementById("origin-hint");
  if (hint) {
    hint.hidden = false;
    document.getElementById("origin-words").hidden = true;
  }
}

function light(element, mayScroll) {
  unlight();
  const values = valuesOf(element);
  element.classList.add("pointed");
  const from = new Set(values.flatMap((line) => words(line.dataset.from)));
  const rules = new Set(values.map((line) => line.dataset.ofRule));
  const contract = new Set(values.map((line) => line.dataset.ofContract));
  const lit = [
    ...values,
    ...everything("[data-cell], [data-row]").filter((cell) => from.has(cell.dataset.cell || cell.dataset.row)),
    ...everything("[data-rule]").filter((line) => rules.has(line.dataset.rule)),
    ...everything("[data-contract]").filter((rule) => contract.has(rule.dataset.contract)),
  ];
  lit.forEach((other) => other.classList.add("lit"));
  if (mayScroll) reveal(lit, element);
  tell(values, element);
}

/** Brings the first lit element of each pane into its view; the page itself does not move. */
function reveal(lit, element) {
  const own = element.closest(".scroll");
  for (const cell of lit) {
    const wide = cell.closest(".wide");
    if (!wide || cell === element) continue;
    const [inner, outer] = [cell.getBoundingClientRect(), wide.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right) wide.scrollLeft += inner.left - outer.left - 80;
  }
  const seen = new Set([own]);
  for (const other of lit) {
    const pane = other.closest(".scroll");
    if (!pane || seen.has(pane) || pane.scrollHeight <= pane.clientHeight) continue;
    seen.add(pane);
    const [inner, outer] = [other.getBoundingClientRect(), pane.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      pane.scrollTop += inner.top - outer.top - pane.clientHeight / 3;
    }
  }
}

/** Says in words what belongs together. */
function tell(values, element) {
  const first = values[0];
  const hint = document.getElementById("origin-hint");
  if (!first) {
    hint.textContent = "No value of the document comes from here.";
    return;
  }
  const more = values.length > 1 ? ` and ${values.length - 1} more` : "";
  const rule = view.querySelector(`[data-rule="${first.dataset.ofRule}"] code`);
  const contract = view.querySelector(`[data-contract="${first.dataset.ofContract}"] > .says`);
  const line = rule ? `line ${first.dataset.ofRule}: ${rule.textContent.trim()}` : "";
  const says = {
    value: (first.dataset.pointer || "the document") + more,
    cell: first.dataset.fromWords || "none: it is not made from a cell",
    rule: line || "none",
    contract: contract?.textContent.trim() || "says nothing of it",
  };
  for (const [name, text] of Object.entries(says)) document.getElementById(`says-${name}`).textContent = text;
  hint.hidden = true;
  document.getElementById("origin-words").hidden = false;
}

const linked = "[data-value], [data-cell], [data-row], [data-rule], [data-contract]";

view.addEventListener("pointerover", (event) => {
  const element = event.target.closest?.(linked);
  if (element && event.pointerType !== "touch") light(element, true);
});
view.addEventListener("pointerout", (event) => {
  const element = event.target.closest?.(linked);
  if (!element || element.contains(event.relatedTarget)) return;
  const focused = document.activeElement?.closest?.(linked);
  if (focused && view.contains(focused)) light(focused, false);
  else unlight();
});
view.addEventListener("focusin", (event) => {
  const element = event.target.closest(linked);
  if (element) light(element, true);
});
view.addEventListener("click", (event) => {
  const step = event.target.closest("[data-go]");
  if (step) return go(step.dataset.go);
  const to = event.target.closest("[data-to]");
  if (to) {
    record = Number(to.dataset.to);
    return load(true);
  }
  const element = event.target.closest(linked);
  if (element) {
    element.tabIndex < 0 && !element.hasAttribute("tabindex") ? light(element, true) : element.focus();
  }
});

// Keys

/** Of each part only one element is reached by Tab; arrows lead to the others. */
function makeRoving() {
  for (const part of everything("[data-roving]")) {
    const first = part.contains(document.activeElement) ? document.activeElement : part.querySelector("[tabindex]");
    if (first) first.tabIndex = 0;
  }
}

function move(part, from, key) {
  const all = everything("[tabindex]", part);
  const at = all.indexOf(from);
  const step = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 };
  const next = all[step[key]];
  if (!next) return;
  from.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

document.addEventListener("focusin", (event) => {
  const part = event.target.closest?.("[data-roving]");
  if (!part || !event.target.hasAttribute("tabindex")) return;
  everything('[tabindex="0"]', part).forEach((other) => (other.tabIndex = -1));
  event.target.tabIndex = 0;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const part = event.target.closest?.("[data-roving]");
  if (part && /^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key)) {
    event.preventDefault();
    return move(part, event.target, event.key);
  }
  if (event.key === "n") go("next");
  else if (event.key === "p") go("previous");
  else if (event.key === "b") go("bad");
  else if (event.key === "Escape") {
    document.activeElement?.blur();
    unlight();
  }
});

window.addEventListener("hashchange", () => {
  const asked = Number(new URLSearchParams(location.hash.slice(1)).get("record"));
  if (asked && asked !== record) {
    record = asked;
    load(true);
  }
});

load(false).then(follow, follow);
