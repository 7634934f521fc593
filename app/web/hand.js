// After a form was sent: what is wrong with a field belongs to it for a screen reader too, and the keyboard goes on
// where the hand was: at the first such field or, where all was well, on the button of the form drawn anew.

const SIGNS = ["keydown", "pointerdown"]; // of a person who goes on by themselves
const MARKS = ["aria-invalid", "aria-describedby"]; // on the control of a field that something is wrong with

let marked = [];
let last, timer;

// Leaves alone what stays marked: to mark it anew would tell it anew.
function unmark(kept = []) {
  for (const control of marked)
    if (!kept.includes(control)) for (const name of MARKS) control.removeAttribute(name);
  marked = kept;
}

// Returns the fields that something is wrong with, as they stand on the page.
function mark() {
  const fields = [], controls = [];
  for (const words of document.querySelectorAll(".wrong")) {
    const field = document.querySelector(`.${words.id.replace("wrong-", "")}`);
    const control = field?.querySelector(streamlit.control);
    if (!control) continue;
    const values = ["true", words.id];
    MARKS.forEach((name, at) => control.getAttribute(name) === values[at] || control.setAttribute(name, values[at]));
    controls.push(control);
    fields.push(field);
  }
  unmark(controls);
  return fields;
}

function button(place) {
  return [...place.querySelectorAll(streamlit.button)].find((one) => !one.disabled && one.checkVisibility())
    ?? document.getElementById(place.closest("[role=tabpanel]")?.getAttribute("aria-labelledby"));
}

function stop(event) {
  if (event?.isTrusted === false) return; // not a person's
  clearInterval(timer);
  for (const sign of SIGNS) removeEventListener(sign, stop, true);
}

export default function ({ data }) {
  stop();
  let moves = data.outcome !== last;
  last = data.outcome;
  const end = performance.now() + 1500; // while what was sent away and what comes in its place are still drawn
  timer = setInterval(() => {
    const [first] = mark();
    const place = document.querySelector(`.${data.place}`);
    const at = document.activeElement, lost = [null, document.body].includes(at);
    if (moves && first && (lost || place?.contains(at))) {
      const control = first.querySelector(streamlit.focusable);
      control?.focus();
      // The calendar that opens with a date would lie over what is said of it.
      const escape = new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
      const close = () => document.activeElement?.role === "spinbutton" && document.activeElement.dispatchEvent(escape);
      if (control?.role === "spinbutton") setTimeout(close, 300);
      moves = false;
    } else if (moves && place && lost) button(place)?.focus();
    if (performance.now() > end) stop();
  }, 50);
  for (const sign of SIGNS) addEventListener(sign, stop, true);
  return () => {
    stop();
    unmark();
  };
}
