/*
 * Markdown within a block: bold, italic, struck, code, links, images (as
 * links), line breaks (every line end is one), entities and backslash escapes.
 * The text becomes a flat list of parts (text, elements, marks that open and
 * close an element), in which brackets and delimiters find their partners, then
 * a tree.
 */
import {
	foldLabel, readAuto, readLabel, readTarget,
} from "./markdown-links.js";
import { match, readEntity } from "./markdown-text.js";
import { append, element } from "./markdown-tree.js";

const MAX_NESTED = 12;		/* elements in each other; deeper ones are flat */

const PUNCTUATION = /[\p{P}\p{S}]/u;
const OPENING = /[\p{Ps}\p{Pi}]/u;
const ENDING = /[\p{Pe}\p{Pf}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const PLAIN = /[^\\`*_~[\]<&!\n]+/y;
const WORD = /[a-z\d.+-]+|[^a-z\d.+\-\\`*_~[\]<&!\n]+/iy;
const ANGLE = /<(?:(br ?\/?)|([a-z][\w+.-]+:[^\s<>]*)|([^\s<>@:\\]+@[\w.-]+))>/iy;

/*
 * The nodes of a text. links: `defined`, what is defined in the whole text, by
 * label; `href`, a function that says what a link to an address has for one,
 * null for none.
 */
export function parseInline(text, links) {
	return new Inline(text, links).tree();
}

class Inline {
	constructor(text, links) {
		this.text = text;
		this.links = links;
		this.at = 0;
		this.parts = [];
		this.delimiters = [];
		this.brackets = [];
		this.lastLink = -1;	/* the part that began the last link */
		this.ticks = lastRuns(text);
		this.plain = /:\/\/|www\.|@/i.test(text) ? WORD : PLAIN;
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
		case "~":
			return this.#delimiter();
		case "[":
			return this.#openBracket("[");
		case "!":
			return this.text[this.at + 1] === "[" ?
			    this.#openBracket("![") : this.#take("!");
		case "]":
			return this.#closeBracket();
		case "\n":
			return this.#break("\n");
		case "<":
			return this.#angle();
		case "&":
			return this.#entity();
		default:
			return this.#words();
		}
	}

	/* The next characters are text, perhaps another one than they show. */
	#take(text, shown = text) {
		this.parts.push(shown);
		this.at += text.length;
	}

	#escape() {
		const next = this.text[this.at + 1] ?? "";
		if (next === "\n")
			this.#break("\\\n");
		else if (ESCAPABLE.test(next))
			this.#take(`\\${next}`, next);
		else
			this.#take("\\");
	}

	#entity() {
		this.#take(...readEntity(this.text, this.at) ?? ["&"]);
	}

	#break(source) {
		const last = this.parts.length - 1;
		if (typeof this.parts[last] === "string")
			this.parts[last] = this.parts[last].trimEnd();
		this.#take(source, element("br", []));
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
		if (code.trim() !== "" && code[0] === " " &&
		    code[code.length - 1] === " ")
			code = code.slice(1, -1);
		this.parts.push(element("code", [code]));
		this.at = ticks.lastIndex;
	}

	#delimiter() {
		const char = this.text[this.at];
		const [run] = match(/\*+|_+|~+/y, this.text, this.at);
		if (char === "~" && run.length > 2)
			return this.#take(run);
		const part = { char, length: run.length, left: run.length,
			opens: [], closes: [],
			...flanks(run, charBefore(this.text, this.at),
			    charAt(this.text, this.at + run.length)) };
		this.#take(run, part);
		this.delimiters.push(part);
	}

	#openBracket(mark) {
		const { brackets, parts, delimiters } = this;
		if (brackets.length > 0)
			brackets[brackets.length - 1].isOuter = true;
		this.#take(mark);
		brackets.push({ isImage: mark === "![", at: this.at,
			part: parts.length - 1, delimiter: delimiters.length });
	}

	/* There are no links in links, but in what an image is called. */
	#closeBracket() {
		const open = this.brackets.pop();
		const isLink = open !== undefined &&
		    (open.isImage || open.part > this.lastLink);
		const target = isLink ? this.#target(open) : null;
		const href = target === null ? null :
		    this.links.href(target.url);
		if (href === null)
			return this.#take("]");

		pairDelimiters(this.delimiters.splice(open.delimiter));
		this.parts[open.part] = { opens: [linkMark(href)] };
		this.parts.push({ closes: ["a"] });
		if (!open.isImage)
			this.lastLink = open.part;
		this.at = target.end;
	}

	/* Where a link leads: its address, and where it ends; null: nowhere. */
	#target(open) {
		const { text, at, links: { defined } } = this;
		const target = readTarget(text, at + 1);
		if (target !== null || defined.size === 0)
			return target;
		const [source, label] = readLabel(text, at + 1) ??
		    [text.startsWith("[]", at + 1) ? "[]" : ""];
		const name = label ?? (open.isOuter ? "" :
		    foldLabel(text.slice(open.at, Math.min(at, open.at + 999))));
		return defined.has(name) ? { url: defined.get(name),
			end: at + 1 + source.length } : null;
	}

	#angle() {
		const [all, line, url, mail] =
		    match(ANGLE, this.text, this.at) ?? ["<"];
		if (line)
			this.#break(all);
		else if (url ?? mail)
			this.#link(all, url ?? mail, url ?? `mailto:${mail}`);
		else
			this.#take(all);
	}

	/* Text up to the next that may be more, or an address in it. */
	#words() {
		const { text, at, plain } = this;
		const found = plain === WORD &&
		    !/[\p{L}\p{N}.+-]/u.test(charBefore(text, at)) &&
		    readAuto(text, at);
		if (found)
			this.#link(found[0], ...found);
		else
			this.#take(match(plain, text, at)[0]);
	}

	/* A link that is its own text, or its source when it is no address. */
	#link(source, text, url) {
		const href = this.links.href(url);
		if (href === null)
			return this.#take(source);
		this.parts.push({ opens: [linkMark(href)] }, text,
		    { closes: ["a"] });
		this.at += source.length;
	}

	tree() {
		const open = [element("root", [])];
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
			let top = open[open.length - 1];
			if (part.left > 0)
				append(top, part.char.repeat(part.left));
			for (const { tag, attributes } of part.opens ?? []) {
				if (open.length <= MAX_NESTED &&
				    (tag !== "a" || links === 0)) {
					const node = element(tag, [], attributes);
					top.children.push(node);
					top = node;
				}
				open.push(top);
				links += tag === "a";
			}
		}
		return open[0].children;
	}
}

