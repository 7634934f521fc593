// One entry of the browser's history a page, under the address that shows it. For one click Streamlit makes two or
// three: the page being left, with another query; the new page; and that with what its fields hold.

// A page is its path and the case in its address, in any letter case and with I, L, O for 1, 1, 0.
function place(href) {
  const { pathname, searchParams } = new URL(href, location.href);
  const typed = searchParams.get("case_id") ?? "";
  return { path: pathname, caseId: typed.toUpperCase().replace(/[IL]/g, "1").replaceAll("O", "0") };
}

function install() {
  const { pushState, replaceState } = History.prototype;
  // What the newest entry is, until somebody does something again on a page at rest: `made` by what they did last, and
  // perhaps only `passed`, the page being left. The first of a document is made by opening it.
  let made = true, passed = false, travelled = false;

  for (const sign of ["pointerdown", "click", "keydown"])
    addEventListener(sign, () => {
      if (streamlit.isAtRest()) made = passed = travelled = false;
    }, true);
  // A Back or Forward that comes while a page is on its way waits for it: the two would overtake each other. What it
  // led to is the address already, so that page writes nothing there. Nobody waits for seconds.
  let waiting = 0, left = -Infinity;
  const isOnItsWay = () => !streamlit.isAtRest() || performance.now() - left < 2000;
  // It takes a moment until the run for what Back led to is told of; from then on its state says when it ends.
  new MutationObserver(() => { if (!streamlit.isAtRest()) left = -Infinity; })
    .observe(document.documentElement, { subtree: true, attributeFilter: [streamlit.state] });
  addEventListener("popstate", (event) => {
    travelled = true;
    if (event.isTrusted && (waiting || isOnItsWay())) {
      event.stopImmediatePropagation();
      waiting ||= setTimeout(go, 30, 100);
    } else left = performance.now();
  }, true);
  function go(patience) {
    if (patience > 0 && isOnItsWay()) {
      waiting = setTimeout(go, 30, patience - 1);
      return;
    }
    waiting = 0;
    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  }
  // On a telephone the sidebar lies over the page that it just led to.
  addEventListener("click", ({ target }) => {
    if (innerWidth < 768 && target.closest?.(`${streamlit.sidebarLink}, .st-key-tour_start, .st-key-tour_resume`))
      document.querySelector(streamlit.sidebarClose)?.click();
  });

  const isOtherCase = (from, to) => from.caseId && to.caseId && from.caseId !== to.caseId;

  history.pushState = (state, title, href) => {
    if (waiting) return;
    const from = place(location.href), to = place(href);
    const isOtherPath = from.path !== to.path;
    const isNew = !made || (isOtherPath && !passed) || isOtherCase(from, to);
    passed = !isOtherPath && (isNew ? !isOtherCase(from, to) : passed);
    made = true;
    (isNew ? pushState : replaceState).call(history, state, title, href);
  };

  // In place of what is looked at: filters; but another case, whose id was typed, is another page.
  history.replaceState = (state, title, href) => {
    if (waiting) return;
    const isNew = !travelled && isOtherCase(place(location.href), place(href));
    made = true;
    (isNew ? pushState : replaceState).call(history, state, title, href);
  };
}

export default function () {
  if (window.amlHistory) return;
  window.amlHistory = true;
  install();
}
