/*
 * Markdown for answers that nobody vouches for: the text becomes a small tree,
 * the tree becomes DOM nodes of the few elements below, and no string is ever
 * read as HTML. Known are paragraphs, line breaks (every line end is one),
 * bold, italic, code, fenced code, lists, quotes, headings (as bold text),
 * links to http and https, and backslash escapes; all else stays text.
 *
 * Hostile input costs no more than its length: nesting has a ceiling, and each
 * scan either consumes what it read or is bounded.
 */

const MAX_BLOCK_DEPTH = 12;
const MAX_INLINE_DEPTH = 12;
const MAX_URL = 2000;

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:[ ]+|$)/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])( +(?=[^ ])| *$)/;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BARE_URL = /https?:\/\/[^\s<>[\]"`*\\]+/iy;
const ANGLE_URL = /<(https?:\/\/[^\s<>]{1,2000})>/iy;
const PLAIN = /[^\\`*_[\]<\nhH]+/y;

/* A node is a string (text) or an element: a tag, its children, attributes. */
function element(tag, children, attributes = {}) {
	return { tag, children, attributes };
}

/*
 * Blocks: lines in, elements out.
 */

function linesOf(text) {
	return text.split(/\r\n|\n|\r/).map((line) =>
	    line.replace(/^[ \t]+/, (space) => space.replaceAll("\t", "    ")));
}

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

/* Whether a line ends a paragraph that it follows. */
function startsBlock(line) {
	if (FENCE.test(line) || HEADING.test(line) || QUOTE.test(line))
		return true;
	const item = ITEM.exec(line);
	return item !== null && item[4] !== "" &&
	    (item[3] === undefined || item[3] === "1") &&
	    item[0].length < line.length;
}

/* Each takes the lines and where to begin: [element, where the next begins]. */

function readFence(lines, from) {
	const mark = FENCE.exec(lines[from])[1];
	const indent = indentOf(lines[from]);
	const strip = new RegExp(`^ {0,${indent}}`);
	const body = [];
	let at = from + 1;

	for (; at < lines.length; at++) {
		const line = lines[at].trim();
		if (line.length >= mark.length && indentOf(lines[at]) < 4 &&
		    line === mark[0].repeat(line.length))
			break;
		body.push(lines[at].replace(strip, ""));
	}
	const code = element("code", [body.join("\n")]);
	return [element("pre", [code]), Math.min(at + 1, lines.length)];
}

function readHeading(lines, from) {
	const text = lines[from].replace(HEADING, "").trimEnd()
	    .replace(/(?:^| +)#+$/, "");
	return [element("p", [element("strong", parseInline(text))]), from + 1];
}

function readQuote(lines, from, depth) {
	const inner = [];
	let at = from;

	for (; at < lines.length; at++) {
		if (QUOTE.test(lines[at]))
			inner.push(lines[at].replace(QUOTE, ""));
		else if (isBlank(lines[at]) || startsBlock(lines[at]) ||
		    isBlank(inner[inner.length - 1]))
			break;
		else
			inner.push(lines[at]);
	}
	const children = parseBlocks(inner, depth + 1).map((b) => b.node);
	return [element("blockquote", children), at];
}

/* The lines of one item, without its marker and indentation. */
function readItem(lines, from, marker) {
	const base = marker[1].length;
	const gap = marker[4].length >= 1 && marker[4].length <= 4 ?
	    marker[4].length : 1;
	const offset = base + marker[2].length + gap;
	const inner = [lines[from].slice(offset)];
	let at = from + 1;

	for (; at < lines.length; at++) {
		const line = lines[at];
		const indent = indentOf(line);
		const afterBlank = isBlank(inner[inner.length - 1]);
		if (isBlank(line))
			inner.push("");
		else if (indent >= Math.min(offset, base + 2))
			inner.push(line.slice(Math.min(indent, offset)));
		else if (!afterBlank && !startsBlock(line) && !ITEM.test(line))
			inner.push(line);
		else
			break;
	}
	const all = inner.length;
	while (inner.length > 1 && isBlank(inner[inner.length - 1]))
		inner.pop();
	return { inner, next: at - (all - inner.length) };
}

function readList(lines, from, depth) {
	const first = ITEM.exec(lines[from]);
	const kind = first[2].at(-1);
	const items = [];
	let loose = false;
	let at = from;

	for (;;) {
		const { inner, next } = readItem(lines, at,
		    ITEM.exec(lines[at]));
		const blocks = parseBlocks(inner, depth + 1);
		items.push(blocks.map((b) => b.node));
		loose ||= blocks.some((b) => b.afterBlank);
		at = next;

		let ahead = at;
		while (ahead < lines.length && isBlank(lines[ahead]))
			ahead++;
		const more = ahead < lines.length && ITEM.exec(lines[ahead]);
		if (!more || more[2].at(-1) !== kind)
			break;
		loose ||= ahead > at;
		at = ahead;
	}

	const children = items.map((blocks) => element("li",
	    loose ? blocks : blocks.flatMap(unwrap)));
	const start = Number(first[3] ?? 1);
	return [first[3] === undefined ? element("ul", children) :
	    element("ol", children, start === 1 ? {} : { start }), at];
}

/* What a tight list shows of a paragraph: its content. */
function unwrap(node) {
	return node.tag === "p" ? node.children : [node];
}

function readParagraph(lines, from) {
	let at = from + 1;
	while (at < lines.length && !isBlank(lines[at]) &&
	    !startsBlock(lines[at]))
		at++;
	const text = lines.slice(from, at).map((l) => l.trim()).join("\n");
	return [element("p", parseInline(text)), at];
}

function readBlock(lines, from, depth) {
	if (FENCE.test(lines[from]))
		return readFence(lines, from);
	if (HEADING.test(lines[from]))
		return readHeading(lines, from);
	if (depth < MAX_BLOCK_DEPTH) {
		if (QUOTE.test(lines[from]))
			return readQuote(lines, from, depth);
		if (ITEM.test(lines[from]))
			return readList(lines, from, depth);
	}
	return readParagraph(lines, from);
}

/* Each block with its source, and whether a blank line parts it from the last. */
function parseBlocks(lines, depth) {
	const blocks = [];
	let afterBlank = false;

	for (let at = 0; at < lines.length;) {
		if (isBlank(lines[at])) {
			afterBlank = blocks.length > 0;
			at++;
			continue;
		}
		const [node, next] = readBlock(lines, at, depth);
		const source = lines.slice(at, next).join("\n");
		blocks.push({ node, source, afterBlank });
		afterBlank = false;
		at = next;
	}
	return blocks;
}

/*
 * Inlines: a flat list of parts (text, elements, marks that open and close an
 * element), in which brackets and delimiters find their partners, then a tree.
 */

function parseInline(text) {
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
				append(open.at(-1), part);
				continue;
			}
			for (const tag of part.closes ?? []) {
				open.pop();
				links -= tag === "a";
			}
			if (part.left > 0)
				append(open.at(-1), part.char.repeat(part.left));
			for (const mark of part.opens ?? []) {
				const into = open.at(-1);
				const node = element(mark.tag, [],
				    mark.attributes);
				const flat = open.length > MAX_INLINE_DEPTH ||
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

/* Add a child; neighbouring texts become one. */
function append(parent, part) {
	const last = parent.children.length - 1;
	if (typeof part === "string" &&
	    typeof parent.children[last] === "string")
		parent.children[last] += part;
	else
		parent.children.push(part);
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

/* What stands behind a link's text: (address) or (address "title"). */
function readTarget(text, from) {
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
function safeUrl(text) {
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
function trimUrl(url) {
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

function linkMark(href) {
	const attributes = {
		href,
		target: "_blank",
		rel: "noopener noreferrer nofollow",
	};
	return { tag: "a", attributes };
}

function match(pattern, text, at) {
	pattern.lastIndex = at;
	return pattern.exec(text);
}

function skipSpace(text, at) {
	return at + match(/[ \n]*/y, text, at)[0].length;
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

/*
 * The DOM.
 */

function build(document, node) {
	if (typeof node === "string")
		return document.createTextNode(node);
	const made = document.createElement(node.tag);
	for (const [name, value] of Object.entries(node.attributes))
		made.setAttribute(name, String(value));
	for (const child of node.children)
		made.append(build(document, child));
	return made;
}

const shown = new WeakMap();

/*
 * Make an element show a text. What it showed before is kept as far as the
 * blocks are the same, so that a growing answer costs only its last block and
 * a selection in the others stays.
 */
export function show(into, text) {
	const blocks = parseBlocks(linesOf(text), 0);
	const before = shown.get(into) ?? [];
	let same = 0;

	while (same < before.length && same < blocks.length &&
	    before[same] === blocks[same].source)
		same++;
	while (into.childNodes.length > same)
		into.lastChild.remove();
	for (const block of blocks.slice(same))
		into.append(build(into.ownerDocument, block.node));
	shown.set(into, blocks.map((block) => block.source));
}
