/*
 * Addresses in Markdown: where they end, and which of them may be followed.
 * Only http and https are.
 */

const MAX_URL = 2000;

/* What a sticky pattern finds at a place; null: nothing. */
export function match(pattern, text, at) {
	pattern.lastIndex = at;
	return pattern.exec(text);
}

function skipSpace(text, at) {
	return at + match(/[ \n]*/y, text, at)[0].length;
}

/* What stands behind a link's text: (address) or (address "title"). */
export function readTarget(text, from) {
	const open = match(/\([ \n]*(?=<?https?:\/\/)/iy, text, from);
	if (open === null)
		return null;
	const begin = from + open[0].length;
	const angle = match(/<([^<>\n]*)>/y, text.slice(begin, begin + MAX_URL),
	    0);
	const raw = angle === null ? plainTarget(text, begin) : angle[1];

	let at = skipSpace(text, begin + (angle?.[0] ?? raw).length);
	const title = match(/"[^"]{0,500}"|'[^']{0,500}'/y, text, at);
	if (title !== null)
		at = skipSpace(text, at + title[0].length);
	if (text[at] !== ")")
		return null;
	const url = raw.replace(/\\([!-/:-@[-`{-~])/g, "$1");
	return { url, end: at + 1 };
}

/* Up to a space or the parenthesis that was not opened within. */
function plainTarget(text, begin) {
	const pieces = /[^\s<>()\\]+|\\.?|([()])/y;
	let depth = 0;
	let at = begin;

	while (at - begin < MAX_URL) {
		const piece = match(pieces, text, at);
		if (piece === null || (piece[1] === ")" && depth === 0))
			break;
		depth += piece[1] === undefined ? 0 : piece[1] === "(" ? 1 : -1;
		at = pieces.lastIndex;
	}
	return text.slice(begin, at);
}

/*
 * The address in normal form; null unless it is a whole one of http or https
 * that does not pass off a user name as its host.
 */
export function safeUrl(text) {
	if (!/^https?:\/\//i.test(text) || text.length > MAX_URL)
		return null;
	try {
		const url = new URL(text);
		return url.username || url.password ? null : url.href;
	} catch {
		return null;
	}
}

/* A bare address, without the punctuation of the sentence around it. */
export function trimUrl(url) {
	let end = url.length;
	let excess = url.split(")").length - url.split("(").length;
	for (; end > 0; end--) {
		const char = url[end - 1];
		if (char === ")" && excess > 0)
			excess--;
		else if (!/[.,;:!?'_~…»”’]/.test(char))
			break;
	}
	return url.slice(0, end);
}
