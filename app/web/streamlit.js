// What the desk's scripts know of the inside of Streamlit's pages, which no release promises. A test tries each selector
// in a browser (tests/e2e/selectors.py). `app/ui/base.py` puts this before each script that speaks of `streamlit`.
const streamlit = {
  app: "[data-testid=stApp][data-test-script-state]",
  connected: "[data-testid=stApp][data-test-connection-state=CONNECTED]",
  main: "[data-testid=stMain]",
  header: "[data-testid=stHeader]",
  sidebarLink: "[data-testid=stSidebarNavLink]",
  sidebarClose: "[data-testid=stSidebarCollapseButton] button",
  keyed: "[class*='st-key-']", // what has a key; the key is the rest of that class
  text: "textarea:enabled, input[type=text]:enabled:not([role])", // that a person types in
  choice: "[role=combobox], input[type=date], input[type=checkbox]", // whose value is what is chosen
  chosen: "[role=radio][aria-checked=true]", // of buttons
  control: "textarea, input[type=text], [role=radiogroup], [role=combobox], [role=spinbutton]", // of a field of a form
  focusable: "textarea, input[type=text], [role=radio], [role=combobox], [role=spinbutton]",
  button: "button[kind]",
  state: "data-test-script-state", // of the run of a page, at `app`
  isAtRest: () => document.querySelector(streamlit.app)?.getAttribute(streamlit.state) === "notRunning",
};

