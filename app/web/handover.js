// Hands a file to the browser, once: it came over the session's own connection, so no address can be asked for it.

const handed = new Set();

export default function ({ data }) {
  if (!data || handed.has(data.token)) return;
  handed.add(data.token);
  const bytes = Uint8Array.from(atob(data.content), (character) => character.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = data.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