/*
 * Whether a run of delimiters may open and may close: CommonMark 0.31.2,
 * section 6.2, and beyond it what is glued to a letter where the punctuation
 * within says which side it is on: a word and **« that »**, **15 %**of it.
 */
function flanks(run, before, after) {
	const [outside, inside] = [before, after].map(kindOf);
	const left = inside > 0 && (inside > 1 || outside < 2);
	const right = outside > 0 && (outside > 1 || inside < 2);
	if (run[0] === "_")
		return {
			canOpen: left && (!right || outside < 2),
			canClose: right && (!left || inside < 2),
		};
	return {
		canOpen: left || OPENING.test(after),
		canClose: right || ENDING.test(before) || (run.length > 1 &&
		    outside > 0 && !OPENING.test(before)),
	};
}

/* 0: nothing or a blank, 1: punctuation, 2: a letter. */
function kindOf(char) {
	if (/^\s?$/.test(char))
		return 0;
	return PUNCTUATION.test(char) ? 1 : 2;
}

/*
 * Bold, italic and struck, after CommonMark 0.31.2, "process emphasis". The
 * parts between a pair can no longer pair with others.
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
			const tag = closer.char === "~" ? "del" :
			    used === 2 ? "strong" : "em";
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
		if (opener.char === closer.char && mayPair(opener, closer))
			return at;
	}
	return -1;
}

function mayPair(opener, closer) {
	if (closer.char === "~")
		return opener.length === closer.length;
	return !(opener.canClose || closer.canOpen) ||
	    (opener.length + closer.length) % 3 !== 0 ||
	    (opener.length % 3 === 0 && closer.length % 3 === 0);
}

/* Where the last run of so many backticks begins, for each length. */
function lastRuns(text) {
	const last = new Map();
	for (const run of text.matchAll(/`+/g))
		last.set(run[0].length, run.index);
	return last;
}

function linkMark(href) {
	return { tag: "a", attributes: { href, target: "_blank",
		rel: "noopener noreferrer nofollow" } };
}

function charAt(text, at) {
	return /^[^]?/u.exec(text.slice(at, at + 2))[0];
}

function charBefore(text, at) {
	return /[^]?$/u.exec(text.slice(Math.max(at - 2, 0), at))[0];
}
