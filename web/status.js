/*
 * The status page: asks for /metrics every few seconds, as long as somebody
 * looks, and shows what it says.
 */
import { Chart } from "./chart.js";
import { Sample } from "./metrics.js";
import { CARDS, routes } from "./status-cards.js";
import { format } from "./units.js";

const POLL_MS = 2000;
const READING_MS = 10000;
const MINUTE_MS = 60000;
const SPAN_MS = 5 * MINUTE_MS;		/* of a chart */
const GAP_MS = 3 * POLL_MS;		/* between points that are not joined */
const MAX_SAMPLES = MINUTE_MS / POLL_MS + 2;

const STATUS_TEXTS = {
	fine: "Les mesures sont à jour.",
	paused: "Les mesures sont suspendues.",
	unreachable: "Le service est injoignable.",
	private: "Le serveur web ne montre ces mesures qu’à sa propre machine " +
	    "(réponse 403) : ouvrez cette page depuis elle, par exemple à " +
	    "travers un tunnel SSH.",
	absent: "Il n’y a pas de mesures à cette adresse (réponse 404) : " +
	    "causerie-api, en tête de status.html, est-il le base_path du " +
	    "service ?",
	refused: "Le serveur a répondu ",
	strange: "La réponse n’est pas celle de Causerie.",
	old: " Ce qui est montré date de ",
};

const base = document.querySelector('meta[name="causerie-api"]').content
    .replace(/\/+$/, "");
const parts = Object.fromEntries(["cards", "routes", "state", "time", "version",
	"pause"].map((id) => [id, document.getElementById(id)]));
const poller = {
	samples: [],		/* oldest first */
	timer: null,
	asking: null,		/* an AbortController */
	paused: false,
};

function makePart(tag, className, ...children) {
	const made = document.createElement(tag);
	made.className = className;
	made.append(...children);
	return made;
}

function showText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/*
 * The cards.
 */

class Card {
	#card;
	#chart;
	#points = [];
	#values;
	#top = makePart("span", "top");
	#notes = makePart("dl", "notes");

	constructor(card) {
		this.#card = card;
		this.#chart = new Chart(card.lines.length, SPAN_MS, GAP_MS);
		this.#values = card.lines.map(() => makePart("dd", ""));
	}

	get element() {
		const { title, hint, lines } = this.#card;
		const values = lines.map(([name], i) => makePart("div", "",
		    makePart("dt", `key line-${i + 1}`, name), this.#values[i]));
		const head = makePart("h2", "", title);
		if (hint !== undefined)
			head.append(" ", makePart("small", "", hint));
		return makePart("section", "card", head,
		    makePart("dl", "values", ...values),
		    makePart("figure", "", this.#top, this.#chart.element),
		    this.#notes);
	}

	show(at) {
		const { lines, unit, notes } = this.#card;
		const values = lines.map(([, value]) => value(at));
		const { time } = at.now;
		this.#points.push({ time, values });
		this.#points = this.#points.filter(
		    (point) => time - point.time <= SPAN_MS);
		values.forEach((value, i) => {
			showText(this.#values[i], format(value, unit));
		});
		const top = this.#chart.draw(this.#points, time, this.#words());
		showText(this.#top, format(top, unit));
		this.#notes.replaceChildren(...(notes?.(at) ?? []).map(
		    ([name, value, kind]) => makePart("div", "",
		    makePart("dt", "", name),
		    makePart("dd", "", kind === undefined ? value :
		    format(value, kind)))));
	}

	/* The chart in words. */
	#words() {
		const { title, lines, unit } = this.#card;
		const parts = lines.map(([name], i) => {
			const values = this.#points.map(
			    (point) => point.values[i]).filter(
			    (value) => value !== null);
			return values.length === 0 ? `${name} : rien` :
			    `${name} : de ` +
			    format(Math.min(...values), unit) + " à " +
			    format(Math.max(...values), unit);
		});
		return `${title}, cinq dernières minutes. ${parts.join(" ; ")}`;
	}
}

const cards = CARDS.map((card) => new Card(card));

function showRoutes(now) {
	parts.routes.replaceChildren(...routes(now).map((route) => {
		const name = makePart("th", "", route.name);
		name.scope = "row";
		return makePart("tr", "", name, ...[
			format(route.all, "count"),
			format(route.refused, "count"),
			format(route.failed, "count"),
			format(route.median, "seconds"),
			format(route.most, "seconds"),
		].map((text) => makePart("td", "", text)));
	}));
}

/*
 * Readings.
 */

/* What is older than a minute is not compared with: nobody looked then. */
function take(now) {
	const lately = poller.samples.filter(
	    ({ time }) => now.time - time <= MINUTE_MS + GAP_MS);
	const at = {
		now,
		last: lately[lately.length - 1] ?? null,
		minute: lately[0] ?? null,
	};

	for (const card of cards)
		card.show(at);
	showRoutes(now);
	poller.samples = [...poller.samples, now].slice(-MAX_SAMPLES);
	const [build] = now.rows("causerie_build_info");
	showText(parts.version, build.labels.version);
	showText(parts.time, clock(now));
	tell(STATUS_TEXTS.fine, "fine");
}

function clock({ time }) {
	return new Date(time).toLocaleTimeString("fr-FR");
}

/* In words, once; whoever listens is not told the same again. */
function tell(text, kind) {
	showText(parts.state, text);
	document.body.dataset.state = kind;
}

function failReading(text) {
	const last = poller.samples[poller.samples.length - 1];
	tell(last === undefined ? text : text + STATUS_TEXTS.old + clock(last) + ".",
	    "failed");
}

function refusal(status) {
	return { 403: STATUS_TEXTS.private, 404: STATUS_TEXTS.absent }[status] ??
	    `${STATUS_TEXTS.refused}${status}.`;
}

async function read(asking) {
	const timer = setTimeout(() => asking.abort(), READING_MS);
	let reply, text;
	try {
		reply = await fetch(`${base}/metrics`, {
			signal: asking.signal,
			cache: "no-store",
		});
		text = await reply.text();
	} catch {
		return STATUS_TEXTS.unreachable;
	} finally {
		clearTimeout(timer);
	}
	if (!reply.ok)
		return refusal(reply.status);
	try {
		const sample = new Sample(text, Date.now());
		return sample.has("causerie_build_info") ? sample :
		    STATUS_TEXTS.strange;
	} catch {
		return STATUS_TEXTS.strange;
	}
}

async function poll() {
	const mine = new AbortController();
	poller.asking = mine;
	const found = await read(mine);
	if (poller.asking !== mine)
		return;
	if (found instanceof Sample)
		take(found);
	else
		failReading(found);
	poller.timer = setTimeout(poll, POLL_MS);
}

/*
 * Nobody looks, or does not want to be disturbed: nothing is asked for.
 */

function pollOrRest() {
	clearTimeout(poller.timer);
	poller.asking?.abort();
	poller.asking = null;
	if (!poller.paused && !document.hidden)
		poll();
}

parts.pause.addEventListener("click", () => {
	poller.paused = !poller.paused;
	showText(parts.pause, poller.paused ? "Reprendre" : "Suspendre");
	if (poller.paused)
		tell(STATUS_TEXTS.paused, "paused");
	pollOrRest();
});
document.addEventListener("visibilitychange", pollOrRest);
parts.cards.append(...cards.map((card) => card.element));
pollOrRest();
