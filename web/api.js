/*
 * The service as the page sees it: its requests, its problem documents
 * (RFC 9457) and its answers as server-sent events (WHATWG HTML).
 */

const REPLY_MS = 15000;		/* for all but an answer */
const SILENCE_MS = 60000;	/* the service pings every 5 s */

const API_TEXTS = {
	unreachable: "Le service est injoignable. Vérifiez votre connexion.",
	cut: "La connexion a été coupée avant la fin de la réponse.",
	strange: "Le service n’a pas répondu comme prévu.",
};

/* What went wrong, in words for the visitor. */
export class Problem extends Error {
	constructor(detail, { status = 0, code = null, session_id = null } = {}) {
		super(detail);
		this.name = "Problem";
		this.status = status;
		this.code = code;
		this.sessionId = session_id;
		this.ofService = false;	/* not of a web server before it */
	}

	/* Whether it says that there is no such session any more. */
	get isGone() {
		return this.ofService && this.code !== "not_found" &&
		    (this.status === 404 || this.status === 400);
	}
}

export class Api {
	#base;
	#language;

	/*
	 * base: the path that all routes stand below, "" for none; language:
	 * the page's own, in which the service is to speak.
	 */
	constructor(base, language = "fr") {
		this.#base = base.replace(/\/+$/, "");
		this.#language = language;
	}

	/*
	 * Ask for an answer; sessionId is null for a new session. The same key
	 * again asks for the same answer, not for another. As it comes,
	 * `start` and `delta` are called with the events of these names, if it
	 * comes as a stream. Resolves to the answer: response, session_id,
	 * new_session, message_count, and status when it was interrupted.
	 * Rejects with a Problem, or as `signal` says.
	 */
	async chat(message, sessionId, { key, signal, start, delta }) {
		const body = { message, session_id: sessionId, stream: true };
		const reply = await this.#request("POST", "/session/chat",
		    { body, key, signal });
		if (mediaType(reply) !== "text/event-stream")
			return checkAnswer(await readJson(reply));

		for await (const event of readEvents(reply.body, signal)) {
			if (event.type === "start")
				start(event);
			else if (event.type === "delta")
				delta(event);
			else if (event.type === "done")
				return checkAnswer(event);
			else if (event.type === "error")
				throw new Problem(event.detail ??
				    API_TEXTS.strange, event);
		}
		throw new Problem(API_TEXTS.cut);
	}

	/* The conversation; null when there is no such session any more. */
	async messages(sessionId) {
		try {
			const found = await this.#session("GET", sessionId,
			    "/messages");
			if (!Array.isArray(found.messages))
				throw new Problem(API_TEXTS.strange);
			return found;
		} catch (error) {
			if (error.isGone)
				return null;
			throw error;
		}
	}

	/* Whether there was a running answer to stop. */
	async stop(sessionId) {
		const { stopped } = await this.#session("POST", sessionId,
		    "/stop");
		return stopped === true;
	}

	/* Also fulfilled when the session was gone already. */
	async remove(sessionId) {
		try {
			await this.#session("DELETE", sessionId, "");
		} catch (error) {
			if (!error.isGone)
				throw error;
		}
	}

	/* What a route of a session replies, within REPLY_MS. */
	async #session(method, sessionId, rest) {
		const path = `/session/${encodeURIComponent(sessionId)}${rest}`;
		const patience = new AbortController();
		const timer = setTimeout(() => patience.abort(), REPLY_MS);
		const { signal } = patience;
		try {
			return await readJson(await this.#request(method, path,
			    { signal }));
		} catch (error) {
			throw signal.aborted ?
			    new Problem(API_TEXTS.unreachable) : error;
		} finally {
			clearTimeout(timer);
		}
	}

	async #request(method, path, { body, key, signal }) {
		const headers = {};
		if (this.#language !== "")
			headers["Accept-Language"] = this.#language;
		if (key !== undefined)
			headers["Idempotency-Key"] = key;
		if (body !== undefined)
			headers["Content-Type"] = "application/json";
		let reply;
		try {
			reply = await fetch(this.#base + path, {
				method,
				headers,
				signal,
				body: JSON.stringify(body),
				cache: "no-store",
			});
		} catch (error) {
			throw asProblem(error, API_TEXTS.unreachable);
		}
		if (!reply.ok)
			throw await readProblem(reply);
		return reply;
	}
}

/* What the network said, for the visitor; an abort stays what it is. */
function asProblem(error, detail) {
	return error.name === "AbortError" || error instanceof Problem ? error :
	    new Problem(detail);
}

function mediaType(reply) {
	const type = reply.headers.get("Content-Type") ?? "";
	return type.split(";")[0].trim().toLowerCase();
}

async function readJson(reply) {
	let text;
	try {
		text = await reply.text();
	} catch (error) {
		throw asProblem(error, API_TEXTS.cut);
	}
	return parseObject(text);
}

function parseObject(text) {
	try {
		const value = JSON.parse(text);
		if (value !== null && typeof value === "object")
			return value;
	} catch {
		/* the same as any other value that is no object */
	}
	throw new Problem(API_TEXTS.strange);
}

async function readProblem(reply) {
	const { status } = reply;
	let told = {};
	let ofService = true;
	try {
		told = await readJson(reply);
	} catch (error) {
		if (error.name === "AbortError")
			return error;
		ofService = false;
	}
	const { detail, title, code, session_id } = told;
	const text = detail ?? title;
	const problem = new Problem(typeof text === "string" ? text :
	    `${API_TEXTS.strange} (${status})`, { status, code, session_id });
	problem.ofService = ofService;
	return problem;
}

function checkAnswer(answer) {
	if (typeof answer.response !== "string" ||
	    typeof answer.session_id !== "string")
		throw new Problem(API_TEXTS.strange);
	return answer;
}

/* The JSON of each event, wherever the network cut the bytes. */
async function* readEvents(body, signal) {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	const parser = new EventParser();

	try {
		for (;;) {
			const { done, value } = await readSoon(reader);
			if (done)
				return;
			const text = decoder.decode(value, { stream: true });
			for (const data of parser.push(text))
				yield parseObject(data);
		}
	} catch (error) {
		throw signal.aborted ? new DOMException("", "AbortError") :
		    asProblem(error, API_TEXTS.cut);
	} finally {
		reader.cancel().catch(() => {});
	}
}

/* A piece, or a Problem after SILENCE_MS without one. */
async function readSoon(reader) {
	let timer;
	const silence = new Promise((resolve, reject) => {
		timer = setTimeout(() => reject(new Problem(API_TEXTS.cut)),
		    SILENCE_MS);
	});
	try {
		return await Promise.race([reader.read(), silence]);
	} finally {
		clearTimeout(timer);
	}
}

/* Text in pieces in, the data of complete events out. */
class EventParser {
	#rest = "";
	#data = [];

	*push(text) {
		const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
		this.#rest = lines.pop();
		for (const line of lines) {
			const field = /^data(?:: ?([^]*))?$/.exec(line);
			if (field !== null) {
				this.#data.push(field[1] ?? "");
			} else if (line === "" && this.#data.length > 0) {
				yield this.#data.join("\n");
				this.#data = [];
			}
		}
	}
}
