// Says on a page that outlived its server what that means: the server knows nothing of what was typed there.

export default function ({ data, parentElement }) {
  window.amlDesk ??= data.desk;
  if (window.amlDesk === data.desk || parentElement.firstElementChild?.role === "alert") return;
  const words = "The desk was started again while this page was open. What you typed and had not sent may be gone.";
  parentElement.prepend(Object.assign(document.createElement("p"), { role: "alert", textContent: words }));
}
