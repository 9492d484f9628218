/*
 * That the pages keep to what Chrome 90 and Safari 15.0 understand: of the
 * language, which no test in a newer browser could miss, and of the style
 * sheets. What the browsers offer to call is taken away in old.py.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const WEB = new URL("../../web/", import.meta.url);

const NEWER = {
	".js": {
		"regular expressions that look behind": /\(\?<[=!]/,
		"regular expressions of sets": /\/[gimsuy]*v[gimsuy]*[;,.)]/,
		"indices of matches": /\/[gimsuvy]*d[gimsuvy]*[;,.)]/,
		"modifiers in regular expressions": /\(\?[ims]*-?[ims]+:/,
		"static blocks": /\bstatic\s*\{/,
		"private names asked for": /#\w+ in /,
		"at(), findLast() and their kin": new RegExp("\\.(?:at|findLast|" +
		    "findLastIndex|toReversed|toSorted|toSpliced|with|" +
		    "isWellFormed|toWellFormed|hasOwn|groupBy|" +
		    "withResolvers|checkVisibility|randomUUID|" +
		    "requestSubmit|throwIfAborted)\\("),
		"structuredClone": /\bstructuredClone\b/,
		"AbortSignal's own": /\bAbortSignal\.|signal\.reason/,
		"causes of errors": /, \{ cause\b/,
		"arrays in a stream's place": /of \w+\.body\b/,
		"waiting in a module": /^await /m,
		"imports with attributes": /\bimport .* with \{/,
		"managed resources": /^\s*(?:await )?using /m,
		"inert": /\binert\b/,
	},
	".css": {
		":has()": /:has\(/,
		"nesting": /^\s*&/m,
		"color-mix() and its kin": /color-mix\(|oklch\(|light-dark\(/,
		"layers and containers": /@(?:layer|container|scope|property)/,
		"subgrid": /\bsubgrid\b/,
		"ranges in media queries": /@media[^{]*[<>]=?/,
	},
	".html": {
		"inert and popover": /\b(?:inert|popover\w*)[\s=>]/,
		"import maps": /importmap/,
		"details by name": /<details name/,
	},
};

for (const name of await readdir(WEB)) {
	const newer = NEWER[/\.\w+$/.exec(name)[0]];
	if (newer === undefined)
		continue;
	const text = (await readFile(new URL(name, WEB), "utf8"))
	    .replace(/\/\*[^]*?\*\//g, "");
	test(`${name} has nothing newer than the oldest browsers`, () => {
		for (const [what, pattern] of Object.entries(newer))
			assert.doesNotMatch(text, pattern, what);
	});
}
