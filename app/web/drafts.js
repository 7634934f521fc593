// Keeps what is typed in the texts of forms and not sent, by its person, its form (which names the case) and its field,
// in this tab alone: it comes back after a reload. It goes when it is accepted, or its person signs out.

const KEY = "aml-drafts";
const page = (window.amlDrafts ??= { who: "", forms: {} });
const setValue = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;

function change(edit) {
  try {
    const drafts = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    edit(drafts);
    sessionStorage.setItem(KEY, JSON.stringify(drafts));
  } catch {} // the browser keeps nothing, or no more
}

// A text's key is its field and the token of its form.
function placeOf(text) {
  const holder = text.closest(streamlit.keyed);
  const [, field, token] = holder?.className.match(/st-key-(\S+)-(\w+)/) ?? [];
  const form = page.forms[token];
  return form && { token, name: `${form} ${field}` };
}

function save({ target }) {
  const place = target instanceof HTMLTextAreaElement && page.who && placeOf(target);
  if (!place) return;
  change((drafts) => {
    const mine = (drafts[page.who] ??= {});
    if (target.value) mine[place.name] = { text: target.value, token: place.token };
    else delete mine[place.name];
  });
}

// Once into each text, as it is drawn. What stands there stays, unless it is what a form of a new session begins with:
// then the session that took what was typed is gone.
function restore() {
  const texts = [...document.querySelectorAll("textarea:enabled")].filter((text) => !page.restored.has(text));
  for (const text of texts) {
    const place = page.who && placeOf(text);
    if (!place) continue;
    page.restored.add(text);
    change((drafts) => {
      const draft = drafts[page.who]?.[place.name];
      if (!draft || (text.value && draft.token === place.token)) return;
      setValue.call(text, draft.text);
      draft.token = place.token;
      text.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
}

function forget(accepted, others) {
  change((drafts) => {
    for (const [who, mine] of Object.entries(drafts)) {
      if (others && who !== page.who) delete drafts[who];
      for (const [name, { token }] of Object.entries(mine)) if (accepted.includes(token)) delete mine[name];
    }
  });
}

export default function ({ data }) {
  if (!page.restored) {
    page.restored = new WeakSet();
    addEventListener("input", save, true);
    addEventListener("click", ({ target }) => target.closest?.(".st-key-sign_out") && sessionStorage.removeItem(KEY), true);
    new MutationObserver(restore).observe(document.body, { childList: true, subtree: true });
  }
  Object.assign(page, { who: data.who, forms: data.forms });
  forget(data.accepted, data.alone);
  restore();
}
