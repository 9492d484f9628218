/* Numbers as a reader of French expects them. */

const NUMBER = new Intl.NumberFormat("fr-FR", { maximumSignificantDigits: 3 });
const COUNT = new Intl.NumberFormat("fr-FR", { maximumFractionDigits: 0 });
const NOTHING = "–";
const SHORTEST = 0.0001;	/* seconds; the first bucket's bound */

function scaled(value, units, step) {
	let i = 0;
	while (i < units.length - 1 && Math.abs(value) >= step) {
		value /= step;
		i++;
	}
	return `${NUMBER.format(value)}\u00a0${units[i]}`;
}

function seconds(value) {
	if (value <= SHORTEST)
		return `<\u00a0${NUMBER.format(SHORTEST * 1000)}\u00a0ms`;
	return value < 1 ? `${NUMBER.format(value * 1000)}\u00a0ms` :
	    `${NUMBER.format(value)}\u00a0s`;
}

const UNITS = {
	count: (value) => COUNT.format(value),
	bytes: (value) => scaled(value, ["o", "ko", "Mo", "Go", "To"], 1000),
	perSecond: (value) => `${NUMBER.format(value)}/s`,
	perMinute: (value) => `${NUMBER.format(value)}/min`,
	seconds,
};

/* A value in its unit; null is nothing. */
export function format(value, unit) {
	return value === null ? NOTHING : UNITS[unit](value);
}
