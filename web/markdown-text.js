/* What blocks, links and the rest of Markdown read alike. */

/* Of HTML's names for characters those that models write; see readEntity(). */
const NAMED = " amp& lt< gt> quot\" apos' nbsp\u00a0 copy© reg® deg° middot· " +
    "frac12½ times× laquo« raquo» OEligŒ oeligœ ndash– mdash— lsquo‘ rsquo’ " +
    "ldquo“ rdquo” bull• hellip… euro€ trade™ larr← rarr→ ne≠ le≤ ge≥ ";
/* Those of letters are made of a letter and one of these. */
const ACCENTS = { grave: "\u0300", acute: "\u0301", circ: "\u0302",
	tilde: "\u0303", uml: "\u0308", cedil: "\u0327" };
const ENTITY = new RegExp("&(?:#x([\\da-f]{1,6})|#(\\d{1,7})|" +
    `([a-z])(${Object.keys(ACCENTS).join("|")})|(\\w{2,8}));`, "iy");

/* What a sticky pattern finds at a place; null: nothing. */
export function match(pattern, text, at) {
	pattern.lastIndex = at;
	return pattern.exec(text);
}

/* The entity at a place: [its text, its character]; null: there is none. */
export function readEntity(text, at) {
	const found = match(ENTITY, text, at);
	if (found === null)
		return null;
	const [all, hex, decimal, letter, accent, name] = found;
	if (letter)
		return [all, (letter + ACCENTS[accent]).normalize()];
	if (name) {
		const place = NAMED.indexOf(` ${name}`) + name.length + 1;
		return place > name.length && NAMED[place + 1] === " " ?
		    [all, NAMED[place]] : null;
	}
	const code = decimal ? Number(decimal) : parseInt(hex, 16);
	const isChar = code > 0 && code <= 0x10ffff && code >> 11 !== 0x1b;
	return [all, isChar ? String.fromCodePoint(code) : "\ufffd"];
}

/* A text without its backslash escapes and entities. */
export function unescapeText(text) {
	return text.replace(/\\([!-/:-@[-`{-~])|&[#\w]{2,10};/g,
	    (all, char) => char ?? readEntity(all, 0)?.[1] ?? all);
}
