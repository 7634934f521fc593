// Tells the desk what is typed and chosen in forms and not sent, after a pause or when a text is left: by its form and
// its field. Until the desk has said that it keeps a text, this page holds it, and gives it back to one drawn anew.

const PAUSE = 600, PATIENCE = 5000; // milliseconds: of no typing, and until the desk is told again
const PRESS = 300; // between a press and what it does: told at the same moment, that would draw nothing but this
const page = (window.amlTyped ??= { who: "", forms: {}, choices: {}, held: new Map(), shown: new Map(), sent: null,
  number: 0, timer: 0, pressed: 0 });
const prototypeOf = (text) => text instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;

// A field's key is its name and the token of its form.
function placeOf(field) {
  const holder = field.closest?.(streamlit.keyed);
  const [, name, token] = holder?.className.match(/st-key-(\S+)-([0-9a-f]{16})(?!\S)/) ?? [];
  const form = page.forms[token];
  return form && { who: page.who, field: name, token, name: `${page.who} ${form} ${name}` };
}

const mine = () => [...page.held.values()].filter(({ who, token }) => who === page.who && page.forms[token]);

function later(milliseconds) {
  clearTimeout(page.timer);
  page.timer = mine().length || page.isPressed ? setTimeout(tell, milliseconds) : 0;
}

function hold({ target }) {
  const place = page.who && target.matches?.(streamlit.text) && placeOf(target);
  if (!place) return;
  page.held.set(place.name, { ...place, text: target.value });
  later(PAUSE);
}

// In the words that show it, a day as ISO 8601 writes it; empty where nothing is chosen.
function chosenIn(holder) {
  const choice = holder.querySelector(streamlit.choice);
  if (choice?.type === "checkbox") return choice.checked ? "true" : "";
  return choice ? choice.value : holder.querySelector(streamlit.chosen)?.textContent ?? "";
}

// What a choice shows is the desk's own until something was pressed.
function lookAtChoices() {
  for (const holder of document.querySelectorAll(streamlit.keyed)) {
    const place = page.who && placeOf(holder);
    if (!place || !page.choices[place.token]?.includes(place.field)) continue;
    const key = `${place.token} ${place.field}`, before = page.shown.get(key), text = chosenIn(holder);
    page.shown.set(key, text);
    if (before !== undefined && before !== text) page.held.set(place.name, { ...place, text });
  }
}

function press() {
  page.pressed = performance.now();
  lookAtChoices();
  page.isPressed = true;
  later(PAUSE);
}

// A desk that was started again throws away what is told to the session before, and what another script tells with it.
const isHeard = () => performance.now() > page.pressed + PRESS && streamlit.isAtRest() && document.querySelector(streamlit.connected)
  && page.session === window.amlNewestSession;

function tell() {
  if (page.isPressed) lookAtChoices();
  page.isPressed = false;
  if (!mine().length) return;
  if (!isHeard()) return later(PRESS);
  say();
}

function say() {
  page.sent = { id: `${page.name}-${++page.number}`, texts: mine() };
  page.say(page.sent);
  later(PATIENCE);
}

// What the desk keeps is not held any more, unless it was changed meanwhile.
function heard(id) {
  if (!id || page.sent?.id !== id) return;
  for (const one of page.sent.texts) if (page.held.get(one.name) === one) page.held.delete(one.name);
  page.sent = null;
  later(PAUSE);
}

// Once into each text, as it is drawn: what the desk does not keep yet, as the session that was told it is gone.
function restore() {
  if (!page.held.size) return;
  for (const text of document.querySelectorAll(streamlit.text)) {
    const place = page.who && placeOf(text), one = place && page.held.get(place.name);
    if (!one || page.restored.has(text) || (one.token === place.token && text.value)) continue;
    page.restored.add(text);
    page.held.set(place.name, { ...one, token: place.token });
    Object.getOwnPropertyDescriptor(prototypeOf(text).prototype, "value").set.call(text, one.text);
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

export default function ({ data, setTriggerValue }) {
  page.say = (told) => setTriggerValue("typed", told);
  if (!page.restored) {
    page.restored = new WeakSet();
    page.name = Math.random().toString(36).slice(2);
    addEventListener("input", hold, true);
    for (const sign of ["pointerdown", "keydown"])
      addEventListener(sign, press, true);
    addEventListener("focusout", () => later(PRESS), true);
    addEventListener("beforeunload", () => { lookAtChoices(); if (mine().length) say(); });
    new MutationObserver(restore).observe(document.body, { childList: true, subtree: true });
  }
  Object.assign(page, { who: data.who, forms: data.forms, choices: data.choices, session: data.session });
  for (const [name, { token }] of page.held) if (data.accepted.includes(token)) page.held.delete(name);
  heard(data.heard);
  restore();
}
