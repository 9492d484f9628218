/*
 * Markdown's blocks: paragraphs, headings (as bold text), quotes, lists and
 * fenced code. Lines in, elements out.
 */
import { parseInline } from "./markdown-inlines.js";
import { element } from "./markdown-tree.js";

const MAX_DEPTH = 12;

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:[ ]+|$)/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])( +(?=[^ ])| *$)/;

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
	const children = parseLines(inner, depth + 1).map((b) => b.node);
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
	const kind = first[2].slice(-1);
	const items = [];
	let loose = false;
	let at = from;

	for (;;) {
		const { inner, next } = readItem(lines, at,
		    ITEM.exec(lines[at]));
		const blocks = parseLines(inner, depth + 1);
		items.push(blocks.map((b) => b.node));
		loose ||= blocks.some((b) => b.afterBlank);
		at = next;

		let ahead = at;
		while (ahead < lines.length && isBlank(lines[ahead]))
			ahead++;
		const more = ahead < lines.length && ITEM.exec(lines[ahead]);
		if (!more || more[2].slice(-1) !== kind)
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
	if (depth < MAX_DEPTH) {
		if (QUOTE.test(lines[from]))
			return readQuote(lines, from, depth);
		if (ITEM.test(lines[from]))
			return readList(lines, from, depth);
	}
	return readParagraph(lines, from);
}

/* Each block with its source, and whether a blank line parts it from the last. */
function parseLines(lines, depth) {
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

/* The blocks of a text, each with its source: [{ node, source }]. */
export function parseBlocks(text) {
	return parseLines(linesOf(text), 0);
}
