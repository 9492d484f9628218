/*
 * The tree between the text of an answer and the page. A node is a string
 * (text) or an element: a tag, its children, its attributes. No string is ever
 * read as HTML.
 */

export function element(tag, children, attributes = {}) {
	return { tag, children, attributes };
}

/* Add a child; neighbouring texts become one. */
export function append(parent, part) {
	const last = parent.children.length - 1;
	if (typeof part === "string" &&
	    typeof parent.children[last] === "string")
		parent.children[last] += part;
	else
		parent.children.push(part);
}

/* The same in the DOM. */
function build(document, node) {
	if (typeof node === "string")
		return document.createTextNode(node);
	const made = document.createElement(node.tag);
	for (const [name, value] of Object.entries(node.attributes))
		made.setAttribute(name, value);
	for (const child of node.children)
		made.append(build(document, child));
	return made;
}

function isAlike(a, b) {
	return a?.tag === b.tag &&
	    JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
}

/* What is selected in a text stays only where nothing is set. */
function setText(shown, text) {
	if (shown.data !== text)
		shown.data = text;
}

/*
 * Make an element show these nodes behind the first `skip` of its children,
 * which show others: of those that it showed there before, what is the same
 * stays, so that a growing answer costs no more than what is new in it and a
 * selection in the rest stays.
 */
export function patch(into, before, nodes, skip = 0) {
	const { ownerDocument: document } = into;
	let at = 0;
	let shown = into.childNodes[skip] ?? null;

	for (const node of nodes) {
		const old = before[at++];
		const next = shown && shown.nextSibling;
		if (shown === null)
			into.append(build(document, node));
		else if (typeof old === "string" && typeof node === "string")
			setText(shown, node);
		else if (isAlike(old, node))
			patch(shown, old.children, node.children);
		else
			shown.replaceWith(build(document, node));
		shown = next;
	}
	while (into.childNodes.length > skip + nodes.length)
		into.lastChild.remove();
}
