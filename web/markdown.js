/*
 * Markdown for answers that nobody vouches for: the text becomes a small tree,
 * the tree becomes DOM nodes of a few elements, and no string is ever read as
 * HTML. Known are paragraphs, line breaks (every line end is one), bold,
 * italic, code, fenced code, lists, quotes, headings (as bold text), links to
 * http and https, and backslash escapes; all else stays text.
 *
 * Hostile input costs no more than its length: nesting has a ceiling, and each
 * scan either consumes what it read or is bounded.
 */
import { parseBlocks } from "./markdown-blocks.js";
import { build } from "./markdown-tree.js";

const shown = new WeakMap();

/*
 * Make an element show a text. What it showed before is kept as far as the
 * blocks are the same, so that a growing answer costs only its last block and
 * a selection in the others stays.
 */
export function show(into, text) {
	const blocks = parseBlocks(text);
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
