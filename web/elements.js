/* What the conversation is shown with; nothing here is placed. */
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
