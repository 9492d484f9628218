/*
 * Markdown for answers that nobody vouches for: the text becomes a small tree,
 * the tree becomes DOM nodes of a few elements, and no string is ever read as
 * HTML. It is CommonMark and GFM (tables, strikethrough, task lists, addresses
 * that stand in the text), but that HTML is text except <br>, that every line
 * end is a break, and that images are links, as nothing is loaded from
 * elsewhere. docs/page.md tells where else it differs.
 *
 * Hostile input costs no more than its length: nesting has a ceiling, and each
 * scan either consumes what it read or is bounded.
 */
import { parseBlocks } from "./markdown-blocks.js";
import { parseInline } from "./markdown-inlines.js";
import { safeUrl } from "./markdown-links.js";
import { element, patch } from "./markdown-tree.js";

const TASK = /^\[([ xX])\][ \t]+(?=[^ \t])/;

const DEFINITION = /^[ >]*\[[^\]\n]*\]:/m;

const NONE = new Map();
const shown = new WeakMap();

/* The blocks of a text as elements, given the links that are defined in it. */
class Maker {
	/* known: what texts became when they were shown last. */
	constructor(links, known) {
		this.links = links;
		this.known = known;
		this.made = new Map();
	}

	inline(text) {
		const made = this.made.get(text) ?? this.known.get(text) ??
		    parseInline(text, this.links);
		this.made.set(text, made);
		return made;
	}

	blocks(blocks) {
		return blocks.map((block) => this.block(block));
	}

	block(block) {
		switch (block.type) {
		case "heading":
			return element(`h${Math.min(block.level + 1, 6)}`,
			    this.inline(block.text));
		case "rule":
			return element("hr", []);
		case "code":
			return element("pre", [element("code", [block.text])],
			    { tabindex: 0 });
		case "quote":
			return element("blockquote",
			    this.blocks(block.children));
		case "list":
			return this.list(block);
		case "table":
			return this.table(block);
		default:
			return element("p", this.inline(block.text));
		}
	}

	list({ children, start, loose }) {
		const items = children.map((item) => this.item(item, loose));
		return start === null ? element("ul", items) :
		    element("ol", items, start === 1 ? {} : { start });
	}

	item({ children }, loose) {
		const [first] = children;
		const task = first?.type === "paragraph" &&
		    TASK.exec(first.text);
		if (task)
			first.text = first.text.slice(task[0].length);
		const nodes = this.blocks(children).flatMap((node) =>
		    node.tag === "p" && !loose ? node.children : [node]);
		if (!task)
			return element("li", nodes);
		const box = task[1] === " " ? "\u2610 " : "\u2611 ";
		if (nodes[0].tag === "p")
			nodes[0] = element("p", [box, ...nodes[0].children]);
		else
			nodes.unshift(box);
		return element("li", nodes, { class: "task" });
	}

	table({ rows: [head, ...rows], aligns }) {
		const body = rows.length === 0 ? [] :
		    [element("tbody", rows.map((row) =>
			this.row("td", row, aligns)))];
		return element("div", [element("table", [
			element("thead", [this.row("th", head, aligns)]),
			...body,
		])], { class: "table", tabindex: 0 });
	}

	row(tag, cells, aligns) {
		return element("tr", cells.map((cell, i) => element(tag,
		    this.inline(cell), aligns[i] ? { class: aligns[i] } : {})));
	}
}

/*
 * A text as a tree: its blocks, each a node and where it begins. href: what a
 * link to an address has for one, null for none; known: what texts in it became
 * when they were shown last, which `made` tells anew.
 */
export function parseMarkdown(text, { href = safeUrl, known = NONE } = {}) {
	const defined = new Map();
	const blocks = parseBlocks(text, defined);
	const maker = new Maker({ href, defined }, known);
	return {
		parsed: blocks.map((block) =>
		    ({ node: maker.block(block), from: block.from })),
		made: maker.made,
	};
}

/*
 * Make an element show a text. Where that has only grown since the last time,
 * no more is parsed than from its last block on, unless links are defined in
 * it, perhaps for what stands before.
 */
export function show(into, text) {
	let was = shown.get(into);
	if (was === undefined || !text.startsWith(was.done) ||
	    DEFINITION.test(text)) {
		into.replaceChildren();
		was = { done: "", count: 0, nodes: [], known: NONE };
	}
	const { parsed, made } = parseMarkdown(text.slice(was.done.length),
	    { known: was.known });
	patch(into, was.nodes, parsed.map(({ node }) => node), was.count);
	const settled = countSettled(parsed, text.slice(was.done.length));
	const from = parsed[settled]?.from ?? 0;
	shown.set(into, {
		done: text.slice(0, was.done.length + from),
		count: was.count + settled,
		nodes: parsed.slice(settled).map(({ node }) => node),
		known: made,
	});
}

/* All but the last that begins before the two lines that are not whole yet. */
function countSettled(parsed, text) {
	const limit = text.lastIndexOf("\n", text.lastIndexOf("\n") - 1);
	let settled = parsed.length - 1;
	while (settled > 0 && parsed[settled].from > limit)
		settled--;
	return Math.max(settled, 0);
}
