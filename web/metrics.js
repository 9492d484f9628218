/*
 * Prometheus's text form (exposition format 0.0.4) as numbers, and what two
 * readings of counters say about the time between them.
 */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?$/;
const METRIC_LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"/g;

/* One reading. */
export class Sample {
	#rows = new Map();

	/* Throws a SyntaxError where the text is of another form. */
	constructor(text, time) {
		this.time = time;
		for (const line of text.split("\n")) {
			if (line.trim() !== "" && !line.startsWith("#"))
				this.#read(line);
		}
	}

	#read(line) {
		const found = LINE.exec(line);
		if (found === null)
			throw new SyntaxError(line);
		const [, name, labels, value] = found;
		if (!this.#rows.has(name))
			this.#rows.set(name, []);
		this.#rows.get(name).push({
			labels: readLabels(labels ?? ""),
			value: readValue(value),
		});
	}

	has(name) {
		return this.#rows.has(name);
	}

	/* The rows of a metric, each with labels and value. */
	rows(name, wanted = () => true) {
		return (this.#rows.get(name) ?? []).filter(
		    ({ labels }) => wanted(labels));
	}

	/* The sum of those rows whose labels are wanted. */
	sum(name, wanted) {
		return this.rows(name, wanted).reduce(
		    (sum, { value }) => sum + value, 0);
	}
}

function readLabels(text) {
	const labels = {};
	for (const [, name, value] of text.matchAll(METRIC_LABEL))
		labels[name] = value.replace(/\\(.)/g,
		    (all, c) => c === "n" ? "\n" : c);
	return labels;
}

function readValue(text) {
	const value = Number(text.replace(/Inf$/, "Infinity"));
	if (Number.isNaN(value) && text !== "NaN")
		throw new SyntaxError(text);
	return value;
}

/*
 * How much a counter has grown since an earlier reading, or in all (before is
 * null). After a restart it has grown by what it shows.
 */
export function increase(now, before, name, wanted) {
	const value = now.sum(name, wanted);
	const old = before?.sum(name, wanted) ?? 0;
	return value < old ? value : value - old;
}

/* Per second; null without an earlier reading. */
export function rate(now, before, name, wanted) {
	if (before === null || now.time <= before.time)
		return null;
	return increase(now, before, name, wanted) * 1000 /
	    (now.time - before.time);
}

/*
 * The value that the part q of what a histogram counted did not exceed, taken
 * as evenly spread within its bucket; null when nothing was counted.
 */
export function quantile(q, now, before, name, wanted = () => true) {
	const buckets = grownBuckets(now, before, `${name}_bucket`, wanted);
	const all = buckets[buckets.length - 1]?.count ?? 0;
	if (all <= 0)
		return null;
	const rank = q * all;
	let low = 0, below = 0;
	for (const { bound, count } of buckets) {
		if (count >= rank && count > below)
			return bound === Infinity ? low : low +
			    (bound - low) * (rank - below) / (count - below);
		low = bound;
		below = count;
	}
	return null;
}

function grownBuckets(now, before, name, wanted) {
	const bounds = new Set(now.rows(name, wanted).map(
	    ({ labels }) => labels.le));
	const restarted = before !== null && now.sum(name, wanted) <
	    before.sum(name, wanted);
	return [...bounds].map((le) => ({
		bound: readValue(le),
		count: increase(now, restarted ? null : before, name,
		    (labels) => labels.le === le && wanted(labels)),
	})).sort((a, b) => a.bound - b.bound);
}
