// What can be done with a case, where it is a bar at the foot of its page (desk.css): it opens to the form whose tab is
// pressed. And, wherever it stands: a key leads to the timeline and one to the evidence.

const KEYS = { t: "trail", e: "evidence" };
const STEPS = ["pointerdown", "keydown"];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const part = (key) => document.querySelector(`.st-key-${key}`);

function go(key) {
  const place = part(key);
  if (!place) return;
  place.tabIndex = -1;
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
}

// The event stands in the timeline, which has a root of its own.
function goToEvent(eventId) {
  const hosts = [...document.querySelectorAll(".st-key-timeline *")].filter((one) => one.shadowRoot);
  const item = hosts.map(({ shadowRoot }) => shadowRoot.getElementById(`event-${eventId}`)).find(Boolean);
  if (!item) return go("trail");
  item.tabIndex = -1;
  item.scrollIntoView({ block: "center" });
  item.focus({ preventScroll: true });
}

// Of a page: which case it shows, its newest event, and which tab was chosen before a press on another.
let shown = {}, chosen = null, draw = () => {};

function open(isOpen) {
  if (isOpen) document.documentElement.dataset.hands = "open";
  else delete document.documentElement.dataset.hands;
  draw();
}

const isOpen = () => document.documentElement.dataset.hands === "open";
const isBar = () => getComputedStyle(part("actions")?.parentElement ?? document.body).bottom !== "auto";
const isTyping = ({ target, ctrlKey, metaKey, altKey }) =>
  ctrlKey || metaKey || altKey || target.closest?.("input, textarea, [contenteditable], [role=spinbutton]");

// A tab of the bar, not of a form in it.
function tabOf({ target }) {
  const tab = target.closest?.(".st-key-actions [role=tab]");
  return tab?.closest("[role=tabpanel]") ? null : tab;
}

function step(event) {
  const tab = tabOf(event);
  if (tab) chosen = tab.ariaSelected === "true" ? tab : null;
}

let toggled = -Infinity; // a key on a tab is a click too

function press(event) {
  const tab = tabOf(event);
  if (!tab || performance.now() < toggled + 200) return;
  toggled = performance.now();
  open(!isOpen() || tab !== chosen);
}

function pressKey(event) {
  if (tabOf(event) && ["Enter", " "].includes(event.key)) press(event);
}

function key(event) {
  const { key, target } = event;
  if (key === "Escape" && isOpen() && isBar() && target.closest?.(".st-key-actions") && !event.defaultPrevented) {
    open(false);
    part("actions").querySelector("[role=tab][aria-selected=true]")?.focus();
  } else if (!isTyping(event) && !event.shiftKey && KEYS[key.toLowerCase()]) go(KEYS[key.toLowerCase()]);
}

// What has the focus is never behind the bar: the browser scrolls it as far as this says.
const size = new ResizeObserver(([{ target }]) => {
  const main = document.querySelector(streamlit.main);
  main?.style.setProperty("--bar", isBar() ? `${target.offsetHeight}px` : "0px");
});

function row(data, parentElement) {
  const bar = element("div", { className: "row" });
  if (shown.told)
    bar.append(
      element("span", { className: "told", textContent: `✓ ${shown.told.words}`, dir: "auto" }),
      element("button", { type: "button", textContent: "Show it", onclick: () => goToEvent(shown.told.event) }));
  bar.append(
    element("button", { type: "button", className: "lead", textContent: "Timeline", onclick: () => go("trail") }),
    element("button", { type: "button", textContent: isOpen() ? "Close ▾" : "Open ▴", ariaExpanded: String(isOpen()),
      onclick: () => open(!isOpen()) }));
  parentElement.replaceChildren(bar);
}

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".frame") ?? parentElement.appendChild(element("div", { className: "frame" }));
  draw = () => {
    const focused = [...place.querySelectorAll("button")].indexOf(parentElement.activeElement);
    row(data, place);
    if (focused >= 0) [...place.querySelectorAll("button")].at(-1).focus();
  };
  if (data.case !== shown.case || data.opens !== shown.opens) {
    shown = { case: data.case, event: data.event, opens: data.opens };
    open(Boolean(data.opens));
  } else if (data.event > shown.event) {
    shown = { ...shown, event: data.event, told: data.isOwn ? { event: data.event, words: data.added } : null };
    if (data.isOwn) open(false);
  }
  draw();
  for (const sign of STEPS) addEventListener(sign, step, true);
  addEventListener("click", press, true);
  addEventListener("keydown", pressKey, true);
  addEventListener("keydown", key);
  size.disconnect();
  if (part("actions")) size.observe(part("actions"));
  return () => {
    for (const sign of STEPS) removeEventListener(sign, step, true);
    removeEventListener("click", press, true);
    removeEventListener("keydown", pressKey, true);
    removeEventListener("keydown", key);
    size.disconnect();
    if (!part("actions")) {
      shown = {};
      open(false);
    }
  };
}
