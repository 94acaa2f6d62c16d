// What a page may ask of a card (docs/spec/card-request.md): each operation's members, PIN and certificate, what is wrong with
// a request, and the codes of the reader's conditions. The server checks the same again.

const DOCUMENT_LIMIT = 32 * 1024;
const DECEIVING = new RegExp("[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u180e\\u200b\\u200e\\u200f"
  + "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]", "u");
// What each operation has as members, which PIN it takes and which certificate it uses.
const STATEMENT = ["nonce", "operation", "purpose", "relying_party", "version"];
export const KINDS = {
  authenticate: { members: STATEMENT, pin: "authentication", needs: "authentication", title: "Musubi user authentication 1" },
  sign_document: { members: ["document", "operation", "origin", "relying_party", "version"], pin: "signature", needs: "signature" },
  read_attributes: { members: ["operation", "relying_party", "version"], pin: "text_attributes", needs: null },
  prove_presence: { members: STATEMENT, pin: null, needs: "authentication", title: "Musubi card presence 1" },
};

export const FORMS = { authentication: /^[0-9]{4}$/, signature: /^[A-Z0-9]{6,16}$/, text_attributes: /^[0-9]{4}$/ };
// The codes of conditions that a person mends at the reader; the window looks again until they are gone.
export const CONDITION_OF = {
  "card.no_service": "no_service", "card.no_reader": "no_reader", "card.none": "no_card", "card.removed": "card_removed",
  "card.in_use": "in_use", "card.unresponsive": "unresponsive", "card.wrong": "not_my_number_card",
  "card.application_absent": "application_absent",
};
export const CODE_OF = Object.fromEntries(Object.entries(CONDITION_OF).map(([code, name]) => [name, code]));

export const isText = (value) => typeof value === "string";
export const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const hasMembers = (value, names) => isRecord(value) && Object.keys(value).sort().join() === names.join();

function isName(value) {
  return isText(value) && value.trim() !== "" && [...value].length <= 100 && !value.includes("\n") && !DECEIVING.test(value);
}

function isRelyingParty(value) {
  return hasMembers(value, ["id", "name"]) && isText(value.id) && /^rp_[A-Za-z0-9_-]{1,64}$/.test(value.id)
    && hasMembers(value.name, ["en", "ja"]) && isName(value.name.ja) && isName(value.name.en);
}

function hasItsMembers(request, kind) {
  if (request.operation !== "authenticate" || !Object.hasOwn(request, "enrol_presence")) return hasMembers(request, kind.members);
  return typeof request.enrol_presence === "boolean" && hasMembers(request, ["enrol_presence", ...kind.members].sort());
}

export function faultOf(request, origin) {
  const kind = isRecord(request) && Object.hasOwn(KINDS, request.operation) ? KINDS[request.operation] : null;
  if (kind === null || !hasItsMembers(request, kind) || request.version !== 1 || !isRelyingParty(request.relying_party)) {
    return "request.malformed";
  }
  if (kind.members === STATEMENT) {
    const right = isText(request.nonce) && /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(request.nonce)
      && isText(request.purpose) && /^[a-z0-9_]{1,64}$/.test(request.purpose);
    return right ? null : "request.malformed";
  }
  if (request.operation === "sign_document") {
    const text = request.document;
    if (!isText(text) || !isText(request.origin) || text === "" || DECEIVING.test(text)
      || new TextEncoder().encode(text).length > DOCUMENT_LIMIT) {
      return "request.malformed";
    }
    const origins = text.split("\n").filter((line) => line.startsWith("origin: "));
    const own = (line) => line === `origin: ${origin}`;
    return request.origin === origin && origins.length > 0 && origins.every(own) ? null : "card.origin_mismatch";
  }
  return null;
}

// What will be signed, as far as it is known before the card is read; `fromCard` stands for the rest.
export function textOf(origin, request, fromCard) {
  const text = `${KINDS[request.operation].title}\norigin: ${origin}\nrelying-party: ${request.relying_party.id}\n`
    + `purpose: ${request.purpose}\nnonce: ${request.nonce}\n`;
  if (request.enrol_presence === true) return `${text}presence-key: ${fromCard}\n`;
  return request.operation === "prove_presence" ? `${text}certificate: ${fromCard}\n` : text;
}
