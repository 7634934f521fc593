// Tells the desk what is typed in the texts of forms and not sent, after a pause or when a text is left: by its form and
// its field. Until the desk has said that it keeps it, this page holds it, and gives it back to a text drawn anew.

const PAUSE = 600, PATIENCE = 5000; // milliseconds: of no typing, and until the desk is told again
const PRESS = 300; // between a press and what it does: told at the same moment, that would draw nothing but this
const page = (window.amlTyped ??= { who: "", forms: {}, held: new Map(), sent: null, number: 0, timer: 0, pressed: 0 });
const prototypeOf = (text) => text instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;

// A text's key is its field and the token of its form.
function placeOf(text) {
  const holder = text.closest?.(streamlit.keyed);
  const [, field, token] = holder?.className.match(/st-key-(\S+)-([0-9a-f]{16})(?!\S)/) ?? [];
  const form = page.forms[token];
  return form && { who: page.who, field, token, name: `${page.who} ${form} ${field}` };
}

const mine = () => [...page.held.values()].filter(({ who, token }) => who === page.who && page.forms[token]);

function later(milliseconds) {
  clearTimeout(page.timer);
  page.timer = mine().length ? setTimeout(tell, milliseconds) : 0;
}

function hold({ target }) {
  const place = page.who && target.matches?.(streamlit.text) && placeOf(target);
  if (!place) return;
  page.held.set(place.name, { ...place, text: target.value });
  later(PAUSE);
}

// A desk that was started again throws away what is told to the session before, and what another script tells with it.
const isHeard = () => performance.now() > page.pressed + PRESS && streamlit.isAtRest() && document.querySelector(streamlit.connected)
  && page.session === window.amlNewestSession;

function tell() {
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
      addEventListener(sign, () => { page.pressed = performance.now(); }, true);
    addEventListener("focusout", () => later(PRESS), true);
    addEventListener("beforeunload", () => mine().length && say());
    new MutationObserver(restore).observe(document.body, { childList: true, subtree: true });
  }
  Object.assign(page, { who: data.who, forms: data.forms, session: data.session });
  for (const [name, { token }] of page.held) if (data.accepted.includes(token)) page.held.delete(name);
  heard(data.heard);
  restore();
}
