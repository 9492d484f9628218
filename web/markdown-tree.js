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
export function build(document, node) {
	if (typeof node === "string")
		return document.createTextNode(node);
	const made = document.createElement(node.tag);
	for (const [name, value] of Object.entries(node.attributes))
		made.setAttribute(name, String(value));
	for (const child of node.children)
		made.append(build(document, child));
	return made;
}
