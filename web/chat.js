/*
 * The page: shows the conversation, sends messages, and keeps the session's id
 * where the next visit, and the other tabs, find it.
 */
import { Api } from "./api.js";
import { show as showMarkdown } from "./markdown.js";

const SESSION_KEY = "chatbot_session_id";
const CHANGED_KEY = "chatbot_session_changed";	/* tells the other tabs */
const STOP_GRACE_MS = 2000;	/* from a stop to the end of the stream */
const NEAR_END = 40;		/* pixels */

const INTERRUPTED = {
	stopped: "Interrompu",
	upstream_failed: "Interrompu : la réponse n’a pas pu être achevée",
	upstream_timeout: "Interrompu : la suite de la réponse n’est pas venue",
	answer_too_long: "Interrompu : longueur maximale atteinte",
	unavailable: "Interrompu : le service s’arrête",
};
const TEXTS = {
	running: "Causerie répond…",
	stopped: "La réponse a été arrêtée avant d’avoir commencé.",
	anew: "Nouvelle conversation.",
	expired: "La conversation précédente avait expiré, celle-ci en est une nouvelle.",
	shortened: "Le début de cette conversation n’est plus conservé.",
	unloaded: "La conversation n’a pas pu être affichée. ",
	undeleted: "La conversation n’a pas pu être effacée. ",
	unexpected: "Une erreur inattendue est survenue.",
};

