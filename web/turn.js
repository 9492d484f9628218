/* A turn: a message, its answer as it comes, and what may go wrong. */
import { api, describe, load, whenLoaded } from "./conversation.js";
import {
	make, makeAnswer, makeButton, makeError, makeNotice, makeQuestion,
	markInterrupted,
} from "./elements.js";
import { show as showMarkdown } from "./markdown.js";
import {
	add, announce, keepPlace, page, refresh, setInput, settleFocus, state,
} from "./page.js";
import { session } from "./session.js";
import { TEXTS } from "./texts.js";

const STOP_GRACE_MS = 2000;	/* from a stop to the end of the stream */

/* randomUUID() is there on HTTPS only. */
function makeKey() {
	const parts = crypto.getRandomValues(new Uint32Array(4));
	return Array.from(parts, (part) => part.toString(36)).join("-");
}

/* Tried again with the key of the first try, a message is answered once. */
export async function ask(message, key = makeKey()) {
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
export async function stop() {
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
