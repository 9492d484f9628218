/*
 * The service as the page sees it: its requests, its problem documents
 * (RFC 9457) and its answers as server-sent events (WHATWG HTML).
 */

const REPLY_MS = 15000;		/* for all but an answer */
const SILENCE_MS = 60000;	/* the service pings every 5 s */

const TEXTS = {
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
	}
}

export class Api {
	#base;

	/* base: the path that all routes stand below, "" for none. */
	constructor(base) {
		this.#base = base.replace(/\/+$/, "");
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
				throw new Problem(event.detail ?? TEXTS.strange,
				    event);
		}
		throw new Problem(TEXTS.cut);
	}

	/* The conversation; null when there is no such session any more. */
	async messages(sessionId) {
		try {
			const reply = await this.#session("GET", sessionId,
			    "/messages");
			const found = await readJson(reply);
			if (!Array.isArray(found.messages))
				throw new Problem(TEXTS.strange);
			return found;
		} catch (error) {
			if (error.status === 404 || error.status === 400)
				return null;
			throw error;
		}
	}

	/* Whether there was a running answer to stop. */
	async stop(sessionId) {
		const reply = await this.#session("POST", sessionId, "/stop");
		return (await readJson(reply)).stopped === true;
	}

	/* Also fulfilled when the session was gone already. */
	async remove(sessionId) {
		try {
			await this.#session("DELETE", sessionId, "");
		} catch (error) {
			if (error.status !== 404 && error.status !== 400)
				throw error;
		}
	}

	#session(method, sessionId, rest) {
		const path = `/session/${encodeURIComponent(sessionId)}${rest}`;
		const signal = AbortSignal.timeout(REPLY_MS);
		return this.#request(method, path, { signal });
	}

	async #request(method, path, { body, key, signal }) {
		const headers = { "Accept-Language": "fr" };
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
			throw asProblem(error, TEXTS.unreachable);
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
		throw asProblem(error, TEXTS.cut);
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
	throw new Problem(TEXTS.strange);
}

async function readProblem(reply) {
	const { status } = reply;
	try {
		const { detail, title, code, session_id } =
		    await readJson(reply);
		if (typeof (detail ?? title) === "string")
			return new Problem(detail ?? title,
			    { status, code, session_id });
	} catch (error) {
		if (error.name === "AbortError")
			return error;
	}
	return new Problem(`${TEXTS.strange} (${status})`, { status });
}

function checkAnswer(answer) {
	if (typeof answer.response !== "string" ||
	    typeof answer.session_id !== "string")
		throw new Problem(TEXTS.strange);
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
		throw signal.aborted ? signal.reason :
		    asProblem(error, TEXTS.cut);
	} finally {
		reader.cancel().catch(() => {});
	}
}

/* A piece, or a Problem after SILENCE_MS without one. */
async function readSoon(reader) {
	let timer;
	const silence = new Promise((resolve, reject) => {
		timer = setTimeout(() => reject(new Problem(TEXTS.cut)),
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
