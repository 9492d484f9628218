/*
 * The service of the customer's document as a Node program without packages:
 * sessions in a Map, a timer that sweeps the expired ones, one process, since
 * the Map is its own. Usage: node chat_node.js SOCKET; MODEL_URL, SYSTEM_PROMPT
 * and HISTORY are the same for all peers.
 */
"use strict";

const http = require("http");
const { randomUUID } = require("crypto");

const { MODEL_URL, SYSTEM_PROMPT } = process.env;
const HISTORY = Number(process.env.HISTORY);
const TIMEOUT = 30 * 60 * 1000;
const CLEANUP = 300 * 1000;
const GONE = { detail: "Session non trouvée ou expirée" };

const sessions = new Map();
const agent = new http.Agent({ keepAlive: true });

setInterval(() => {
	const now = Date.now();
	for (const [id, session] of sessions)
		if (now - session.lastActivity > TIMEOUT)
			sessions.delete(id);
}, CLEANUP);

function create() {
	const id = randomUUID();
	const now = Date.now();
	sessions.set(id, { history: [], messageCount: 0, createdAt: now,
		lastActivity: now });
	return id;
}

function find(id) {
	const session = sessions.get(id);
	const live = session && Date.now() - session.lastActivity <= TIMEOUT;
	return live ? session : undefined;
}

function read(stream) {
	return new Promise((resolve, reject) => {
		const parts = [];
		stream.on("data", (part) => parts.push(part));
		stream.on("end",
			() => resolve(Buffer.concat(parts).toString()));
		stream.on("error", reject);
	});
}

function ask(history, message) {
	const body = JSON.stringify({ model: "m", messages: [
		{ role: "system", content: SYSTEM_PROMPT }, ...history,
		{ role: "user", content: message }] });
	return new Promise((resolve, reject) => {
		const call = http.request(MODEL_URL, { method: "POST", agent,
			headers: { "Content-Type": "application/json",
				"Content-Length": Buffer.byteLength(body) } });
		call.on("response", (reply) => read(reply).then((text) => {
			if (reply.statusCode !== 200)
				throw new Error(`model: ${reply.statusCode}`);
			resolve(JSON.parse(text).choices[0].message.content);
		}).catch(reject));
		call.on("error", reject);
		call.end(body);
	});
}

async function chat(request) {
	const { message, session_id } = JSON.parse(await read(request));
	if (typeof message !== "string")
		return [422, { detail: "message" }];
	const id = find(session_id) ? session_id : create();
	const session = sessions.get(id);
	const answer = await ask(session.history, message);
	session.history = [...session.history,
		{ role: "user", content: message },
		{ role: "assistant", content: answer }].slice(-HISTORY);
	session.messageCount += 2;
	session.lastActivity = Date.now();
	return [200, { response: answer, session_id: id,
		message_count: session.messageCount, success: true }];
}

function info(id) {
	const session = find(id);
	if (!session)
		return [404, GONE];
	const left = session.lastActivity + TIMEOUT - Date.now();
	const iso = (time) => new Date(time).toISOString().slice(0, 19);
	return [200, { session_id: id, message_count: session.messageCount,
		created_at: iso(session.createdAt),
		last_activity: iso(session.lastActivity),
		expires_in_minutes: Math.floor(left / 60000) }];
}

async function answer(request) {
	const { method, url } = request;
	if (method === "POST" && url === "/session/new")
		return [200, { session_id: create(),
			message: "Session créée avec succès" }];
	if (method === "POST" && url === "/session/chat")
		return chat(request);
	let found = /^\/session\/([^/]+)\/info$/.exec(url);
	if (method === "GET" && found)
		return info(found[1]);
	found = /^\/session\/([^/]+)$/.exec(url);
	if (method === "DELETE" && found)
		return sessions.delete(found[1])
			? [200, { message: "Session supprimée avec succès" }]
			: [404, GONE];
	if (method === "GET" && url === "/sessions/stats")
		return [200, { active_sessions: sessions.size }];
	return [404, { detail: "Not Found" }];
}

const server = http.createServer(async (request, response) => {
	let status, body;
	try {
		[status, body] = await answer(request);
	} catch (error) {
		[status, body] = [502, { detail: error.message }];
	}
	const text = JSON.stringify(body);
	response.writeHead(status, { "Content-Type": "application/json",
		"Content-Length": Buffer.byteLength(text) });
	response.end(text);
});
server.keepAliveTimeout = 0; // nginx keeps them
server.listen({ path: process.argv[2], backlog: 4096 });
