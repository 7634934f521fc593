// In the demo: who acts is kept in this tab, so that a reload changes nobody; a new tab begins with who acted last.

const KEY = "aml-acting";

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // the browser keeps nothing
  }
}

export default function ({ data, setTriggerValue }) {
  if (!data.acting) return setTriggerValue("kept", { user: stored() });
  try {
    for (const storage of [sessionStorage, localStorage]) storage.setItem(KEY, data.acting);
  } catch {}
}
