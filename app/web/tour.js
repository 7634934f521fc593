// Brings the part of a step, by its `key`, into sight above the bar of the guided demo while the page still settles:
// unless it is, or the presenter moves.
const main = document.querySelector(streamlit.main);
const header = document.querySelector(streamlit.header);
const bar = document.querySelector(".st-key-tour");
let until = Date.now() + 3000;
const timer = setInterval(() => {
  if (!streamlit.isAtRest()) until = Math.max(until, Date.now() + 1000);
  const start = header.getBoundingClientRect().bottom, end = bar.getBoundingClientRect().top;
  document.body.style.setProperty("--tour-foot", `${innerHeight - end}px`);
  const part = document.querySelector(`.st-key-${key}`)?.getBoundingClientRect();
  const spare = part && (end - start - part.height) / 2; // below and above it; less than none where it is too high
  const low = spare > 8 ? part.bottom > end : part?.top > start + (end - start) / 3;
  if (part?.top < start || low) main.scrollBy(0, part.top - start - Math.max(spare, 16));
  if (Date.now() > until) clearInterval(timer);
}, 200);
for (const sign of ["wheel", "pointerdown", "keydown"]) addEventListener(sign, () => clearInterval(timer));
