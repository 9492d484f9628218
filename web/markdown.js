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

/*
 * What a growing text may yet change: a line that is not whole, and the one
 * before it, may turn out to begin no block; then they belong to that before.
 */
const OPEN_BLOCKS = 3;

const TASK = /^\[([ xX])\][ \t]+(?=[^ \t])/;

const DEFINITION = /^[ >]*\[[^\]\n]*\]:/m;

const shown = new WeakMap();

/* A block as an element; links: see parseInline(). */
function makeBlock(block, links) {
	const { type, text, children } = block;
	switch (type) {
	case "heading":
		return element(`h${Math.min(block.level + 1, 6)}`,
		    parseInline(text, links));
	case "rule":
		return element("hr", []);
	case "code":
		return element("pre", [element("code", [text])],
		    { tabindex: 0 });
	case "quote":
		return element("blockquote", children.map((child) =>
		    makeBlock(child, links)));
	case "list":
		return makeList(block, links);
	case "table":
		return makeTable(block, links);
	default:
		return element("p", parseInline(text, links));
	}
}

function makeList({ children, start, loose }, links) {
	const items = children.map((item) => makeItem(item, loose, links));
	return start === null ? element("ul", items) :
	    element("ol", items, start === 1 ? {} : { start });
}

/* A tight list shows what is in its paragraphs; a task begins with a box. */
function makeItem({ children }, loose, links) {
	const [first] = children;
	const task = first?.type === "paragraph" && TASK.exec(first.text);
	if (task)
		first.text = first.text.slice(task[0].length);
	const nodes = children.map((child) => makeBlock(child, links));
	if (task)
		nodes[0].children.unshift(task[1] === " " ? "☐ " : "☑ ");
	return element("li", nodes.flatMap((node) =>
	    node.tag === "p" && !loose ? node.children : [node]),
	    task ? { class: "task" } : {});
}

/* Within what it is scrolled in, where it is too wide. */
function makeTable({ rows, aligns }, links) {
	const [head, ...body] = rows.map((cells, row) => element("tr",
	    cells.map((cell, i) => element(row === 0 ? "th" : "td",
	    parseInline(cell, links), aligns[i] ? { class: aligns[i] } : {}))));
	const parts = [element("thead", [head])];
	if (body.length > 0)
		parts.push(element("tbody", body));
	return element("div", [element("table", parts)],
	    { class: "table", tabindex: 0 });
}

/*
 * A text as a tree: its blocks, each a node and where it begins. href: what a
 * link to an address has for one, null for none.
 */
export function parseMarkdown(text, href = safeUrl) {
	const defined = new Map();
	return parseBlocks(text, defined).map((block) =>
	    ({ node: makeBlock(block, { href, defined }), from: block.from }));
}

/*
 * Make an element show a text. Where that has only grown since the last time,
 * no more is parsed than its last blocks, unless links are defined in
 * it, perhaps for what stands before.
 */
export function show(into, text) {
	let was = shown.get(into);
	if (was === undefined || !text.startsWith(was.done) ||
	    DEFINITION.test(text)) {
		into.replaceChildren();
		was = { done: "", count: 0, nodes: [] };
	}
	const parsed = parseMarkdown(text.slice(was.done.length));
	patch(into, was.nodes, parsed.map(({ node }) => node), was.count);
	const settled = Math.max(parsed.length - OPEN_BLOCKS, 0);
	const from = parsed[settled]?.from ?? 0;
	shown.set(into, {
		done: text.slice(0, was.done.length + from),
		count: was.count + settled,
		nodes: parsed.slice(settled).map(({ node }) => node),
	});
}
