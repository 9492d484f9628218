/*
 * A small chart over time: up to three lines in an SVG that is stretched to its
 * place, so every text stands beside it. Colours and dashes are the style
 * sheet's.
 */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 100;
const HEIGHT = 100;
const STEPS = [1, 2, 5, 10];	/* of the scale, in each power of ten */

export class Chart {
	#svg = svgElement("svg", {
		viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
		role: "img",
	});
	#lines;
	#span;
	#gap;

	/*
	 * How many lines; how many milliseconds it spans; and from how many
	 * between two points on they are not joined.
	 */
	constructor(count, span, gap) {
		this.#span = span;
		this.#gap = gap;
		for (const y of [0, HEIGHT / 2, HEIGHT])
			this.#svg.append(svgElement("path",
			    { class: "grid", d: `M0 ${y}H${WIDTH}` }));
		this.#lines = Array.from({ length: count }, (none, i) =>
		    svgElement("path", { class: `line line-${i + 1}` }));
		this.#svg.append(...[...this.#lines].reverse());
	}

	get element() {
		return this.#svg;
	}

	/*
	 * Draw points, each { time, values }, oldest first; a value that is
	 * null is a gap. The label says in words what is seen. Returns the
	 * value at the upper edge.
	 */
	draw(points, end, label) {
		const top = scale(Math.max(0, ...points.flatMap(
		    ({ values }) => values)));
		const x = (time) => WIDTH * (1 - (end - time) / this.#span);
		const y = (value) => HEIGHT * (1 - value / top);
		this.#lines.forEach((line, i) => {
			line.setAttribute("d", path(points.map((point) => ({
				time: point.time,
				value: point.values[i],
			})), x, y, this.#gap));
		});
		this.#svg.setAttribute("aria-label", label);
		return top;
	}
}

function svgElement(tag, attributes) {
	const made = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(attributes))
		made.setAttribute(name, value);
	return made;
}

/* A point that stands alone is a line of no length: a dot. */
function path(points, x, y, gap) {
	let d = "", last = null;
	for (const { time, value } of points) {
		if (value === null) {
			last = null;
			continue;
		}
		const at = `${x(time).toFixed(2)} ${y(value).toFixed(2)}`;
		d += last !== null && time - last <= gap ? `L${at}` :
		    `M${at}L${at}`;
		last = time;
	}
	return d;
}

/* The next round number, at least the value; 1 for nothing. */
export function scale(value) {
	if (!(value > 0))
		return 1;
	const power = 10 ** Math.floor(Math.log10(value));
	return power * STEPS.find((step) => step * power >= value * 0.999999);
}
