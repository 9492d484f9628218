/*
 * Addresses in Markdown: where they stand, where they end, and which of them
 * may be followed.
 */
import { match, unescapeText } from "./markdown-text.js";

const MAX_URL = 2000;

const LABEL = "\\[((?:[^\\\\[\\]]|\\\\[^]){1,999})\\]";
const BLANKS = "[ \\t]*(?:\\n[ \\t]*)?";
const CHARS = "[^ ()\\\\\\0-\\x1f]|\\\\[^\\0- ]";
const nested = (inner) => `(?:${CHARS}|\\(${inner}\\))*`;
const PLACE = "(?:<((?:[^<>\\n\\\\]|\\\\.)*)>|" +
    `((?!<)${nested(nested(nested(nested(""))))}))` +
    "(?:[ \\t\\n]+(?:\"(?:[^\"\\\\]|\\\\[^])*\"|'(?:[^'\\\\]|\\\\[^])*'|" +
    "\\((?:[^()\\\\]|\\\\[^])*\\)))?";
const REFERENCE = new RegExp(LABEL, "y");
const TARGET = new RegExp(`\\(${BLANKS}${PLACE}${BLANKS}\\)`, "y");
const DEFINED = new RegExp(
    `${LABEL}:${BLANKS}(?=[^ \\n])${PLACE}[ \\t]*(?:\\n|$)`, "y");
const AUTO = new RegExp(
    "(https?://|www\\.(?=[^.,;:!?_~)]))[^\\s<>[\\]\"`*\\\\|]+|" +
    "(?:mailto:)?[\\w.+-]+@[a-z\\d-]+(?:\\.[a-z\\d-]+)+(?![\\w-])", "iy");
const TAIL = /[.,;:!?'_~*…»”’。，、：]/;

/* Labels are the same whatever their case and blanks. */
export function foldLabel(text) {
	return text.trim().replace(/\s+/g, " ").toLowerCase().toUpperCase();
}

/* A label in brackets: [its source, its name]; null: there is none. */
export function readLabel(text, at) {
	const found = match(REFERENCE, text, at);
	return found && [found[0], foldLabel(found[1])];
}

/* What stands behind a link's text: (address) or (address "title"). */
export function readTarget(text, at) {
	const found = match(TARGET, text, at);
	return found && { end: at + found[0].length,
		url: unescapeText(found[1] ?? found[2]) };
}

/* [label]: address "title", at the head of a text, to the end of a line. */
export function readDefinition(text) {
	const found = match(DEFINED, text, 0);
	if (found === null || found[1].trim() === "")
		return null;
	const [{ length: end }, label, angle, plain] = found;
	return { label: foldLabel(label), end,
		url: unescapeText(angle ?? plain) };
}

/* An address that stands in a text as such: [its text, the address]. */
export function readAuto(text, at) {
	const found = match(AUTO, text, at);
	if (found === null)
		return null;
	const [all, isUrl] = found;
	if (isUrl === undefined)
		return all.endsWith("-") ? null :
		    [all, `mailto:${all.replace(/^mailto:/i, "")}`];
	const shown = trimUrl(all);
	return [shown, /^w/i.test(all) ? `http://${shown}` : shown];
}

/* Without the punctuation of the sentence around it. */
function trimUrl(url) {
	let end = url.replace(/&[a-z\d]{1,31};$/i, "").length;
	let excess = url.split(")").length - url.split("(").length;
	for (; end > 0; end--) {
		const char = url[end - 1];
		if (char === ")" && excess > 0)
			excess--;
		else if (!TAIL.test(char))
			break;
	}
	return url.slice(0, end);
}

/*
 * The address in normal form; null unless it is a whole one of http or https
 * that does not pass off a user name as its host, or one to write to.
 */
export function safeUrl(text) {
	if (!/^(?:https?:\/\/|mailto:[^\s@]+@)/i.test(text) ||
	    text.length > MAX_URL)
		return null;
	try {
		const url = new URL(text);
		return url.username || url.password ? null : url.href;
	} catch {
		return null;
	}
}
