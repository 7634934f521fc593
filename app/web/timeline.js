// The timeline of a case. Text from the database only ever becomes text nodes.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function change({ column, from, to }) {
  return element("div", { className: "change" },
    element("span", { className: "column", textContent: column }),
    element("span", { className: "value old", textContent: from }),
    element("span", { className: "arrow", textContent: "→" }),
    element("span", { className: "value", textContent: to }));
}

function item(event) {
  const line = element("div", { className: "line" },
    element("strong", { textContent: event.who }), " ",
    element("span", { textContent: event.what }),
    element("time", { dateTime: event.ts, title: event.ts, textContent: event.when }));
  const parts = [line, ...event.changes.map(change)];
  if (event.notes) parts.push(element("div", { className: "notes", textContent: event.notes }));
  const hash = element("button", { type: "button", className: "hash", title: `${event.hash}\nClick to copy`,
    textContent: `#${event.event_id} · ${event.hash.slice(0, 12)}…`, ariaLabel: `Copy the hash of event ${event.event_id}` });
  hash.addEventListener("click", async () => {
    await navigator.clipboard.writeText(event.hash);
    hash.textContent = "copied";
  });
  parts.push(hash);
  for (const broken of event.breaks) parts.push(element("div", { className: "break", role: "alert", textContent: broken }));
  return element("li", { className: event.breaks.length ? `${event.action} broken` : event.action }, ...parts);
}

export default function ({ data, parentElement }) {
  const list = element("ol", {}, ...data.events.map(item));
  list.setAttribute("aria-label", data.label);
  parentElement.querySelector("ol")?.remove();
  parentElement.append(list);
}
