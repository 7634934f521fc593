// The timeline of a case. Text from the database only ever becomes text nodes.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// What an event changed, from what to what; without `from`, what it says beside that.
function change({ column, from, to }) {
  const before = from === undefined ? [] : [
    element("span", { className: "value old", dir: "auto", textContent: from }),
    element("span", { className: "arrow", textContent: "→" })];
  return element("div", { className: "change" },
    element("span", { className: "column", textContent: column }), ...before,
    element("span", { className: "value", dir: "auto", textContent: to }));
}

function item(event) {
  const line = element("div", { className: "line" },
    element("strong", { dir: "auto", textContent: event.who }), " ",
    element("span", { textContent: event.what }),
    element("time", { dateTime: event.ts, title: event.ts, textContent: event.when }));
  const parts = [line, ...event.changes.map(change)];
  if (event.notes) {
    const notes = element("div", { className: "notes", dir: "auto", textContent: event.notes });
    // A narrative takes less room than its many lines, and is scrolled by keyboard too.
    if (event.notes.length > 1500) Object.assign(notes, { className: "notes long", tabIndex: 0, role: "group", ariaLabel: "Notes" });
    parts.push(notes);
  }
  // Its name begins with what it shows, so that it can be called by voice.
  const shown = `#${event.event_id} · ${event.hash.slice(0, 12)}…`;
  const hash = element("button", { type: "button", className: "hash", title: `${event.hash}\nClick to copy`,
    textContent: shown, ariaLabel: `${shown} Copy the hash` });
  const copied = element("span", { className: "copied", role: "status" });
  hash.addEventListener("click", async () => {
    await navigator.clipboard.writeText(event.hash);
    copied.textContent = "copied";
  });
  parts.push(hash, copied);
  for (const broken of event.breaks) parts.push(element("div", { className: "break", textContent: broken }));
  return element("li", { id: `event-${event.event_id}`, className: event.breaks.length ? `${event.action} broken` : event.action },
    ...parts);
}

// Where the timeline scrolls on its own, beside what it is about.
function frameOf(list) {
  for (let one = list.getRootNode().host; one; one = one.parentElement)
    if (one.matches(streamlit.main)) return null;
    else if (getComputedStyle(one).overflowY === "auto") return one;
  return null;
}

// What came to a case that was shown already stands out for a while; the page stays where it is.
function show(items) {
  for (const one of items) one.classList.add("new");
  const frame = items.length && frameOf(items[0]);
  if (frame) frame.scrollTop += items[0].getBoundingClientRect().top - frame.getBoundingClientRect().top - 60;
}

// Of each timeline, by what an event was drawn from: a case grows by an event, and the others stay as they are.
const drawn = new WeakMap();
const caseOf = new WeakMap();

export default function ({ data, parentElement }) {
  const before = drawn.get(parentElement) ?? new Map();
  const after = new Map();
  const list = parentElement.querySelector("ol") ?? element("ol", { role: "list" });
  list.setAttribute("aria-label", data.label);
  let place = list.firstElementChild;
  const known = new Set([...list.children].map((one) => one.id)), added = [];
  for (const event of data.events) {
    const text = JSON.stringify(event);
    const made = before.get(text)?.pop() ?? item(event);
    after.set(text, [...(after.get(text) ?? []), made]);
    if (made === place) place = place.nextElementSibling;
    else list.insertBefore(made, place);
    if (!known.has(made.id)) added.push(made);
  }
  for (const gone of [...before.values()].flat()) gone.remove();
  drawn.set(parentElement, after);
  if (!list.isConnected) parentElement.append(list);
  if (data.case && caseOf.get(parentElement) === data.case && known.size + 3 > list.children.length) show(added);
  caseOf.set(parentElement, data.case);
}
