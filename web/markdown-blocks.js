/*
 * Markdown's blocks, after CommonMark 0.31.2 and GFM: in each line every open
 * block says whether it goes on, new ones begin, and the rest goes to the
 * innermost. Raw HTML is text like any other.
 */
import { readDefinition } from "./markdown-links.js";
import { match } from "./markdown-text.js";

const MAX_OPEN = 26;	/* blocks in each other; a list and its item are two */
const MAX_SPARE = 1000;	/* empty cells that the rows of a table end with */

const FENCE = /`{3,}(?=[^`]*$)|~{3,}/y;
const HEADING = /#{1,6}(?=[ \t]|$)/y;
const RULE = /(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$/y;
const UNDERLINE = /(?:=+|-+)[ \t]*$/y;
const COLUMN = /^\s*(:?)-+(:?)\s*$/;
const MARKER = /(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)/y;

/*
 * The blocks of a text: each has a type, `from` (where it begins) and children,
 * a text or rows. The addresses that it defines for links are added to
 * `defined`, by label.
 */
export function parseBlocks(text, defined) {
	const parser = new BlockParser(defined);
	let from = 0;

	for (const end of text.matchAll(/\r\n|\n|\r|$/g)) {
		if (from < text.length)
			parser.push(text.slice(from, end.index), from);
		from = end.index + end[0].length;
	}
	parser.closeTo(0);
	return parser.root.children;
}

class BlockParser {
	constructor(defined) {
		this.defined = defined;
		this.root = { type: "root", children: [] };
		this.open = [this.root];
		this.blankAt = Infinity;	/* see #noteBlank() */
		this.from = 0;			/* where this line begins */
		this.before = 0;		/* and the one before it */
	}

	get top() {
		return this.open[this.open.length - 1];
	}

	push(line, from) {
		Object.assign(this, { line: this.#untab(line), at: 0, done: false,
		    before: this.from, from });
		const matched = this.#goOn();
		const opened = this.#begin(matched);
		if (this.done)
			return this.#noteBlank(false);
		const blank = this.#look();
		if (opened || blank || this.top.type !== "paragraph")
			this.closeTo(opened ? this.open.length : matched);
		this.#fill(blank);
		return this.#noteBlank(blank && !opened);
	}

	/* A line whose head has no tabs, unless it may be code's. */
	#untab(line) {
		if (this.top.fence)
			return line;
		const [head] = /^[\s>*+\-.)\d]*/.exec(line);
		let columns = "";
		for (const char of head)
			columns += char === "\t" ?
			    " ".repeat(4 - columns.length % 4) : char;
		return columns + line.slice(head.length);
	}

	/* Find the next that is not blank; whether there is none. */
	#look() {
		this.next = this.at;
		while (this.line[this.next] === " ")
			this.next++;
		this.indent = this.next - this.at;
		return this.next === this.line.length;
	}

	#skip(columns) {
		this.at = Math.min(this.at + columns, this.line.length);
	}

	#find(pattern) {
		return match(pattern, this.line, this.next);
	}

	#rest() {
		return this.line.slice(this.next);
	}

	/* How many of the open blocks go on. */
	#goOn() {
		let matched = 1;
		while (matched < this.open.length && !this.done) {
			const block = this.open[matched];
			if (!this.#goesOn(block, this.#look()))
				break;
			matched++;
		}
		return matched;
	}

	#goesOn(block, blank) {
		switch (block.type) {
		case "quote":
			return this.#skipQuote();
		case "item":
			return this.#skipItem(block, blank);
		case "code":
			return this.#skipCode(block, blank);
		case "list":
			return true;
		default:
			return !blank;
		}
	}

	#skipQuote() {
		if (this.indent > 3 || this.line[this.next] !== ">")
			return false;
		this.#skip(this.indent + 1);
		if (this.line[this.at] === " ")
			this.at++;
		return true;
	}

	/* Models indent what stands in a numbered item by two columns only. */
	#skipItem(item, blank) {
		if (blank && item.children.length === 0)
			return false;
		if (item.numbered && this.indent < item.offset &&
		    this.indent >= item.indent + 2 &&
		    "-+*".includes(this.line[this.next] ?? "a"))
			item.offset = this.indent;
		if (!blank && this.indent < item.offset)
			return false;
		this.#skip(Math.min(this.indent, item.offset));
		return true;
	}

	#skipCode(code, blank) {
		const { fence } = code;
		if (fence === null && !blank && this.indent < 4)
			return false;
		const rest = this.#rest().trimEnd();
		if (fence !== null && this.indent < 4 &&
		    rest.length >= fence.length &&
		    rest === fence[0].repeat(rest.length)) {
			this.closeTo(this.open.length - 1);
			this.done = true;
		}
		this.#skip(Math.min(this.indent, fence ? code.indent : 4));
		return true;
	}

	/* Begin what begins in this line; whether anything does. */
	#begin(matched) {
		let depth = matched;
		let opened = false;
		while (!this.done && !this.#look() &&
		    this.open[depth - 1].type !== "code" &&
		    this.#start(depth)) {
			depth = this.open.length;
			opened = true;
		}
		return opened;
	}

	/* depth: of the open blocks, how many it would stand in. */
	#start(depth) {
		const { type } = this.open[depth - 1];
		const inText = type === "paragraph" || type === "table";
		if (this.indent > 3)
			return !inText && this.top.type !== "paragraph" &&
			    this.#startIndented(depth);
		switch (this.line[this.next]) {
		case ">":
			return this.#startQuote(depth);
		case "#":
			return this.#startHeading(depth);
		case "`":
		case "~":
			return this.#startFence(depth);
		default:
			return (type === "paragraph" && this.#underline()) ||
			    this.#startRule(depth) ||
			    this.#startItem(depth, inText);
		}
	}

	/* Add a block within the first of the open ones. */
	#add(depth, block) {
		this.closeTo(depth);
		while (/list|paragraph|table/.test(this.top.type) &&
		    block.type !== "item")
			this.closeTo(this.open.length - 1);
		const { top } = this;
		const level = this.open.length - (top.type === "item" ? 2 : 1);
		if (top.children.length > 0 && this.blankAt < level)
			this.open[level].loose = true;
		block.from = this.from;
		top.children.push(block);
		this.open.push(block);
		return true;
	}

	/* Add one that this line fills, or that takes nothing more of it. */
	#addDone(depth, block, isOpen = false) {
		this.#add(depth, block);
		if (!isOpen)
			this.open.pop();
		this.done = true;
		return true;
	}

	#startIndented(depth) {
		this.#skip(4);
		return this.#add(depth, { type: "code", fence: null,
			lines: [] });
	}

	#startQuote(depth) {
		return depth < MAX_OPEN &&
		    this.#add(depth, { type: "quote", children: [] }) &&
		    this.#skipQuote();
	}

	#startHeading(depth) {
		const found = this.#find(HEADING);
		if (found === null)
			return false;
		const level = found[0].length;
		let text = this.#rest().slice(level).trim();
		let end = text.length;
		while (text[end - 1] === "#")
			end--;
		if (end === 0 || /[ \t]/.test(text[end - 1]))
			text = text.slice(0, end).trimEnd();
		return this.#addDone(depth, { type: "heading", level, text });
	}

	#startFence(depth) {
		const found = this.#find(FENCE);
		return found !== null && this.#addDone(depth, { type: "code",
			fence: found[0], indent: this.indent, lines: [] },
		    true);
	}

	#startRule(depth) {
		return this.#find(RULE) !== null &&
		    this.#addDone(depth, { type: "rule" });
	}

	/* A line that makes a heading, or a table's head, of that before it. */
	#underline() {
		if (this.#startTable())
			return true;
		const found = this.#find(UNDERLINE);
		if (found === null)
			return false;
		const { top } = this;
		this.#define(top);
		if (top.text === "")
			return false;
		top.type = "heading";
		top.level = found[0][0] === "=" ? 1 : 2;
		this.open.pop();
		this.done = true;
		return true;
	}

	#startTable() {
		const { lines } = this.top;
		const head = lines[lines.length - 1];
		if (!head.includes("|") && !this.line.includes("|"))
			return false;
		const columns = splitCells(this.#rest()).map(
		    (cell) => COLUMN.exec(cell));
		const cells = splitCells(head);
		if (columns.includes(null) || cells.length !== columns.length)
			return false;
		lines.pop();
		const aligns = columns.map(([, left, right]) => right === "" ?
		    left && "left" : left ? "center" : "right");
		this.#addDone(this.open.length, { type: "table", aligns,
			spare: MAX_SPARE, rows: [cells] }, true);
		this.top.from = this.before;
		return true;
	}

	#startItem(depth, inText) {
		const found = depth < MAX_OPEN ? this.#find(MARKER) : null;
		if (found === null)
			return false;
		const { indent } = this;
		const [marker, number] = found;
		const empty = this.#rest().trimEnd().length === marker.length;
		if (inText && (empty || Number(number ?? 1) !== 1))
			return false;
		this.#skip(indent + marker.length);
		this.#look();
		const gap = empty || this.indent > 4 ? 1 : this.indent;
		this.#skip(gap);
		this.#list(depth, marker.slice(-1), number);
		return this.#add(this.open.length, { type: "item", indent,
			numbered: number !== undefined, children: [],
			offset: indent + marker.length + gap });
	}

	/* Make the list that an item belongs to the innermost block. */
	#list(depth, kind, number) {
		const list = this.open[depth - 1];
		if (list.type === "list" && list.kind === kind)
			this.closeTo(depth);
		else
			this.#add(depth, { type: "list", kind, children: [],
				start: number === undefined ? null :
				    Number(number) });
	}

	/* What is left of the line goes to the innermost block. */
	#fill(blank) {
		const { top } = this;
		if (top.type === "code")
			top.lines.push(this.line.slice(this.at));
		else if (blank)
			return;
		else if (top.type === "table")
			this.#fillRow(top);
		else if (top.type === "paragraph")
			top.lines.push(this.#rest());
		else
			this.#add(this.open.length, { type: "paragraph",
				lines: [this.#rest()] });
	}

	#fillRow({ rows, aligns }) {
		const cells = splitCells(this.#rest()).slice(0, aligns.length);
		const { top } = this;
		while (cells.length < aligns.length && top.spare-- > 0)
			cells.push("");
		rows.push(cells);
	}

	/*
	 * What comes behind a blank line makes the lists around it loose, but
	 * for those around a quote that the line stands in: a blank line is
	 * remembered by the place of that quote.
	 */
	#noteBlank(blank) {
		const { open, top } = this;
		this.blankAt = Infinity;
		if (!blank || (top.type === "code" && top.fence !== null))
			return;
		this.blankAt = open.length - 1;
		while (this.blankAt > 0 && open[this.blankAt].type !== "quote")
			this.blankAt--;
	}

	/* Close all but the first of the open blocks. */
	closeTo(depth) {
		while (this.open.length > depth) {
			const block = this.open.pop();
			if (block.type === "paragraph")
				this.#closeParagraph(block);
			else if (block.type === "code")
				closeCode(block);
		}
	}

	#closeParagraph(paragraph) {
		this.#define(paragraph);
		if (paragraph.text === "")
			this.top.children.pop();
	}

	/* Take what defines links from the head of a paragraph. */
	#define(paragraph) {
		let text = paragraph.lines.join("\n");
		for (;;) {
			const found = text[0] === "[" && readDefinition(text);
			if (!found)
				break;
			const { label, url, end } = found;
			if (!this.defined.has(label))
				this.defined.set(label, url);
			text = text.slice(end);
		}
		paragraph.text = text.trimEnd();
		paragraph.lines = text === "" ? [] : [text];
	}
}

function closeCode(code) {
	const { lines } = code;
	if (code.fence === null)
		while (/^[ \t]*$/.test(lines[lines.length - 1]))
			lines.pop();
	code.text = lines.join("\n");
}

/* The cells of a table's row; "\|" is no border of one. */
function splitCells(row) {
	const cells = [""];
	for (const [piece] of row.trim().matchAll(/[^\\|]+|\\.?|\|/g)) {
		if (piece === "|")
			cells.push("");
		else
			cells[cells.length - 1] += piece === "\\|" ? "|" :
			    piece;
	}
	if (cells[0] === "" && cells.length > 1)
		cells.shift();
	if (cells[cells.length - 1] === "" && cells.length > 1)
		cells.pop();
	return cells.map((cell) => cell.trim());
}
