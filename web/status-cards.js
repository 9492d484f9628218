/*
 * What the status page shows: one list of cards, each with the lines of its
 * chart and the notes below it. A value is made of { now, last, minute }: this
 * reading, the one before and that of a minute ago (or null); it is null when
 * there is nothing to say.
 */
import { increase, quantile, rate } from "./metrics.js";

const CHAT = "/session/chat";
const SELF = "/metrics";	/* what this page asks for is not counted */
const REQUESTS = "causerie_http_requests_total";
const SECONDS = "causerie_http_request_duration_seconds";
const TRIES = "causerie_upstream_requests_total";
const TOKENS = "causerie_tokens_total";

export const KINDS = {
	rate_limited: "débit par adresse",
	too_many_sessions: "sessions par adresse",
	too_many_turns: "réponses simultanées par adresse",
	budget_exhausted: "budget de jetons",
	malformed_id: "identifiant mal formé",
	guessing: "identifiants devinés",
	rate: "débit",
	origin: "origine étrangère",
	oversize: "trop long",
	broken_json: "JSON invalide",
	rejected: "refusés",
	unavailable: "modèle indisponible",
	unreachable: "modèle injoignable",
	timeout: "délai dépassé",
	broken: "réponse inutilisable",
	cancelled: "abandonnés",
};

/*
 * Values.
 */

const gauge = (name) => ({ now }) => now.sum(`causerie_${name}`);

const perSecond = (name, wanted) => ({ now, last }) =>
    rate(now, last, name, wanted);

const perMinute = (name, wanted) => ({ now, minute }) => {
	const value = rate(now, minute, name, wanted);
	return value === null ? null : value * 60;
};

const lately = (q, name, wanted) => ({ now, minute }) =>
    minute === null ? null : quantile(q, now, minute, name, wanted);

const isOther = ({ route }) => route !== SELF;
const isQuick = ({ route }) => route !== SELF && route !== CHAT;
const isChat = ({ route }) => route === CHAT;
const hasStatus = (first) => ({ route, status }) =>
    route !== SELF && status.startsWith(first);

/* Each value of a label with its count since the start, those at 0 not. */
function counts({ now }, name, label, wanted) {
	const rows = now.rows(name, wanted).filter(({ value }) => value > 0);
	return rows.map(({ labels, value }) =>
	    [KINDS[labels[label]] ?? labels[label], value]);
}

const failed = ({ outcome }) => outcome !== "ok" && outcome !== "cancelled";

/*
 * The cards. A note is a pair of a name and a value, of the unit beside it.
 */

export const CARDS = [
	{
		title: "Sessions",
		unit: "count",
		lines: [["ouvertes", gauge("sessions")]],
		notes: (at) => [["Mémoire", gauge("session_bytes")(at),
		    "bytes"]],
	}, {
		title: "Requêtes",
		unit: "perSecond",
		lines: [
			["toutes", perSecond(REQUESTS, isOther)],
			["refusées (4xx)", perSecond(REQUESTS, hasStatus("4"))],
			["en échec (5xx)", perSecond(REQUESTS, hasStatus("5"))],
		],
		notes: ({ now }) => [["Depuis le démarrage",
		    now.sum(REQUESTS, isOther), "count"]],
	}, {
		title: "Durée des requêtes",
		hint: "sans les réponses, sur une minute",
		unit: "seconds",
		lines: [
			["médiane", lately(0.5, SECONDS, isQuick)],
			["95 % sous", lately(0.95, SECONDS, isQuick)],
		],
	}, {
		title: "Durée des réponses",
		hint: "sur une minute",
		unit: "seconds",
		lines: [
			["médiane", lately(0.5, SECONDS, isChat)],
			["95 % sous", lately(0.95, SECONDS, isChat)],
		],
	}, {
		title: "Réponses en cours",
		unit: "count",
		lines: [
			["en cours", ({ now }) =>
			    now.sum("causerie_turns_in_flight") -
			    now.sum("causerie_turns_waiting")],
			["en attente", gauge("turns_waiting")],
		],
	}, {
		title: "Modèle de langage",
		hint: "essais, sur une minute",
		unit: "perMinute",
		lines: [
			["réussis", perMinute(TRIES,
			    ({ outcome }) => outcome === "ok")],
			["en échec", perMinute(TRIES, failed)],
			["répétés", perMinute(
			    "causerie_upstream_retries_total")],
		],
		notes: (at) => [
			["Disjoncteur", gauge("upstream_breaker_open")(at) > 0 ?
			    "ouvert" : "fermé"],
			...counts(at, TRIES, "outcome", failed).map(
			    ([kind, n]) => [`En échec : ${kind}`, n, "count"]),
		],
	}, {
		title: "Premier mot du modèle",
		hint: "sur une minute",
		unit: "seconds",
		lines: [
			["médiane", lately(0.5,
			    "causerie_upstream_first_token_seconds")],
			["95 % sous", lately(0.95,
			    "causerie_upstream_first_token_seconds")],
		],
	}, {
		title: "Jetons",
		hint: "sur une minute",
		unit: "perMinute",
		lines: [
			["lus", perMinute(TOKENS,
			    ({ direction }) => direction === "in")],
			["écrits", perMinute(TOKENS,
			    ({ direction }) => direction === "out")],
		],
		notes: ({ now }) => [["Depuis le démarrage", now.sum(TOKENS),
		    "count"]],
	}, {
		title: "Limites et soupçons",
		hint: "sur une minute",
		unit: "perMinute",
		lines: [
			["limites atteintes",
			    perMinute("causerie_limited_total")],
			["requêtes suspectes",
			    perMinute("causerie_suspicious_total")],
		],
		notes: (at) => [
			...counts(at, "causerie_limited_total", "kind").map(
			    ([kind, n]) => [`Limite : ${kind}`, n, "count"]),
			...counts(at, "causerie_suspicious_total", "kind").map(
			    ([kind, n]) => [`Suspect : ${kind}`, n, "count"]),
		],
	}, {
		title: "Retard des boucles",
		hint: "sur une minute",
		unit: "seconds",
		lines: [
			["médiane", lately(0.5, "causerie_loop_lag_seconds")],
			["99 % sous", lately(0.99,
			    "causerie_loop_lag_seconds")],
		],
	},
];

/* The table: each route with what came of it since the start. */
export function routes(now) {
	const names = new Set(now.rows(REQUESTS).map(
	    ({ labels }) => labels.route));
	return [...names].sort().map((name) => {
		const of = (wanted) => increase(now, null, REQUESTS,
		    ({ route, status }) => route === name && wanted(status));
		const within = (q) => quantile(q, now, null, SECONDS,
		    ({ route }) => route === name);
		return {
			name: name === "none" ? "(aucune)" : name,
			all: of(() => true),
			refused: of((status) => status.startsWith("4")),
			failed: of((status) => status.startsWith("5")),
			median: within(0.5),
			most: within(0.95),
		};
	});
}
