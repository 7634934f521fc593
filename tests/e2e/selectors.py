"""What the desk's styles and scripts pick out of Streamlit's pages, and how to ask a page whether it is there."""

from __future__ import annotations

from app import settings

WEB = settings.ROOT / "app" / "web"
STYLES = [(WEB / name).read_text("utf-8") for name in ("desk.css", "print.css")]
FOUND = (
    """([styles]) => {
"""
    + (WEB / "streamlit.js").read_text("utf-8")
    + """
  const told = { ...streamlit };
  delete told.state;
  const selectors = Object.values(told).filter((value) => typeof value === "string");
  const read = (rules) => {
    for (const rule of rules) {
      if (rule instanceof CSSStyleRule) selectors.push(...rule.selectorText.split(/,(?![^(]*\\))/));
      else if (rule.cssRules) read(rule.cssRules);
    }
  };
  for (const style of styles) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    read(sheet.cssRules);
  }
  const whole = (selector) => selector
    .replace(/:(?:not|has|is)\\(:(?:hover|focus-visible)(?:, :focus-within)?\\)/g, "")
    .replace(/::[\\w-]+|:(?:hover|focus-visible|focus-within)/g, "");
  return selectors.map((selector) => [selector.trim(), document.querySelector(whole(selector)) !== null]);
}"""
)
"""Of each selector of the styles, and of what the scripts go by: whether something on the page is picked out by it."""


ELSEWHERE = {
    '[data-testid="stText"]': "where a case cannot be shown: what verification found",
    ".on-paper": "below a timeline of which a part is shown; the desk's own",
    "[data-testid] ul.errors": "what FinCEN found wrong, from its file; a list of the desk's own",
    **dict.fromkeys(
        (
            *(".chart .cut", ".chart .cut.out", ".chart .high", ".chart .high.out"),
            ".flow li.none",
        ),
        "in pictures of days beyond their scale, and of what did not fire; the desk's own",
    ),
}
"""What no story shows, and where it is."""
