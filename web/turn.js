/* A turn: a message, its answer as it comes, and what may go wrong. */
import { api, describe, load, whenLoaded } from "./conversation.js";
import {
	make, makeAnswer, makeButton, makeError, makeMore, makeNotice,
	makeQuestion, markInterrupted, showSources,
} from "./elements.js";
import { show as showMarkdown } from "./markdown.js";
import {
	add, announce, keepPlace, page, refresh, setInput, settleFocus, state,
} from "./page.js";
import { session } from "./session.js";
import { TEXTS } from "./texts.js";

const STOP_GRACE_MS = 2000;	/* from a stop to the end of the stream */
const MARKS = /\n[-=*+#>|: \t]+$/;	/* that may begin anything yet */
const PAUSE_MS = 80;	/* between two paintings of an answer, at least */
const REST = 19;		/* times what a painting took, before the next */

/* randomUUID() is there on HTTPS only. */
function makeKey() {
	const parts = crypto.getRandomValues(new Uint32Array(4));
	return Array.from(parts, (part) => part.toString(36)).join("-");
}

/*
 * Tried again with the key of the first try, a message is answered once. That
 * of a try whose answer was cut would get what came of it again: then the
 * service is first asked what became of it (cut: that turn).
 */
export async function ask(message, { key = makeKey(), cut = null } = {}) {
	const turn = {
		message,
		key,
		cut,
		sessionId: session.id,
		count: state.count,	/* of messages before it */
		controller: new AbortController(),
		exchange: make("div", "exchange", makeQuestion(message)),
		answer: null,
		text: "",
		stopping: false,
		dropped: false,
		timer: 0,
		pause: 0,
	};
	state.turn = turn;
	state.follow = true;
	for (const more of page.messages.querySelectorAll(".more"))
		more.remove();
	turn.exchange.append(make("p", "waiting", TEXTS.running));
	add(turn.exchange);
	announce(TEXTS.running);
	try {
		end(turn, await findAnswer(turn) ?? await api.chat(message,
		    turn.sessionId, {
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

/* Ask for the rest of the last answer. */
export function goOn() {
	whenLoaded(() => {
		if (state.turn !== null)
			return;
		settleFocus();
		ask(TEXTS.goOn);
	});
}

/*
 * The whole answer to a turn that was cut on its way here; null when there is
 * none. What still runs for a page that has gone is stopped, so that nothing
 * is answered twice.
 */
async function findAnswer({ cut, controller }) {
	if (cut === null)
		return null;
	let found = await lookUp(cut);
	if (found === undefined) {
		await api.stop(cut.sessionId).catch(() => {});
		found = await lookUp(cut);
	}
	if (controller.signal.aborted)
		throw new DOMException("", "AbortError");
	return found ?? null;
}

/* That answer; null: it is not whole; undefined: it is not (yet) kept. */
async function lookUp({ sessionId, message, count }) {
	const kept = await api.messages(sessionId);
	if (kept === null)
		return null;
	const { messages, message_count } = kept;
	const since = messages.slice(Math.max(0,
	    messages.length - Math.max(0, message_count - count)));
	const at = since.findIndex(({ role, content }) =>
	    role === "user" && content === message);
	const answer = since[at + 1];
	if (at < 0 || answer === undefined)
		return undefined;
	return answer.status === "interrupted" ? null :
	    { ...answer, response: answer.content, session_id: sessionId,
		message_count };
}

/* The session of a turn is known. */
function begin(turn, { session_id: id, new_session: isNew }) {
	if (turn.dropped)
		return;
	if (isNew)
		turn.count = 0;
	if (isNew && turn.sessionId !== null && id !== turn.sessionId)
		turn.exchange.before(makeNotice(TEXTS.expired));
	turn.sessionId = id;
	session.id = id;
}

function grow(turn, text) {
	turn.text += text;
	if (turn.timer === 0)
		turn.timer = setTimeout(() => paint(turn), turn.pause);
}

/* Show what the answer has come to. */
function paint(turn, text = turn.text.replace(MARKS, "")) {
	const begun = performance.now();
	clearTimeout(turn.timer);
	turn.timer = 0;
	if (text === "")
		return;
	if (turn.answer === null) {
		turn.answer = makeAnswer("");
		turn.exchange.querySelector(".waiting")?.remove();
		turn.exchange.append(turn.answer);
	}
	showMarkdown(turn.answer.querySelector(".text"), text);
	keepPlace();
	turn.pause = Math.max(PAUSE_MS, REST * (performance.now() - begun));
}

function end(turn, result) {
	begin(turn, result);
	state.count = result.message_count ?? 0;
	turn.text = result.response;
	paint(turn, turn.text);
	if (turn.answer !== null)
		showSources(turn.answer, result.sources);
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
	turn.answer.append(makeMore());
}

function fail(turn, error) {
	if (turn.dropped)
		return;
	paint(turn, turn.text);
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
 * Say what went wrong, and offer the same message once more: its question then
 * moves to the end. What came of an answer stays where the message is changed.
 */
function addFailure(turn, text) {
	const { exchange, message, key, cut } = turn;
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
		exchange.remove();
		settleFocus();
		ask(message, turn.answer === null ? { key, cut } :
		    { cut: turn });
	}));
	const edit = makeButton("Modifier", () => {
		takeBack();
		const draft = page.input.value;
		setInput(draft === "" ? message : `${message}\n${draft}`);
		page.input.focus();
	});
	const failure = makeError(text, retry, edit);
	exchange.classList.toggle("unsent", turn.answer === null);
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
