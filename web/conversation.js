/* The conversation so far, as the service keeps it. */
import { Api } from "./api.js";
import {
	makeAnswer, makeButton, makeError, makeMore, makeNotice, makeQuestion,
	markInterrupted, showSources,
} from "./elements.js";
import { add, announce, page, refresh, settleFocus, state } from "./page.js";
import { session } from "./session.js";
import { TEXTS } from "./texts.js";

export const api = new Api(
    document.querySelector('meta[name="causerie-api"]').content,
    document.documentElement.lang);

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
		settle(mine);
	}
}

/* What was waited for has ended, unless something later is waited for now. */
export function settle(mine) {
	if (state.loading !== mine)
		return;
	state.loading = null;
	refresh();
	const { pending } = state;
	state.pending = null;
	pending?.();
}

/* What could not be sent stays. */
function showConversation(found) {
	const nodes = [];
	let last = null;
	for (last of found?.messages ?? []) {
		const node = last.role === "user" ?
		    makeQuestion(last.content) : makeAnswer(last.content);
		showSources(node, last.sources);
		if (last.status === "interrupted")
			markInterrupted(node, last.code);
		nodes.push(node);
	}
	state.count = found?.message_count ?? 0;
	if (last?.status === "interrupted")
		nodes[nodes.length - 1].append(makeMore());
	if (nodes.length > 0 && found.message_count > found.messages.length)
		nodes.unshift(makeNotice(TEXTS.shortened));
	for (const old of page.messages.querySelectorAll(
	    ":scope > :not(.unsent)"))
		old.remove();
	page.messages.prepend(...nodes);
	announce("");
}

/* Once whatever is being loaded or erased is there, or gone. */
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
