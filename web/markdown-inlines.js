/*
 * Markdown within a block: bold, italic, code, links, line breaks (every line
 * end is one) and backslash escapes. The text becomes a flat list of parts
 * (text, elements, marks that open and close an element), in which brackets and
 * delimiters find their partners, then a tree.
 */
import { match, readTarget, safeUrl, trimUrl } from "./markdown-links.js";
import { append, element } from "./markdown-tree.js";

const MAX_DEPTH = 12;

const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BARE_URL = /https?:\/\/[^\s<>[\]"`*\\]+/iy;
const ANGLE_URL = /<(https?:\/\/[^\s<>]{1,2000})>/iy;
const PLAIN = /[^\\`*_[\]<\nhH]+/y;

export function parseInline(text) {
	return new Inline(text).tree();
}

class Inline {
	constructor(text) {
		this.text = text;
		this.at = 0;
		this.parts = [];
		this.delimiters = [];
		this.brackets = [];
		this.ticks = lastRuns(text);
		while (this.at < text.length)
			this.#next();
		pairDelimiters(this.delimiters);
	}

	#next() {
		switch (this.text[this.at]) {
		case "\\":
			return this.#escape();
		case "`":
			return this.#code();
		case "*":
		case "_":
			return this.#delimiter();
		case "[":
			return this.#openBracket();
		case "]":
			return this.#closeBracket();
		case "\n":
			this.parts.push(element("br", []));
			this.at++;
			return undefined;
		case "<":
			return this.#angleUrl();
		case "h":
		case "H":
			return this.#bareUrl();
		default:
			return this.#take(match(PLAIN, this.text, this.at)[0]);
		}
	}

	/* The next characters are text. */
	#take(text) {
		this.parts.push(text);
		this.at += text.length;
	}

	#escape() {
		const next = this.text[this.at + 1] ?? "";
		if (next === "\n") {
			this.at++;
		} else if (ESCAPABLE.test(next)) {
			this.at++;
			this.#take(next);
		} else {
			this.#take("\\");
		}
	}

	#code() {
		const run = match(/`+/y, this.text, this.at)[0];
		const begin = this.at + run.length;
		if ((this.ticks.get(run.length) ?? 0) < begin)
			return this.#take(run);

		const ticks = /`+/g;
		ticks.lastIndex = begin;
		let close;
		do
			close = ticks.exec(this.text);
		while (close[0].length !== run.length);

		let code = this.text.slice(begin, close.index)
		    .replaceAll("\n", " ");
		if (code.trim() !== "" && /^ .* $/s.test(code))
			code = code.slice(1, -1);
		this.parts.push(element("code", [code]));
		this.at = ticks.lastIndex;
		return undefined;
	}

	/* CommonMark 0.31.2, section 6.2: what may open, what may close. */
	#delimiter() {
		const char = this.text[this.at];
		const run = match(/\*+|_+/y, this.text, this.at)[0];
		const before = charBefore(this.text, this.at);
		const after = charAt(this.text, this.at + run.length);
		const left = !isSpace(after) && (!PUNCTUATION.test(after) ||
		    isSpace(before) || PUNCTUATION.test(before));
		const right = !isSpace(before) && (!PUNCTUATION.test(before) ||
		    isSpace(after) || PUNCTUATION.test(after));
		const under = char === "_";
		const part = {
			char,
			length: run.length,
			left: run.length,
			canOpen: left &&
			    (!under || !right || PUNCTUATION.test(before)),
			canClose: right &&
			    (!under || !left || PUNCTUATION.test(after)),
			opens: [],
			closes: [],
		};
		this.parts.push(part);
		this.delimiters.push(part);
		this.at += run.length;
	}

	#openBracket() {
		this.brackets.push({
			part: this.parts.length,
			delimiter: this.delimiters.length,
		});
		this.#take("[");
	}

	#closeBracket() {
		const open = this.brackets.pop();
		const target = open === undefined ? null :
		    readTarget(this.text, this.at + 1);
		const href = target === null ? null : safeUrl(target.url);
		if (href === null)
			return this.#take("]");

		pairDelimiters(this.delimiters.splice(open.delimiter));
		this.parts[open.part] = { opens: [linkMark(href)] };
		this.parts.push({ closes: ["a"] });
		this.brackets.length = 0;
		this.at = target.end;
		return undefined;
	}

	#angleUrl() {
		const found = match(ANGLE_URL, this.text, this.at);
		if (found === null)
			return this.#take("<");
		return this.#link(found[1], found[0].length);
	}

	#bareUrl() {
		const inWord = /[\p{L}\p{N}]/u.test(
		    charBefore(this.text, this.at));
		const found = inWord ? null :
		    match(BARE_URL, this.text, this.at);
		if (found === null)
			return this.#take(match(/[hH][^\\`*_[\]<\nhH]*/y,
			    this.text, this.at)[0]);
		const url = trimUrl(found[0]);
		return this.#link(url, url.length);
	}

	/* A link that is its own text, or that text when it is no address. */
	#link(url, length) {
		const href = safeUrl(url);
		if (href === null)
			return this.#take(this.text.slice(this.at,
			    this.at + length));
		this.parts.push({ opens: [linkMark(href)] }, url,
		    { closes: ["a"] });
		this.at += length;
		return undefined;
	}

	tree() {
		const root = element("root", []);
		const open = [root];
		let links = 0;
		for (const part of this.parts) {
			if (typeof part === "string" || part.tag) {
				append(open[open.length - 1], part);
				continue;
			}
			for (const tag of part.closes ?? []) {
				open.pop();
				links -= tag === "a";
			}
			if (part.left > 0)
				append(open[open.length - 1], part.char.repeat(part.left));
			for (const mark of part.opens ?? []) {
				const into = open[open.length - 1];
				const node = element(mark.tag, [],
				    mark.attributes);
				const flat = open.length > MAX_DEPTH ||
				    (mark.tag === "a" && links > 0);
				if (!flat)
					into.children.push(node);
				open.push(flat ? into : node);
				links += mark.tag === "a";
			}
		}
		return root.children;
	}
}

