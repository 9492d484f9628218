/*
 * Addresses in Markdown: where they stand, where they end, and which of them
 * may be followed.
 */
import { match, unescapeText } from "./markdown-text.js";

const MAX_URL = 2000;

const LABEL = /\[((?:[^\\[\]]|\\[^]){1,999})\]/y;
const ANGLE = /<((?:[^<>\n\\]|\\.){0,2000})>/y;
const CHARS = "[^ ()\\\\\\0-\\x1f]|\\\\[^\\0- ]";
const nested = (inner) => `(?:${CHARS}|\\(${inner}\\))*`;
const PLAIN_URL = new RegExp(`(?!<)${nested(nested(nested(nested(""))))}`, "y");
const TITLE =
    /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|\((?:[^()\\]|\\[^])*\)/y;
const AUTO = new RegExp("(https?://|www\\.(?=[^.,;:!?_~)]))[^\\s<>[\\]\"`*\\\\|]+|" +
    "(?:mailto:)?[\\w.+-]+@[a-z\\d-]+(?:\\.[a-z\\d-]+)+(?![\\w-])", "iy");
const TAIL = /[.,;:!?'_~*…»”’。，、：]/;

/* Labels are the same whatever their case and blanks. */
export function foldLabel(text) {
	return text.trim().replace(/\s+/g, " ").toLowerCase().toUpperCase();
}

/* A label in brackets: [its source, its name]; null: there is none. */
export function readLabel(text, at) {
	const found = match(LABEL, text, at);
	return found === null ? null : [found[0], foldLabel(found[1])];
}

function skipBlanks(text, at) {
	return at + match(/[ \t]*\n?[ \t]*/y, text, at)[0].length;
}

/* An address: its text, and where it ends; null: there is none. */
function readUrl(text, at) {
	const found = match(ANGLE, text, at) ?? match(PLAIN_URL, text, at);
	if (found === null)
		return null;
	const [all, angle] = found;
	return { url: unescapeText(angle ?? all), end: at + all.length };
}

/* Where a title ends that stands, after blanks, behind an address. */
function skipTitle(text, end) {
	const at = skipBlanks(text, end);
	const title = at > end ? match(TITLE, text, at) : null;
	return title === null ? null : at + title[0].length;
}

/* What stands behind a link's text: (address) or (address "title"). */
export function readTarget(text, at) {
	if (text[at] !== "(")
		return null;
	const found = readUrl(text, skipBlanks(text, at + 1));
	if (found === null)
		return null;
	const end = skipBlanks(text,
	    skipTitle(text, found.end) ?? found.end);
	return text[end] === ")" ? { url: found.url, end: end + 1 } : null;
}

/* [label]: address "title", at the head of a text, to the end of a line. */
export function readDefinition(text) {
	const label = readLabel(text, 0);
	if (label === null || label[1] === "" ||
	    text[label[0].length] !== ":")
		return null;
	const at = skipBlanks(text, label[0].length + 1);
	const found = readUrl(text, at);
	if (found === null || found.end === at)
		return null;
	for (const end of [skipTitle(text, found.end), found.end]) {
		const rest = end === null ? null :
		    match(/[ \t]*(?:\n|$)/y, text, end);
		if (rest !== null)
			return { label: label[1], url: found.url,
				end: end + rest[0].length };
	}
	return null;
}

/* An address that stands in a text as such: [its text, the address]. */
export function readAuto(text, at) {
	const found = match(AUTO, text, at);
	if (found === null)
		return null;
	const [all, isUrl] = found;
	if (isUrl === undefined)
		return all.endsWith("-") ? null : [all, /^mailto:/i.test(all) ? all : `mailto:${all}`];
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
