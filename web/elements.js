/* What the conversation is shown with; nothing here is placed. */
import { safeUrl } from "./markdown-links.js";
import { show as showMarkdown } from "./markdown.js";
import { INTERRUPTED } from "./texts.js";

export function make(tag, className, ...children) {
	const made = document.createElement(tag);
	made.className = className;
	made.append(...children);
	return made;
}

/* Without an action it is for a listener further out. */
export function makeButton(label, action = null) {
	const button = make("button", "", label);
	button.type = "button";
	button.addEventListener("click", action);
	return button;
}

export function makeQuestion(text) {
	const body = make("div", "text", text);
	body.dir = "auto";
	return make("div", "message question",
	    make("span", "unseen", "Vous : "), body);
}

export function makeAnswer(text) {
	const body = make("div", "text");
	body.dir = "auto";
	showMarkdown(body, text);
	return make("div", "message answer",
	    make("span", "unseen", "Causerie : "), body);
}

/*
 * Below an answer, the articles that it names; each [1] in its text leads to
 * one of them.
 */
export function showSources(answer, sources = []) {
	if (sources.length === 0)
		return;
	const ids = new Map(sources.map(({ n }) => [String(n),
	    `source-${++made}`]));
	answer.append(make("ol", "sources", ...sources.map((source) =>
	    makeSource(source, ids.get(String(source.n))))));
	linkNumbers(answer.querySelector(".text"), ids);
}

let made = 0;

function makeSource({ n, title, url = "", date }, id) {
	const href = safeUrl(url);
	const name = make(href ? "a" : "span", "", title);
	if (href)
		Object.assign(name, { href, target: "_blank",
			rel: "noopener noreferrer" });
	const item = make("li", "", name, date ? ` (${date})` : "");
	Object.assign(item, { id, value: n });
	return item;
}

function linkNumbers(text, ids) {
	const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
	const nodes = [];
	while (walker.nextNode())
		if (!walker.currentNode.parentNode.closest("a, code"))
			nodes.push(walker.currentNode);
	for (const node of nodes)
		node.replaceWith(...node.data.split(/\[(\d+)\]/).map((part, i) =>
		    i % 2 === 0 ? part : ids.has(part) ?
		    Object.assign(make("a", "", `[${part}]`),
		    { href: `#${ids.get(part)}` }) : `[${part}]`));
}

export function makeNotice(text) {
	return make("p", "notice", text);
}

export function makeError(text, ...buttons) {
	const error = make("div", "error", make("p", "", text),
	    make("div", "choices", ...buttons));
	error.setAttribute("role", "alert");
	return error;
}

/* What an answer that is not whole is followed by. */
export function makeMore() {
	return make("div", "choices more", makeButton("Continuer"));
}

export function markInterrupted(answer, code) {
	answer.append(make("p", "mark",
	    INTERRUPTED[code] ?? INTERRUPTED.stopped));
}
