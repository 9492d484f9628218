/*
 * The status page's arithmetic: Prometheus's text form, what two readings say,
 * and that the page and the program speak of the same metrics.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { Sample, increase, rate, quantile } = await load("metrics.js");
const { scale } = await load("chart.js");
const { format } = await load("units.js");
const { CARDS, KINDS, routes } = await load("status-cards.js");

const HEADER = await readFile(
    new URL("../../include/log/metrics.h", import.meta.url), "utf8");
const CARDS_SOURCE = await readFile(
    new URL("../../web/status-cards.js", import.meta.url), "utf8");

const read = (text, time = 0) => new Sample(text, time);

test("rows, labels and values are read", () => {
	const sample = read(`# HELP a Help, with {braces} "and" more.
# TYPE a counter
a 12
a_b{x="1",y="a b"} 0.5
a_b{x="2",y="\\"\\\\\\n"} 3e2 1700000000000

inf{le="+Inf"} +Inf
odd NaN
`);
	assert.equal(sample.sum("a"), 12);
	assert.equal(sample.sum("a_b"), 300.5);
	assert.equal(sample.sum("a_b", ({ x }) => x === "2"), 300);
	assert.deepEqual(sample.rows("a_b")[1].labels, { x: "2", y: '"\\\n' });
	assert.equal(sample.sum("inf"), Infinity);
	assert.ok(Number.isNaN(sample.sum("odd")));
	assert.ok(sample.has("a") && !sample.has("b"));
	assert.equal(sample.sum("b"), 0);
});

for (const text of ["<!doctype html>", "{}", "a b", "a{", "a 1 2 3", "1a 1"])
	test(`what is no metric is refused: ${text}`, () => {
		assert.throws(() => read(text), SyntaxError);
	});

test("a counter grows, and begins anew after a restart", () => {
	const before = read("n 10", 1000), now = read("n 16", 4000);
	assert.equal(increase(now, before, "n"), 6);
	assert.equal(increase(now, null, "n"), 16);
	assert.equal(rate(now, before, "n"), 2);
	assert.equal(rate(now, null, "n"), null);
	assert.equal(rate(now, now, "n"), null);
	assert.equal(increase(read("n 4", 5000), before, "n"), 4);
});

function histogram(...counts) {
	const bounds = ["0.1", "0.5", "1", "+Inf"];
	return read(counts.map((n, i) =>
	    `h_bucket{route="r",le="${bounds[i]}"} ${n}`).join("\n"));
}

test("a quantile lies in its bucket", () => {
	const none = histogram(0, 0, 0, 0);
	assert.equal(quantile(0.5, none, null, "h"), null);
	assert.equal(quantile(0.5, histogram(4, 4, 4, 4), null, "h"), 0.05);
	assert.equal(quantile(0.5, histogram(2, 6, 6, 6), null, "h"), 0.2);
	assert.equal(quantile(0.95, histogram(0, 0, 0, 4), null, "h"), 1);
	assert.equal(quantile(0.5, histogram(1, 2, 3, 4), null, "h"), 0.5);
	assert.equal(quantile(1, histogram(1, 2, 2, 2), null, "h"), 0.5);
});

test("a quantile is that of what was counted since", () => {
	const before = histogram(100, 100, 100, 100);
	const now = histogram(100, 100, 104, 104);
	assert.equal(quantile(0.5, now, before, "h"), 0.75);
	assert.equal(quantile(0.5, before, before, "h"), null);
	assert.equal(quantile(0.5, histogram(2, 6, 6, 6), before, "h"), 0.2);
	assert.equal(quantile(0.5, now, before, "h",
	    ({ route }) => route === "other"), null);
});

test("a scale ends at a round number", () => {
	for (const [value, top] of [[0, 1], [0.3, 0.5], [1, 1], [1.01, 2],
	    [4, 5], [5, 5], [7, 10], [99, 100], [100, 100], [101, 200],
	    [0.00005, 0.00005], [NaN, 1]])
		assert.ok(Math.abs(scale(value) - top) < 1e-9 * top,
		    `${value}: ${scale(value)}`);
});

test("numbers are written as French has them", () => {
	const plain = (...at) => format(...at).replace(/[\u00a0\u202f]/g, " ");
	assert.equal(plain(null, "count"), "–");
	assert.equal(plain(12345, "count"), "12 345");
	assert.equal(plain(0.333333, "perSecond"), "0,333/s");
	assert.equal(plain(2016, "bytes"), "2,02 ko");
	assert.equal(plain(512e6, "bytes"), "512 Mo");
	assert.equal(plain(0.00004, "seconds"), "< 0,1 ms");
	assert.equal(plain(0.0123, "seconds"), "12,3 ms");
	assert.equal(plain(2.5, "seconds"), "2,5 s");
});

test("the page asks for metrics that the program has", () => {
	const names = new Set([...HEADER.matchAll(
	    /X\(METRIC_\w+, \w+, \w+,[\s\\]*"(\w+)"/g)].map(([, name]) =>
	    `causerie_${name}`));
	assert.ok(names.size >= 15);
	const asked = [...CARDS_SOURCE.matchAll(
	    /"(causerie_\w+)"/g)].map(([, name]) => name);
	const gauges = [...CARDS_SOURCE.matchAll(
	    /gauge\("(\w+)"\)/g)].map(([, name]) => `causerie_${name}`);
	assert.ok(asked.length > 5 && gauges.length > 2);
	for (const name of [...asked, ...gauges])
		assert.ok(names.has(name), name);
});

test("the page has a name for every kind and outcome", () => {
	const values = [...HEADER.matchAll(
	    /X\((?:LIMITED|SUSPICIOUS|OUTCOME)_\w+, "(\w+)"\)/g)].map(
	    ([, value]) => value).filter((value) => value !== "ok");
	assert.ok(values.length >= 16);
	for (const value of values)
		assert.equal(typeof KINDS[value], "string", value);
});

test("a card says nothing before there is something to say", () => {
	const empty = read("causerie_build_info{version=\"1\"} 1");
	const at = { now: empty, last: null, minute: null };
	for (const { title, lines, notes } of CARDS) {
		for (const [name, value] of lines)
			assert.ok([0, null].includes(value(at)),
			    `${title}: ${name}`);
		notes?.(at);
	}
	assert.deepEqual(routes(empty), []);
});

test("what the page itself asks for does not count", () => {
	const line = "causerie_http_requests_total" +
	    '{route="/metrics",method="GET",status="200"}';
	const at = { now: read(`${line} 30`, 4000), last: read(`${line} 20`),
	    minute: null };
	const { lines } = CARDS.find(({ title }) => title === "Requêtes");
	assert.equal(lines[0][1](at), 0);
});
