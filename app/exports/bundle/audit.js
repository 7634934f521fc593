// Checks the case in this page and shows it. It reads nothing but the page and asks nobody: the policy at the top of
// the page forbids every request. Data only ever become text nodes.
//
// 1. The chain: each event's hash covers its fields and the hash of the event before it.
// 2. The changes: each one names the value that stood there before.
// 3. The log (RFC 6962): a Merkle tree over the events of all cases, whose head the bank signed. The proof is about one
//    event, which is thereby anchored; through the chain, so are those before it.
//
// The rules, and the names of what is broken, are those of the desk and of verify.py.

/** The page's data, or a key, are not written as they should be. Nothing is then said about the case. */
class Unreadable extends Error {}

// --- bytes ---

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function sha256(...parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Base 64 as it is written in one way only; empty for any other text. */
function fromBase64(text) {
  try {
    const binary = atob(text);
    return Uint8Array.from(btoa(binary) === text ? binary : "", (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

// --- 1. the chain ---

const GENESIS = "0".repeat(64);
const UNHASHABLE = /[\u001f\ud800-\udfff]/u; // the separator, and halves of a surrogate pair, which UTF-8 cannot write
const TIME = /^(?!0000)\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;

/** Whether it is written as the desk writes a time, and the calendar has that day. */
function isTime(text) {
  const day = text.slice(0, 10);
  return TIME.test(text) && (new Date(`${day}T00:00Z`).toJSON()?.startsWith(day) ?? false);
}

/** SHA-256( prev_hash ␟ case_id ␟ ts ␟ user ␟ action ␟ notes ␟ meta ) over UTF-8, in hex; ␟ is U+001F.
 *  Null where a field cannot be hashed. */
async function eventHash({ case_id, ts, user, action, notes, meta }, prevHash) {
  const fields = [prevHash, case_id, ts, user, action, notes, meta];
  return fields.some((text) => UNHASHABLE.test(text)) ? null : hex(await sha256(utf8(fields.join("\u001f"))));
}

/** Hashes, links, order and times. */
async function checkChain(caseId, events) {
  const breaks = [];
  const found = (event, kind, field, expected, seen) => breaks.push({ event, kind, field, expected, found: seen });
  const hashes = new Set([GENESIS, ...events.map((event) => event.event_hash)]);
  const followed = new Set();
  let head = GENESIS; // the hash of the event before, as it stands there
  let recomputed = GENESIS; // and as it should be
  for (const event of events) {
    const prev = event.prev_hash;
    const digest = await eventHash(event, prev);
    let edited = digest !== event.event_hash;
    if (prev !== head && prev !== recomputed) {
      if (edited && (await eventHash(event, head)) === event.event_hash) {
        found(event, "edited", "prev_hash", head, prev); // with the right link, the hash is right
        edited = false;
      } else if (followed.has(prev)) found(event, "forked", "prev_hash", head, prev);
      else if (hashes.has(prev)) found(event, "out of order", "prev_hash", head, prev);
      else found(event, "missing", "prev_hash", head, prev);
    }
    if (edited) found(event, "edited", "event_hash", digest ?? "fields that can be hashed", event.event_hash);
    if (event.case_id !== caseId) found(event, "edited", "case_id", caseId, event.case_id);
    followed.add(prev);
    [head, recomputed] = [event.event_hash, digest];
  }
  events.slice(1).forEach((event, place) => {
    const earlier = events[place];
    if (points(event.ts) < points(earlier.ts)) found(event, "backdated", "ts", `${earlier.ts} or later`, event.ts);
    if (event.event_id <= earlier.event_id) {
      found(event, "out of order", "event_id", `above ${earlier.event_id}`, event.event_id);
    }
  });
  for (const event of events) {
    if (!isTime(event.ts)) found(event, "edited", "ts", "a time like 2026-01-05T09:14:00.000000Z", event.ts);
  }
  return breaks;
}

/** What sorts as the desk sorts a text, by its code points; `<` alone goes by UTF-16 units. */
const points = (text) => Array.from(text, (one) => one.codePointAt(0).toString(16).padStart(6, "0")).join("");

// --- 2. the changes: `meta` is JSON, and has [old, new] of every column of the case that the event changes ---

const FACTS = "amount currency customer_id customer_name due_at opened_at qa_bucket risk risk_score typology";
const NEW_CASE = {
  status: "New", owner: null, disposition: "", determined_at: null, closed_at: null,
  qa_result: "", qa_reviewer: null, qa_at: null, qa_notes: "",
  sar_due_at: null, filing: "", filed_at: null, bsa_id: "",
};

const RISKS = ["Low", "Medium", "High"];

/** How high a value is among those of a column that an `alert` event may raise; -1 where the column cannot hold it. */
const RANKS = {
  risk: (value) => RISKS.indexOf(value),
  risk_score: (value) => (Number.isInteger(value) && value >= 0 && value <= 100 ? value : -1),
  amount: (value) => (isText(value) && /^[0-9]{1,13}\.[0-9]{2}$/.test(value) ? BigInt(value.replace(".", "")) : -1n),
};

/** The breaks, and the case that the events add up to: null where its opening cannot be read. */
function checkChanges(caseId, events) {
  const breaks = [];
  const found = (event, kind, field, expected, seen) => breaks.push({ event, kind, field, expected, found: seen });
  const first = events[0];
  if (!first) {
    found(null, "missing", "events", "an open event", "none");
    return { breaks, state: null };
  }
  const opening = readMeta(first.meta).case;
  const names = isObject(opening) ? Object.keys(opening).sort() : [];
  if (first.action !== "open" || JSON.stringify(names) !== JSON.stringify(FACTS.split(" "))) {
    found(first, "edited", "meta", "an open event with the facts of the case", first.action);
    return { breaks, state: null };
  }
  const bucket = qaBucket(caseId);
  const exact = readMeta(wholeOnly(first.meta)).case;
  if (exact.qa_bucket !== bucket) found(first, "edited", "qa_bucket", bucket, opening.qa_bucket);
  const state = { ...opening, ...NEW_CASE };
  for (const event of events.slice(1)) {
    const meta = readMeta(event.meta);
    if (event.action === "open" || (event.meta && !Object.keys(meta).length)) {
      found(event, "edited", "meta", "a change of the case", event.meta);
    }
    if (["qa_pass", "qa_fail"].includes(event.action) && !Object.hasOwn(meta, "qa_notes")) {
      meta.qa_notes = ["", event.notes]; // meta leaves it out where it is only this
    }
    const whole = event.action === "alert" ? readMeta(wholeOnly(event.meta)) : {};
    for (const [column, change] of Object.entries(meta)) {
      const rises = Object.hasOwn(RANKS, column);
      if (!rises && !Object.hasOwn(NEW_CASE, column)) continue;
      if (rises && event.action !== "alert") {
        found(event, "edited", column, "a change that an alert makes", event.action);
        continue;
      }
      const ranks = rises && isPair(whole[column]) ? whole[column].map(RANKS[column]) : [];
      if (rises ? !ranks.length || ranks.some((one) => one < 0) : !isChange(change)) {
        found(event, "edited", column, "[old, new]", change);
        continue;
      }
      const [old, now] = change;
      if (old !== (rises ? exact[column] : state[column])) found(event, "row differs", column, state[column], old);
      if (rises && ranks[1] <= ranks[0]) found(event, "edited", column, `above ${old}`, now);
      state[column] = now;
      if (rises) exact[column] = now;
    }
  }
  return { breaks, state };
}

const isText = (value) => typeof value === "string";
const isNested = (value) => typeof value === "object" && value !== null;
const isObject = (value) => isNested(value) && !Array.isArray(value);
const isPair = (value) => Array.isArray(value) && value.length === 2;
const isChange = (pair) => isPair(pair) && pair.every((one) => one === null || isText(one));

/** Whether a JSON opens more lists and objects within each other than this, also in what a key that comes twice hides. */
function isDeep(json, levels) {
  let depth = 0;
  for (const [sign] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    depth += "[{".includes(sign) - "]}".includes(sign);
    if (depth > levels) return true;
  }
  return false;
}

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[-+.\deE]*/g; // each text and number of what is known to be JSON
const LONG = /\d{4301}/; // more digits of a number than Python reads

/** An event's `meta`; empty where it is, where it is no JSON object, or where no desk could have written it. */
function readMeta(text) {
  try {
    const meta = JSON.parse(text);
    const isLong = LONG.test(text) && text.match(TOKENS).some((one) => one[0] !== '"' && LONG.test(one));
    return isObject(meta) && !isDeep(text, 500) && !isLong ? meta : {};
  } catch {
    return {};
  }
}

/** The JSON with `true` for each number like 1.0, which to Python is another value than 1, and to JavaScript is not. */
const wholeOnly = (json) => json.replace(TOKENS, (one) => (/^"|^-?\d+$/.test(one) ? one : "true"));

/** ABS(CHECKSUM(case_id) % 10) in T-SQL, where CHECKSUM is h = rotl32(h, 4) XOR unit for each UTF-16 unit. */
function qaBucket(caseId) {
  let h = 0;
  for (let at = 0; at < caseId.length; at++) h = ((h << 4) | (h >>> 28)) ^ caseId.charCodeAt(at);
  return Math.abs(h) % 10;
}

// --- 3. the log ---

// What Python takes for a space: a name holds neither that nor +, and around a key it does not count.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const NAME = `[^+${SPACE}]+`;
const AROUND = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const KEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)$`, "u");
const SIGNATURE = new RegExp(`^— (${NAME}) ([A-Za-z0-9+/=]+)$`, "u");
const NUMBER = /^(?:0|[1-9][0-9]{0,18})$/;
const UNWRITABLE = /[\x00-\x09\x0b-\x1f\ud800-\udfff]/u;

/** A verifier key (c2sp.org/signed-note): name+id+base64( 0x01 || 32 bytes ), for Ed25519.
 *  id = SHA-256(name || 0x0A || 0x01 || 32 bytes)[:4], in hex. */
async function readKey(text) {
  const [, name = "", id = "", base64 = ""] = KEY.exec(text) ?? [];
  const bytes = fromBase64(base64);
  const ownId = hex(await sha256(utf8(`${name}\n`), bytes)).slice(0, 8);
  if (bytes.length !== 33 || bytes[0] !== 1 || ownId !== id || /[\p{C}\p{Z}]/u.test(text)) {
    throw new Unreadable("This is not a whole verifier key, which looks like name+a1b2c3d4+…");
  }
  return { text, name, id, bytes: bytes.slice(1) };
}

/** A log proof (c2sp.org/tlog-proof): the leaf's data and place, the inclusion proof, the checkpoint. */
function readProof(text) {
  const require = (holds, problem) => {
    if (!holds) throw new Unreadable(`The log proof is not written as one: ${problem}.`);
  };
  const end = text.indexOf("\n\n");
  const [version, extra = "", index = "", ...hashes] = text.slice(0, Math.max(end, 0)).split("\n");
  require(version === "c2sp.org/tlog-proof@v1", "it does not start with its version");
  require(extra.startsWith("extra ") && fromBase64(extra.slice(6)).length === 32, "it has no hash of an event");
  require(index.startsWith("index ") && NUMBER.test(index.slice(6)), "it has no index");
  const nodes = hashes.map(fromBase64);
  require(nodes.length <= 63 && nodes.every((node) => node.length === 32), "a hash in it is not 32 bytes in base 64");

  // The checkpoint is a signed note (c2sp.org/signed-note): a text, a blank line, and signatures of it.
  const note = text.slice(end + 2);
  const blank = note.lastIndexOf("\n\n");
  const lines = note.slice(blank + 2).split("\n");
  require(!UNWRITABLE.test(note) && utf8(note).length <= 1_000_000, "its checkpoint is no text, or too long");
  const count = lines.pop() === "" ? lines.length : 0;
  require(blank >= 0 && count >= 1 && count <= 100, "its checkpoint does not end in signatures");
  const signatures = lines.map((line) => {
    const [, name, base64 = ""] = SIGNATURE.exec(line) ?? [];
    const bytes = fromBase64(base64);
    require(bytes.length >= 5, "a line in it is no signature");
    return { name, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
  });

  // Its text (c2sp.org/tlog-checkpoint): the log's origin, how many leaves its tree has, its head; further lines.
  const told = note.slice(0, blank).split("\n");
  const [origin, size = "", head = ""] = told;
  require(told.every(Boolean) && NUMBER.test(size) && BigInt(size) < 1n << 63n, "its checkpoint has no size");
  require(fromBase64(head).length === 32, "its checkpoint has no head");
  return {
    data: fromBase64(extra.slice(6)), index: BigInt(index.slice(6)), nodes,
    origin, size: BigInt(size), head: fromBase64(head), signed: note.slice(0, blank + 1), signatures,
  };
}

/** The head, in hex, of the tree that has the leaf in its place according to the proof; or why there is no such tree.
 *
 * RFC 6962, 2.1: leaf hash = SHA-256(0x00 || data), node hash = SHA-256(0x01 || left || right).
 * The algorithm and its names are those of RFC 9162, 2.1.3.2.
 */
async function headOfTree({ data, index, size, nodes }) {
  const node = (left, right) => sha256(Uint8Array.of(1), left, right);
  let [fn, sn, r] = [index, size - 1n, await sha256(Uint8Array.of(0), data)];
  if (fn > sn) return `no leaf ${fn} in a tree of ${size}`;
  for (const p of nodes) {
    if (sn === 0n) return "a proof higher than the tree";
    if (fn & 1n || fn === sn) {
      r = await node(p, r);
      while (fn && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else r = await node(r, p);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn ? "a proof lower than the tree" : hex(r);
}

/** Whether there is a signature of the key's name and id, and each such is good. Null: this browser cannot tell. */
async function isSigned({ origin, signed, signatures }, key) {
  const ofKey = signatures.filter(({ name, id }) => name === key.name && id === key.id);
  if (origin !== key.name || !ofKey.length || ofKey.some(({ bytes }) => bytes.length !== 64)) return false;
  try {
    const ed25519 = await crypto.subtle.importKey("raw", key.bytes, "Ed25519", false, ["verify"]);
    for (const { bytes } of ofKey) {
      if ((await crypto.subtle.verify("Ed25519", ed25519, bytes, utf8(signed))) !== true) return false;
    }
    return true;
  } catch (error) {
    return error?.name === "DataError" ? false : null;
  }
}

// --- all checks ---

const TEXTS = ["case_id", "ts", "user", "action", "notes", "meta", "prev_hash", "event_hash"];

/** Raises Unreadable where the data are not those of a case. */
function checkShape(data) {
  const isNumber = (value) => Number.isInteger(value) && value >= 1 && value < 1e15; // up to 15 digits
  const isEvent = (event) => isObject(event) && isNumber(event.event_id) && TEXTS.every((name) => isText(event[name]));
  const fail = (problem) => {
    throw new Unreadable(`The data in this page are not as the desk writes them: ${problem}.`);
  };
  if (!isObject(data) || !isText(data.case_id) || !Array.isArray(data.events)) fail("they hold no case");
  if (![data.key, data.proof].every((value) => value === null || isText(value))) fail("the key or the proof is no text");
  const place = data.events.findIndex((event) => !isEvent(event));
  if (place !== -1) fail(`event ${place + 1} of the case has no number, or not eight texts`);
}

/** Check a case. `givenKey` is the bank's published key, from outside this page: only with it can the verdict be "ok".
 *
 * Returns {verdict, breaks: [[event_id or null, kind, field], …], anchored}, where the first `anchored` events are in
 * the log; and what the display needs besides.
 */
async function verify(data, givenKey = null) {
  const result = { verdict: "unreadable", breaks: [], anchored: 0, chain: [], changes: [], logged: [], keyed: [] };
  let log, own, given;
  try {
    checkShape(data);
    if (!globalThis.crypto?.subtle) return { ...result, verdict: "signature not checked", reason: NO_CRYPTOGRAPHY };
    log = data.proof === null ? null : readProof(data.proof);
    own = data.key === null ? null : await readKey(data.key);
    given = givenKey === null ? null : await readKey(givenKey.replace(AROUND, ""));
  } catch (error) {
    if (error instanceof Unreadable) return { ...result, reason: error.message };
    throw error;
  }
  const key = given ?? own;
  const chain = await checkChain(data.case_id, data.events);
  const { breaks: changes, state } = checkChanges(data.case_id, data.events);
  const [keyed, logged] = [[], []];
  let [anchored, signed] = [0, null];
  if (log) {
    const found = (list, kind, field, expected, seen) => list.push({ event: null, kind, field, expected, found: seen });
    if (given && given.text !== own?.text) found(keyed, "not signed", "key", given.text, own?.text ?? "none");
    signed = key ? await isSigned(log, key) : false;
    const claimed = log.signatures.map(({ name, id }) => `${name}+${id}`).join(", ");
    const wanted = `a signature by ${key?.text ?? "a known key"}`;
    if (signed === false) found(keyed, "not signed", "signature", wanted, claimed);
    const [head, reached, leaf] = [hex(log.head), await headOfTree(log), hex(log.data)];
    if (reached !== head) found(logged, "not in the log", "head", head, reached);
    const place = data.events.findLastIndex((event) => event.event_hash === leaf) + 1;
    if (!place) found(logged, "not in the log", "event_hash", leaf, "none");
    anchored = reached === head ? place : 0;
  }
  const found = [...chain, ...changes, ...keyed, ...logged];
  const breaks = found.map(({ event, kind, field }) => [event?.event_id ?? null, kind, field]);
  let verdict = "ok";
  if (found.length) verdict = "broken";
  else if (!log) verdict = "not anchored";
  else if (signed === null) verdict = "signature not checked";
  else if (!given) verdict = "compare the key";
  return { verdict, breaks, anchored, found, chain, changes, keyed, logged, state, log, own, given, signed };
}
globalThis.verify = verify;

// --- words ---

const NO_CRYPTOGRAPHY = "Nor anything else: this browser offers no cryptography here. Open the file from disk.";
const HEADLINES = {
  ok: ["Not altered", "Every check passed, with the key that you pasted."],
  "broken event": ["Altered", "The events are not as they were recorded. What is wrong is said with each."],
  "broken log": ["Not what the log holds", "The events fit together, but all of them may have been rewritten."],
  "broken key": ["Not signed by this key", "The key is not the bank's, or this page is forged."],
  "not anchored": ["Not anchored", "The events fit together, but no log vouches for them: all may have been rewritten."],
  "signature not checked": ["Signature not checked", "All else passed. Use a browser that knows Ed25519, or verify.py."],
  "compare the key": [
    "Compare the key",
    "Every check passed with the key in this page. Compare it below with the one that the bank publishes: a forger " +
      "would have put in one of their own.",
  ],
  unreadable: ["Unreadable", "Nothing can be said about this case."],
};
const MARKS = { ok: ["✓", "passed"], broken: ["✗", "failed"], open: ["?", "not checked"] };
const PROBLEMS = {
  "edited event_hash": "What the event says is not what was hashed.",
  "edited prev_hash": "Its link to the event before was altered.",
  "edited case_id": "It is an event of another case.",
  "edited ts": "This is not a time as the desk writes it.",
  "edited meta": "It cannot be read as what it should be.",
  edited: "The change is not an old and a new value.",
  "edited qa_bucket": "The case was dealt out of its place in the QA sample.",
  "missing events": "There are no events.",
  "missing prev_hash": "The event that it follows is not here.",
  "forked prev_hash": "Another event follows the same one already.",
  "out of order prev_hash": "It does not follow the event before it.",
  "out of order event_id": "Its number is not above the one before.",
  "row differs": "What stood there before this event was another value.",
  "backdated ts": "It claims to be earlier than the event before it.",
  "not signed key": "The key that you pasted is not the one in this page.",
  "not signed signature": "The log's head is not signed by the key.",
  "not in the log head": "The proof does not lead to the head that was signed.",
  "not in the log event_hash": "The event that the log holds is not here: altered, removed, or of another case.",
};
const DONE = {
  open: "opened the case", alert: "joined an alert to the case", assign: "assigned the case", note: "added a note",
  disposition: "set a disposition",
  qa_pass: "passed the case in QA", qa_fail: "failed the case in QA", reopen: "reopened the case",
  view: "looked at the case", export: "exported the case",
  sar_draft: "drafted the SAR", sar_approve: "approved the SAR", sar_return: "returned the SAR",
  sar_file: "filed the SAR", sar_acknowledge: "recorded that FinCEN acknowledged the SAR",
  sar_reject: "recorded that FinCEN rejected the SAR", sar_amend: "took the SAR up again to amend it",
};
const COLUMNS = {
  risk: "risk", risk_score: "risk score", amount: "amount",
  status: "status", disposition: "disposition", owner: "owner",
  determined_at: "suspicion determined", closed_at: "closed",
  qa_result: "QA result", qa_reviewer: "QA reviewer", qa_at: "QA review", qa_notes: "QA notes",
  sar_due_at: "SAR due", filing: "SAR", filed_at: "SAR filed", bsa_id: "BSA id",
};

const events = (number) => `${number.toLocaleString("en")} event${number === 1 ? "" : "s"}`;
const label = (name) => (name.slice(0, 1).toUpperCase() + name.slice(1)).replaceAll("_", " ");
const clock = (ts) => (isText(ts) && isTime(ts) ? `${ts.slice(0, 10)} ${ts.slice(11, 19)}` : show(ts));
const isMoney = (value) => isText(value) && /^\d+\.\d\d$/.test(value);
const money = (value) => (isMoney(value) ? value.replace(/\B(?=(\d{3})+\.)/g, ",") : show(value));

/** A value on one line, at most 200 characters of it, those that do not print as escapes. */
function show(value) {
  const text = value === null || value === "" ? "nothing" : isText(value) ? value : JSON.stringify(value) ?? "nothing";
  const line = text.replace(/(?! )[\p{C}\p{Z}]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** A value of a column, for a person. */
function worded(column, value, nameOf) {
  const isPerson = column === "owner" || column === "qa_reviewer";
  if (!value) return isPerson ? "nobody" : "none";
  return isPerson ? nameOf(value) : column.endsWith("_at") ? clock(value) : column === "amount" ? money(value)
    : isText(value) ? value : show(value);
}

// --- the display ---

const at = (id) => document.getElementById(id);

/** The text, with escapes for what makes the words around it read in another order (UAX #9). */
const legible = (text) =>
  text.replace(/[\u202a-\u202e\u2066-\u2069]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children.map((child) => (isText(child) ? legible(child) : child)));
  return made;
}

function mark(state) {
  const made = element("span", `mark ${state}`, MARKS[state][0]);
  return Object.assign(made, { role: "img", ariaLabel: MARKS[state][1] });
}

/** Names and values, as a description list holds them. */
const pairs = (rows) =>
  rows.map(([name, value]) => element("div", "", element("dt", "", name), element("dd", "", value)));

function problem({ kind, field, expected, found }) {
  const said = PROBLEMS[`${kind} ${field}`] ?? PROBLEMS[kind];
  const evidence = pairs([["Expected", show(expected)], ["Found", show(found)]]);
  const title = element("strong", "", `${label(kind)}: ${field}. `);
  return element("div", "break", title, said, element("dl", "evidence", ...evidence));
}

/** Each check: its name, what broke, what it means that nothing did, and why it could not be done (if so). */
function checks({ chain, changes, keyed, logged, log, given, signed, anchored }, data) {
  const all = data.events.length;
  const [hashes, links] = [true, false].map((is) => chain.filter(({ field }) => (field === "event_hash") === is));
  const [keys, signatures] = [true, false].map((is) => keyed.filter(({ field }) => (field === "key") === is));
  const leaf = `event ${data.events[anchored - 1]?.event_id} is leaf ${log?.index} of ${log?.size} in ${log?.origin}`;
  const held = `, which anchors ${anchored} of ${events(all)}`;
  const noProof = log ? "" : "there is no proof in this page";
  const unknown = signed === null ? "this browser knows no Ed25519" : "";
  return [
    ["Hashes", hashes, `each of ${events(all)} hashes to what stands with it`, ""],
    ["Links and order", links, "each event follows the one before it, in time too", ""],
    ["Old values", changes, "each change starts from the value that stood there before", ""],
    ["Log", logged, chain.length ? leaf : leaf + held, noProof],
    ["Signature", signatures, "the head of the log is signed by the key", noProof || unknown],
    ["Key", keys, "it is the one that you pasted", noProof || (given ? "" : "nobody has compared it yet")],
  ];
}

function checkRow([name, breaks, passed, open], data) {
  const state = breaks.length ? "broken" : open ? "open" : "ok";
  const line = element("span", "", element("strong", "", name), ` ${MARKS[state][1]}: `);
  if (state !== "broken") line.append(open || passed);
  const places = new Set(breaks.filter(({ event }) => event).map(({ event }) => data.events.indexOf(event)));
  for (const place of [...places].slice(0, 20)) {
    const link = element("a", "", `event ${data.events[place].event_id}`);
    link.href = `#row-${place}`;
    line.append(link, " ");
  }
  if (places.size > 20) line.append(`and ${places.size - 20} more`);
  line.append(...breaks.filter(({ event }) => !event).map(problem));
  return element("li", "", mark(state), line);
}

async function showVerdict(result, data) {
  const { verdict, chain, changes, logged, log, own, found, anchored } = result;
  const where = chain?.length || changes?.length ? "event" : logged?.length ? "log" : "key";
  const [headline, sentence] = HEADLINES[verdict === "broken" ? `broken ${where}` : verdict];
  at("verdict").className = { ok: "ok", broken: "broken", unreadable: "broken" }[verdict] ?? "open";
  at("headline").textContent = headline;
  const later = verdict !== "broken" && anchored ? data.events.length - anchored : 0;
  const except = later ? ` This does not hold for the last ${events(later)}, not yet anchored.` : "";
  at("sentence").textContent = (result.reason ?? sentence) + except;
  at("checks").replaceChildren(...(found ? checks(result, data).map((one) => checkRow(one, data)) : []));
  at("key").hidden = !log;
  at("vkey").textContent = own?.text ?? "none";
  at("fingerprint").textContent = own ? hex(await sha256(own.bytes)).match(/.{4}/g).join(" ") : "none";
}

function showCase(data, { state }, nameOf) {
  const told = data.events.filter(({ action }, place) => !place || action === "alert").map(({ meta }) => readMeta(meta));
  const customers = told.map((one) => one.customer).filter(isObject);
  const customer = Object.fromEntries(customers.reverse().flatMap(Object.entries)); // what was told first stands
  at("facts").replaceChildren(...pairs(state ? [
    ["Customer", show(state.customer_name)], ["Customer id", show(state.customer_id)],
    ["Typology", show(state.typology)], ["Risk", `${show(state.risk)}, score ${show(state.risk_score)}`],
    ["Alerted activity", `${show(state.currency)} ${money(state.amount)}`],
    ["Opened", clock(state.opened_at)], ["Due", clock(state.due_at)],
    ...Object.keys(NEW_CASE).filter((column) => state[column] && column !== "qa_notes")
      .map((column) => [label(COLUMNS[column]), worded(column, state[column], nameOf)]),
  ] : [["Facts of the case", "cannot be read"]]));
  const texts = told.map(({ alert }) => alert).filter(isText);
  at("text").textContent = texts.length ? legible(texts.join("\n\n")) : "The alert has no text.";
  at("customer").replaceChildren(...pairs(Object.entries(customer).map(([name, value]) => [label(name), money(value)])));

  const names = ["time", "direction", "amount", "channel", "counterparty", "country"];
  const { rows, unread } = eachOnce(told, names);
  if (rows.some((row) => isText(row.place))) names.push("place");
  const written = { time: clock, amount: money };
  const cell = (name, text = "") => element("td", name, (written[name] ?? String)(text));
  at("amount").textContent = state ? `Amount (${show(state.currency)})` : "Amount";
  at("rows").replaceChildren(...rows.map((row) => element("tr", "", ...names.map((name) => cell(name, row[name])))));
  const heads = at("amount").parentElement;
  heads.querySelector(".place")?.remove();
  if (names.includes("place")) heads.append(element("th", "place", "Place"));
  at("transactions").hidden = !rows.length;
  at("unread").textContent = unread ? `Transactions that cannot be read: ${unread}` : "";
}

/** The transactions of all alerts, each once: those with an id by it, the others where all that they say is equal, so
 *  often as one alert tells such a one. */
function eachOnce(told, names) {
  const known = new Map();
  const rows = [];
  let unread = 0;
  for (const { transactions = [] } of told) {
    const seen = new Map();
    for (const row of Array.isArray(transactions) ? transactions : [null]) {
      if (!isObject(row) || !names.every((name) => isText(row[name]))) {
        unread += 1;
        continue;
      }
      const hasId = isText(row.id) && row.id;
      const key = hasId ? row.id : JSON.stringify([...names, "place", "account"].map((name) => row[name] ?? ""));
      const number = hasId ? 0 : seen.get(key) ?? 0;
      seen.set(key, number + 1);
      if (number < (known.get(key) ?? 0)) continue;
      known.set(key, number + 1);
      rows.push(row);
    }
  }
  const inTime = (one, other) => (one.time < other.time ? -1 : Number(one.time > other.time));
  return { rows: rows.sort(inTime), unread };
}

function eventRow(event, place, { found, anchored, log }, nameOf) {
  const breaks = found.filter((one) => one.event === event);
  const doing = Object.hasOwn(DONE, event.action) ? DONE[event.action] : show(event.action);
  const meta = readMeta(event.meta);
  const files = event.action === "export" && isObject(meta.files) ? Object.entries(meta.files) : [];
  const told = [...Object.entries(meta).map(([name, value]) => [name.replaceAll("_", " "), value]), ...files];
  const texts = [...told.filter(([name, value]) => isText(value) && name !== "alert" && name !== "form"),
    ...reported(meta)];
  const isOne = (column) => (Object.hasOwn(RANKS, column) ? isPair : isChange)(meta[column]);
  const changes = Object.keys(COLUMNS).filter(isOne).map((column) => element("li", "",
    `${COLUMNS[column]} `, element("del", "", worded(column, meta[column][0], nameOf)), " → ",
    element("ins", "", worded(column, meta[column][1], nameOf))));
  const also = texts.map(([name, text]) => element("li", "", `${name} `, element("ins", "", text)));
  const line = element("p", "", element("strong", "", nameOf(event.user)), ` ${doing}`);
  if (anchored && place >= anchored) line.append(element("span", "tag", "not yet anchored"));
  if (anchored && place === anchored - 1) line.append(element("span", "tag", `leaf ${log.index} of the log`));
  const what = element("div", "what", line, element("ul", "changes", ...changes, ...also));
  if (event.notes) what.append(element("div", "typed", event.notes));
  what.append(element("code", "hash", event.event_hash), ...breaks.map(problem));
  const when = element("p", "when", clock(event.ts), element("small", "", `event ${event.event_id}`));
  const row = element("li", breaks.length ? "broken" : "", mark(breaks.length ? "broken" : "ok"), when, what);
  row.id = `row-${place}`;
  return row;
}

/** What an event says of a report beside its texts, as names and texts: its draft, and how it was filed. */
function reported({ sar, outside, by_hand: byHand }) {
  if (outside === true) return [["way", "outside the desk"]];
  if (byHand === true) return [["way", "keyed in by hand"]];
  if (!isObject(sar)) return [];
  const listed = (value) => (Array.isArray(value) ? value : []);
  const person = ({ name, role }) => `${name || "somebody unknown"} (${role ?? "related"})`;
  const codes = (value) => listed(value).filter(Number.isInteger).join(", ");
  const told = [
    ["report", sar.kind], ["prior bsa id", sar.prior_bsa_id],
    ["people", listed(sar.subjects).filter(isObject).map(person).join("; ")],
    ["activity types", codes(sar.activity_types)], ["instruments", codes(sar.instruments)],
    ["amount", isMoney(sar.amount) ? `${show(sar.currency)} ${money(sar.amount)}` : ""],
    ["from", sar.from], ["to", sar.to],
  ];
  return told.filter(([, text]) => isText(text) && text);
}

let turn = 0;

/** Check, with the key in the field if there is one, and show what came of it. Whatever goes wrong is said. */
async function check() {
  const mine = ++turn;
  at("verdict").className = "";
  at("headline").textContent = "Checking…";
  at("sentence").textContent = "";
  try {
    const data = JSON.parse(at("bundle").textContent);
    const pasted = at("pasted").value.replace(AROUND, "");
    const refused = pasted ? await readKey(pasted).then(() => "", (error) => error.message) : "";
    const result = await verify(data, pasted && !refused ? pasted : null);
    if (mine !== turn) return; // another key was pasted meanwhile
    at("refused").textContent = refused && `${refused} Nothing was compared.`;
    at("pasted").ariaInvalid = String(Boolean(refused));
    await showVerdict(result, data);
    if (!result.found) return;
    const names = new Map(Object.entries(isObject(data.names) ? data.names : {}));
    const nameOf = (user) => (isText(names.get(user)) ? `${names.get(user)} (${user})` : user);
    document.title = at("title").textContent = `Audit trail of ${show(data.case_id)}`;
    showCase(data, result, nameOf);
    at("timeline").replaceChildren(...data.events.map((event, place) => eventRow(event, place, result, nameOf)));
    at("confidential").hidden = !data.events.some(({ action, meta }) =>
      action === "disposition" && readMeta(meta).disposition?.[1] === "SAR");
    at("case").hidden = at("alert").hidden = at("events").hidden = false;
  } catch (error) {
    await showVerdict({ verdict: "unreadable", reason: `The data in this page cannot be read: ${error.message}` });
  }
}

at("pasted").addEventListener("input", check);
await check();
