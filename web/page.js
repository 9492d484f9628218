/*
 * The page's parts, what they depend on, and where it is scrolled to.
 */

const NEAR_END = 40;		/* pixels */

export const by = (id) => document.getElementById(id);
export const page = {
	log: by("log"),
	welcome: by("welcome"),
	messages: by("messages"),
	form: by("composer"),
	input: by("message"),
	send: by("send"),
	stop: by("stop"),
	end: by("end"),
	reset: by("reset"),
	announcer: by("announcer"),
	confirm: by("confirm"),
};

export const state = {
	turn: null,		/* the running one */
	loading: null,		/* the latest load, until it has ended */
	pending: null,		/* what to do once it has */
	stale: false,		/* load once the turn has ended */
	count: 0,		/* of the session's messages, when last told */
	follow: true,		/* keep the end of the log in view */
	top: 0,			/* where the log stood */
};

function scrollToEnd() {
	page.log.scrollTop = page.log.scrollHeight;
}

export function keepPlace() {
	if (state.follow)
		scrollToEnd();
	noteScroll();
}

export function noteScroll() {
	const { scrollTop, scrollHeight, clientHeight } = page.log;
	const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
	state.follow = atEnd || (state.follow && scrollTop >= state.top);
	state.top = scrollTop;
	page.end.hidden = state.follow;
}

export function announce(text) {
	page.announcer.textContent = text;
}

export function isEmpty() {
	return page.messages.childElementCount === 0;
}

/* Add to the end of the log. */
export function add(node) {
	page.messages.append(node);
	refresh();
	return node;
}

/* Bring everything that depends on the state up to date. */
export function refresh() {
	const busy = state.turn !== null || state.loading !== null;
	page.log.setAttribute("aria-live", busy ? "off" : "polite");
	page.welcome.hidden = !isEmpty() || state.loading !== null;
	page.stop.hidden = state.turn === null;
	page.send.setAttribute("aria-disabled",
	    String(state.turn !== null || page.input.value.trim() === ""));
	keepPlace();
}

/* Where the keyboard goes on; on a phone that must not open its keyboard. */
export function settleFocus() {
	const coarse = matchMedia("(pointer: coarse)").matches;
	(coarse ? page.log : page.input).focus({ preventScroll: true });
}

export function setInput(text) {
	page.input.value = text;
	fitInput();
}

export function fitInput() {
	page.input.style.height = "auto";
	page.input.style.height = `${page.input.scrollHeight}px`;
	refresh();
}
