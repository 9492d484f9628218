/* That no file of the pages is forgotten where its files are listed. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const TOP = new URL("../../", import.meta.url);
const files = (await readdir(new URL("web/", TOP))).sort();

const read = (name) => readFile(new URL(name, TOP), "utf8");

test("all are installed", async () => {
	const rows = (await read("make/data.am")).replaceAll("\\\n", " ");
	const [, row] = /^dist_web_DATA = (.*)$/m.exec(rows);
	const names = row.trim().split(/\s+/);
	assert.deepEqual(names.sort(), files.map((name) => `web/${name}`));
});

/* What a module asks for, and what that asks for. */
async function needed(name, found = new Set()) {
	const imports = (await read(`web/${name}`))
	    .matchAll(/ from "\.\/([^"]*)";/g);
	for (const [, path] of imports) {
		if (found.has(path))
			continue;
		found.add(path);
		await needed(path, found);
	}
	return found;
}

const pages = { "index.html": "chat.js", "status.html": "status.js" };

for (const [page, first] of Object.entries(pages))
	test(`all modules but the first are asked for by ${page}`, async () => {
		const links = (await read(`web/${page}`))
		    .matchAll(/<link rel="modulepreload" href="([^"]*)">/g);
		assert.deepEqual([...links].map((link) => link[1]).sort(),
		    [...await needed(first)].sort());
	});

test("no module is without a page", async () => {
	const used = new Set(Object.values(pages));
	for (const first of Object.values(pages))
		(await needed(first)).forEach((name) => used.add(name));
	assert.deepEqual([...used].sort(),
	    files.filter((name) => name.endsWith(".js")));
});
