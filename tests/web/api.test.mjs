/*
 * web/api.js against replies made here: how a stream is read wherever the
 * network cuts it, and what becomes of each kind of failure.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { Api } = await load("api.js");

const SID = "550e8400-e29b-41d4-a716-446655440000";
const TEXT = "Été 😀\u2028, 5 €";
const START = { type: "start", session_id: SID, new_session: true };
const DONE = { type: "done", response: TEXT, session_id: SID };

/* A reply whose body comes in these pieces. */
function reply(pieces, { status = 200, type = "text/event-stream" } = {}) {
	const body = new ReadableStream({
		start(controller) {
			for (const piece of pieces)
				controller.enqueue(piece);
			controller.close();
		},
	});
	return new Response(body, { status, headers: { "Content-Type": type } });
}

const bytes = (text) => new TextEncoder().encode(text);

/* What a chat comes to: the deltas, the answer or the error. */
async function chat(answer) {
	const seen = { text: "" };
	globalThis.fetch = async (url, options) => {
		seen.url = url;
		seen.options = options;
		return answer();
	};
	try {
		seen.end = await new Api("/base/").chat("Bonjour", null, {
			signal: new AbortController().signal,
			start: (event) => { seen.start = event; },
			delta: (event) => { seen.text += event.text; },
		});
	} catch (error) {
		seen.error = error;
	}
	return seen;
}

function stream(end) {
	const events = [START, ...[...TEXT].map((text) =>
	    ({ type: "delta", text })), DONE];
	const lines = events.flatMap((event) => [": ping",
	    "data: " + JSON.stringify(event).replace(",", `,${end}data:`),
	    "id: 1", "", ""]);
	return bytes(lines.join(end));
}

for (const [name, end] of [["LF", "\n"], ["CR LF", "\r\n"], ["CR", "\r"]])
	test(`a stream of ${name} may be cut anywhere`, async () => {
		const all = stream(end);
		const cuts = [[...all].map((byte) => Uint8Array.of(byte))];
		for (let at = 0; at <= all.length; at++)
			cuts.push([all.slice(0, at), all.slice(at)]);
		for (const pieces of cuts) {
			const seen = await chat(() => reply([...pieces,
			    bytes(end)]));
			assert.equal(seen.error, undefined);
			assert.deepEqual(seen.start, START);
			assert.equal(seen.text, TEXT);
			assert.equal(seen.end.response, TEXT);
		}
	});

test("the request", async () => {
	const { url, options } = await chat(() => reply([stream("\n")]));
	assert.equal(url, "/base/session/chat");
	assert.equal(options.method, "POST");
	assert.equal(options.headers["Content-Type"], "application/json");
	assert.deepEqual(JSON.parse(options.body),
	    { message: "Bonjour", session_id: null, stream: true });
});

test("an answer that is no stream", async () => {
	const { end } = await chat(() => reply([bytes(JSON.stringify(DONE))],
	    { type: "Application/JSON; charset=utf-8" }));
	assert.equal(end.response, TEXT);
});

const event = (value) => bytes(`data: ${JSON.stringify(value)}\n\n`);
const json = (value, status) => () => reply([bytes(JSON.stringify(value))],
    { status, type: "application/problem+json" });

for (const [name, answer, expected] of [
	["an error event", () => reply([event(START), event({ type: "error",
	    detail: "Non", status: 502, code: "c", session_id: SID })]),
	    { message: "Non", status: 502, code: "c", sessionId: SID }],
	["a stream without an end", () => reply([event(START)]),
	    { message: /coupée/ }],
	["an end that is not whole", () => reply([event(START),
	    event(DONE).slice(0, -1)]), { message: /coupée/ }],
	["an event that is no JSON", () => reply([bytes("data: {\n\n")]),
	    { message: /pas répondu comme prévu/ }],
	["a problem", json({ detail: "Non", code: "c" }, 429),
	    { message: "Non", status: 429, code: "c", sessionId: null }],
	["a problem that has only a title", json({ title: "Non" }, 400),
	    { message: "Non" }],
	["a failure that is no problem document", json([1], 502),
	    { message: /502/, status: 502 }],
	["an answer without a session", json({ response: "a" }, 200),
	    { message: /pas répondu comme prévu/ }],
	["no service", () => { throw new TypeError("Failed to fetch"); },
	    { message: /injoignable/ }],
])
	test(name, async () => {
		const { error } = await chat(answer);
		assert.equal(error?.name, "Problem");
		for (const [key, value] of Object.entries(expected))
			if (value instanceof RegExp)
				assert.match(error[key], value);
			else
				assert.equal(error[key], value);
	});

test("an abort stays an abort", async () => {
	const { error } = await chat(() => {
		throw new DOMException("", "AbortError");
	});
	assert.equal(error.name, "AbortError");
});

test("a session that is gone", async () => {
	globalThis.fetch = async () => json({ detail: "Non" }, 404)();
	assert.equal(await new Api("").messages(SID), null);
	await new Api("").remove(SID);
	await assert.rejects(new Api("").stop(SID), { status: 404 });
});

test("a session that cannot be reached", async () => {
	globalThis.fetch = async () => json({ detail: "Non" }, 503)();
	await assert.rejects(new Api("").messages(SID), { status: 503 });
	await assert.rejects(new Api("").remove(SID), { status: 503 });
});

test("an id stays one part of the path", async () => {
	let asked;
	globalThis.fetch = async (url) => {
		asked = url;
		return json({}, 404)();
	};
	await new Api("").messages("../a?b#c");
	assert.equal(asked, "/session/..%2Fa%3Fb%23c/messages");
});