const by = (id) => document.getElementById(id);
const page = {
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

const api = new Api(
    document.querySelector('meta[name="causerie-api"]').content);

const state = {
	turn: null,		/* the running one */
	loading: null,		/* the latest load, until it has ended */
	pending: null,		/* what to do once it has */
	stale: false,		/* load once the turn has ended */
	follow: true,		/* keep the end of the log in view */
	top: 0,			/* where the log stood */
};

/*
 * The session's id: in localStorage, in memory where there is none.
 */
const session = {
	memory: null,

	get id() {
		try {
			return localStorage.getItem(SESSION_KEY);
		} catch {
			return this.memory;
		}
	},

	set id(id) {
		if (id === this.id)
			return;
		this.memory = id;
		try {
			if (id === null)
				localStorage.removeItem(SESSION_KEY);
			else
				localStorage.setItem(SESSION_KEY, id);
		} catch {
			/* then only this page knows it */
		}
	},

	/* Let the other tabs show what was said. */
	changed() {
		try {
			localStorage.setItem(CHANGED_KEY, crypto.randomUUID?.() ??
			    String(Date.now()));
		} catch {
			/* then there is none to tell */
		}
	},
};

/*
 * Elements.
 */

function make(tag, className, ...children) {
	const made = document.createElement(tag);
	made.className = className;
	made.append(...children);
	return made;
}

function makeButton(label, action) {
	const button = make("button", "", label);
	button.type = "button";
	button.addEventListener("click", action);
	return button;
}

function makeQuestion(text) {
	const body = make("div", "text", text);
	body.dir = "auto";
	return make("div", "message question",
	    make("span", "unseen", "Vous : "), body);
}

function makeAnswer(text) {
	const body = make("div", "text");
	body.dir = "auto";
	showMarkdown(body, text);
	return make("div", "message answer",
	    make("span", "unseen", "Causerie : "), body);
}

function makeNotice(text) {
	return make("p", "notice", text);
}

function makeError(text, ...buttons) {
	const error = make("div", "error", make("p", "", text),
	    make("div", "choices", ...buttons));
	error.setAttribute("role", "alert");
	return error;
}

function markInterrupted(answer, code) {
	answer.append(make("p", "mark",
	    INTERRUPTED[code] ?? INTERRUPTED.stopped));
}

/*
 * The log.
 */

function scrollToEnd() {
	page.log.scrollTop = page.log.scrollHeight;
}

function keepPlace() {
	if (state.follow)
		scrollToEnd();
	noteScroll();
}

function noteScroll() {
	const { scrollTop, scrollHeight, clientHeight } = page.log;
	const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
	state.follow = atEnd || (state.follow && scrollTop >= state.top);
	state.top = scrollTop;
	page.end.hidden = state.follow;
}

function announce(text) {
	page.announcer.textContent = text;
}

function isEmpty() {
	return page.messages.childElementCount === 0;
}

/* Add to the end of the log. */
function add(node) {
	page.messages.append(node);
	refresh();
	return node;
}

/* Bring everything that depends on the state up to date. */
function refresh() {
	const busy = state.turn !== null || state.loading !== null;
	page.log.setAttribute("aria-live", busy ? "off" : "polite");
	page.welcome.hidden = !isEmpty() || state.loading !== null;
	page.stop.hidden = state.turn === null;
	page.send.setAttribute("aria-disabled",
	    String(state.turn !== null || page.input.value.trim() === ""));
	keepPlace();
}

/* Where the keyboard goes on; on a phone that must not open its keyboard. */
function settleFocus() {
	const coarse = matchMedia("(pointer: coarse)").matches;
	(coarse ? page.log : page.input).focus({ preventScroll: true });
}

/*
 * The conversation so far.
 */

async function load() {
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

function whenLoaded(action) {
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

function describe(error) {
	if (error.name === "Problem")
		return error.message;
	console.error(error);
	return TEXTS.unexpected;
}

/*
 * A turn: a message and its answer.
 */

/* randomUUID() is there on HTTPS only. */
function makeKey() {
	const parts = crypto.getRandomValues(new Uint32Array(4));
	return Array.from(parts, (part) => part.toString(36)).join("-");
}

/* Tried again with the key of the first try, a message is answered once. */
async function ask(message, key = makeKey()) {
	const turn = {
		message,
		key,
		sessionId: session.id,
		controller: new AbortController(),
		exchange: make("div", "exchange", makeQuestion(message)),
		answer: null,
		text: "",
		stopping: false,
		dropped: false,
		frame: 0,
	};
	state.turn = turn;
	state.follow = true;
	turn.exchange.append(make("p", "waiting", TEXTS.running));
	add(turn.exchange);
	announce(TEXTS.running);
	try {
		end(turn, await api.chat(message, turn.sessionId, {
			key,
			signal: turn.controller.signal,
			start: (event) => begin(turn, event),
			delta: (event) => grow(turn, event.text),
		}));
	} catch (error) {
		fail(turn, error);
	} finally {
		finish(turn);
	}
}

/* The session of a turn is known. */
function begin(turn, { session_id: id, new_session: isNew }) {
	if (turn.dropped)
		return;
	if (isNew && turn.sessionId !== null && id !== turn.sessionId)
		turn.exchange.before(makeNotice(TEXTS.expired));
	turn.sessionId = id;
	session.id = id;
}

function grow(turn, text) {
	turn.text += text;
	if (turn.frame === 0)
		turn.frame = requestAnimationFrame(() => paint(turn));
}

/* Show what the answer has come to. */
function paint(turn) {
	cancelAnimationFrame(turn.frame);
	turn.frame = 0;
	if (turn.text === "")
		return;
	if (turn.answer === null) {
		turn.answer = makeAnswer("");
		turn.exchange.querySelector(".waiting")?.remove();
		turn.exchange.append(turn.answer);
	}
	showMarkdown(turn.answer.querySelector(".text"), turn.text);
	keepPlace();
}

function end(turn, result) {
	begin(turn, result);
	turn.text = result.response;
	paint(turn);
	if (result.status === "interrupted")
		interrupt(turn, result.code);
	else if (turn.answer !== null)
		announce(turn.answer.innerText);
	else
		announce("");
}

/* An answer that ended early, perhaps before it began. */
function interrupt(turn, code) {
	if (turn.answer === null) {
		addFailure(turn, TEXTS.stopped);
		return;
	}
	markInterrupted(turn.answer, code);
	announce(turn.answer.innerText);
}

function fail(turn, error) {
	if (turn.dropped)
		return;
	paint(turn);
	if (error.name === "AbortError") {
		interrupt(turn, "stopped");
		return;
	}
	if (error.code === "session_deleted")
		session.id = null;
	else if (typeof error.sessionId === "string")
		begin(turn, { session_id: error.sessionId });
	if (turn.answer !== null)
		markInterrupted(turn.answer);
	addFailure(turn, describe(error));
}

/*
 * Say what went wrong, and offer the same message once more. A question
 * without an answer then moves to the end; one with a part of it stays.
 */
function addFailure(turn, text) {
	const { exchange, message, key } = turn;
	const takeBack = () => {
		if (turn.answer === null)
			exchange.remove();
		else
			failure.remove();
		exchange.classList.remove("unsent");
		refresh();
	};
	const retry = makeButton("Réessayer", () => whenLoaded(() => {
		if (state.turn !== null)
			return;
		takeBack();
		settleFocus();
		ask(message, key);
	}));
	const edit = makeButton("Modifier", () => {
		takeBack();
		const draft = page.input.value;
		setInput(draft === "" ? message : `${message}\n${draft}`);
		page.input.focus();
	});
	const failure = makeError(text, retry, edit);
	exchange.classList.add("unsent");
	exchange.append(failure);
	announce("");
}

function finish(turn) {
	turn.exchange.querySelector(".waiting")?.remove();
	if (document.activeElement === page.stop)
		settleFocus();
	state.turn = null;
	refresh();
	if (!turn.dropped)
		session.changed();
	if (state.stale)
		load();
}

/*
 * The service ends a stopped answer itself, and keeps what was said. Where it
 * cannot, leaving has the same effect.
 */
async function stop() {
	const { turn } = state;
	if (turn === null || turn.stopping)
		return;
	turn.stopping = true;
	let grace = 0;
	try {
		if (turn.sessionId !== null && await api.stop(turn.sessionId))
			grace = STOP_GRACE_MS;
	} catch {
		/* then it is left */
	}
	setTimeout(() => turn.controller.abort(), grace);
}

/*
 * A new conversation.
 */

function askReset() {
	if (isEmpty())
		reset();
	else if (!page.confirm.open)
		page.confirm.showModal();
}

async function reset() {
	const { turn } = state;
	const { id } = session;
	if (turn !== null)
		turn.dropped = true;
	try {
		if (id !== null)
			await api.remove(id);
	} catch (error) {
		if (turn !== null)
			turn.dropped = false;
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
	state.loading = null;
	state.pending = null;
	page.messages.replaceChildren();
	refresh();
	announce(TEXTS.anew);
	settleFocus();
}

/*
 * The composer.
 */

function setInput(text) {
	page.input.value = text;
	fitInput();
}

function fitInput() {
	page.input.style.height = "auto";
	page.input.style.height = `${page.input.scrollHeight}px`;
	refresh();
}

/* JSON of the service's kind holds neither lone surrogates nor NUL. */
function clean(text) {
	return (text.toWellFormed?.() ?? text).replaceAll("\0", "").trim();
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

/* Another tab has spoken, or begun anew. */
function onStorage(event) {
	if (event.key !== null && event.key !== SESSION_KEY &&
	    event.key !== CHANGED_KEY)
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
