/* The conversation so far, as the service keeps it. */
import { Api } from "./api.js";
import {
	makeAnswer, makeButton, makeError, makeNotice, makeQuestion,
	markInterrupted,
} from "./elements.js";
import { add, announce, page, refresh, settleFocus, state } from "./page.js";
import { session } from "./session.js";
import { TEXTS } from "./texts.js";

export const api = new Api(
    document.querySelector('meta[name="causerie-api"]').content);

export async function load() {
	const { id } = session;
	const mine = {};
	state.stale = false;
	state.loading = mine;
	refresh();
	try {
		const found = id === null ? null : await api.messages(id);
		if (state.loading !== mine)
			return;
		if (found === null && session.id === id)
			session.id = null;
		showConversation(found);
	} catch (error) {
		if (state.loading !== mine)
			return;
		showLoadError(error);
	} finally {
		if (state.loading === mine) {
			state.loading = null;
			refresh();
			const { pending } = state;
			state.pending = null;
			pending?.();
		}
	}
}

/* What could not be sent stays. */
function showConversation(found) {
	const nodes = [];
	for (const { role, content, status } of found?.messages ?? []) {
		const node = role === "user" ? makeQuestion(content) :
		    makeAnswer(content);
		if (status === "interrupted")
			markInterrupted(node);
		nodes.push(node);
	}
	if (nodes.length > 0 && found.message_count > nodes.length)
		nodes.unshift(makeNotice(TEXTS.shortened));
	for (const old of page.messages.querySelectorAll(
	    ":scope > :not(.unsent)"))
		old.remove();
	page.messages.prepend(...nodes);
	announce("");
}

export function whenLoaded(action) {
	if (state.loading === null)
		action();
	else
		state.pending = action;
}

function showLoadError(error) {
	page.messages.querySelector(".unloaded")?.remove();
	const shown = add(makeError(TEXTS.unloaded + describe(error),
	    makeButton("Réessayer", () => {
		shown.remove();
		settleFocus();
		load();
	})));
	shown.classList.add("unloaded");
}

export function describe(error) {
	if (error.name === "Problem")
		return error.message;
	console.error(error);
	return TEXTS.unexpected;
}