/*
 * Bold and italic, after CommonMark 0.31.2, "process emphasis". The parts
 * between a pair can no longer pair with others.
 */
function pairDelimiters(delimiters) {
	const stack = [];
	const bottoms = new Map();

	for (const [index, closer] of delimiters.entries()) {
		closer.index = index;
		while (closer.canClose && closer.left > 0) {
			const key = closer.char + Number(closer.canOpen) +
			    closer.length % 3;
			const found = findOpener(stack, closer,
			    bottoms.get(key) ?? 0);
			if (found < 0) {
				bottoms.set(key, index);
				break;
			}
			const opener = stack[found];
			const used = Math.min(opener.left, closer.left, 2);
			const tag = used === 2 ? "strong" : "em";
			opener.opens.unshift({ tag, attributes: {} });
			closer.closes.push(tag);
			opener.left -= used;
			closer.left -= used;
			stack.length = found + (opener.left > 0);
		}
		if (closer.canOpen && closer.left > 0)
			stack.push(closer);
	}
}

function findOpener(stack, closer, bottom) {
	for (let at = stack.length - 1; at >= 0; at--) {
		const opener = stack[at];
		if (opener.index < bottom)
			return -1;
		if (opener.char !== closer.char)
			continue;
		if ((opener.canClose || closer.canOpen) &&
		    (opener.length + closer.length) % 3 === 0 &&
		    (opener.length % 3 !== 0 || closer.length % 3 !== 0))
			continue;
		return at;
	}
	return -1;
}

/* Where the last run of so many backticks begins, for each length. */
function lastRuns(text) {
	const last = new Map();
	for (const run of text.matchAll(/`+/g))
		last.set(run[0].length, run.index);
	return last;
}

function linkMark(href) {
	const attributes = {
		href,
		target: "_blank",
		rel: "noopener noreferrer nofollow",
	};
	return { tag: "a", attributes };
}

function charAt(text, at) {
	return at < text.length ? String.fromCodePoint(text.codePointAt(at)) :
	    "";
}

function charBefore(text, at) {
	if (at === 0)
		return "";
	const low = /[\uDC00-\uDFFF]/.test(text[at - 1]);
	return low && at > 1 ? text.slice(at - 2, at) : text[at - 1];
}

const isSpace = (char) => char === "" || /\s/.test(char);
