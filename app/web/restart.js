// Says on a page that outlived its session what that means: the new one knows nothing of what was chosen there.

export default function ({ data, parentElement }) {
  window.amlSession ??= data.session;
  window.amlNewestSession = data.session;
  if (window.amlSession === data.session || parentElement.firstElementChild?.role === "alert") return;
  const words = "The desk was started again, or was out of reach for long. What you typed on a case is kept; look over it before you send it.";
  parentElement.prepend(Object.assign(document.createElement("p"), { role: "alert", textContent: words }));
}
