/*
 * The page: what the visitor does, and what is done then. It is put together
 * here; the conversation and its turns have modules of their own.
 */
import { api, describe, load, settle, whenLoaded } from "./conversation.js";
import { makeButton, makeError } from "./elements.js";
import {
	add, announce, by, fitInput, isEmpty, keepPlace, noteScroll, page,
	refresh, setInput, settleFocus, state,
} from "./page.js";
import { isOfSession, session } from "./session.js";
import { TEXTS } from "./texts.js";
import { ask, goOn, stop } from "./turn.js";

/*
 * A new conversation.
 */

/* Safari has dialogs since 15.4 only. */
function askReset() {
	if (isEmpty() || (page.confirm.showModal === undefined &&
	    confirm(page.confirm.querySelector("p").textContent)))
		reset();
	else if (page.confirm.open === false)
		page.confirm.showModal();
}

async function reset() {
	const { turn } = state;
	const { id } = session;
	const mine = {};
	if (turn !== null)
		turn.dropped = true;
	state.loading = mine;
	state.pending = null;
	refresh();
	try {
		if (id !== null)
			await api.remove(id);
	} catch (error) {
		if (turn !== null)
			turn.dropped = false;
		settle(mine);
		add(makeError(TEXTS.undeleted + describe(error),
		    makeButton("Réessayer", (event) => {
			event.target.closest(".error").remove();
			settleFocus();
			reset();
		})));
		return;
	}
	turn?.controller.abort();
	if (session.id === id)
		session.id = null;
	page.messages.replaceChildren();
	announce(TEXTS.anew);
	settleFocus();
	if (session.id === null)
		settle(mine);
	else
		load();		/* another tab's, begun meanwhile */
}

/*
 * The composer.
 */

/* I-JSON holds neither lone surrogates nor noncharacters, ours no NUL. */
function clean(text) {
	return text.replace(/[\p{Cs}\p{NChar}]/gu, "\ufffd")
	    .replaceAll("\0", "").trim();
}

function submit() {
	whenLoaded(() => {
		const message = clean(page.input.value);
		if (state.turn !== null || message === "")
			return;
		setInput("");
		ask(message);
	});
}

function onKey(event) {
	const composing = event.isComposing || event.keyCode === 229;
	if (event.key === "Enter" && !event.shiftKey && !composing) {
		event.preventDefault();
		submit();
	} else if (event.key === "Escape" && !composing) {
		stop();
	}
}

function onStorage(event) {
	if (!isOfSession(event))
		return;
	if (state.turn !== null)
		state.stale = true;
	else
		load();
}

function listen() {
	page.form.addEventListener("submit", (event) => {
		event.preventDefault();
		submit();
		settleFocus();
	});
	page.input.addEventListener("input", fitInput);
	page.input.addEventListener("keydown", onKey);
	page.stop.addEventListener("click", stop);
	page.reset.addEventListener("click", askReset);
	page.end.addEventListener("click", () => {
		state.follow = true;
		refresh();
		settleFocus();
	});
	by("keep").addEventListener("click", () => page.confirm.close());
	by("erase").addEventListener("click", () => {
		page.confirm.close();
		reset();
	});
	by("suggestions").addEventListener("click", (event) => {
		const button = event.target.closest("button");
		if (button === null || state.turn !== null)
			return;
		settleFocus();
		ask(button.textContent.replaceAll("\u00a0", " "));
	});
	page.messages.addEventListener("click", (event) => {
		if (event.target.closest(".more button") !== null)
			goOn();
	});
	page.log.addEventListener("scroll", noteScroll, { passive: true });
	new ResizeObserver(keepPlace).observe(page.log);
	window.addEventListener("storage", onStorage);
	window.addEventListener("pageshow", (event) => {
		if (event.persisted && state.turn === null)
			load();
	});
}

listen();
load();
