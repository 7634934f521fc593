// Hands files to the browser, each once: they came over the session's own connection, so no address can be asked for
// them. A file may come again, as the page that brought it first may have been overtaken before it was drawn.

const handed = new Set();

function save({ token, name, content }) {
  if (handed.has(token)) return;
  handed.add(token);
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export default function ({ data }) {
  data?.files.forEach(save);
}
