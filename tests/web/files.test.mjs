/* That no file of the pages is forgotten where its files are listed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

/* Together, packed: 14 KiB, and what shows the sources of an answer. */
const MAX_BYTES = 14 * 1024 + 512;

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

test("no two modules call something at their top by the same name", async () => {
	const places = new Map();
	for (const name of files.filter((file) => file.endsWith(".js"))) {
		const names = (await read(`web/${name}`)).matchAll(new RegExp(
		    "^(?:export )?(?:async )?(?:const|let|var|class|" +
		    "function\\*?) (\\w+)", "gm"));
		for (const [, called] of names)
			places.set(called, [...places.get(called) ?? [], name]);
	}
	const doubles = [...places].filter(([, at]) => at.length > 1);
	assert.deepEqual(doubles, []);
});

/* A module behind all that it needs. */
async function inOrder(name, found = new Set()) {
	for (const [, path] of (await read(`web/${name}`))
	    .matchAll(/ from "\.\/([^"]*)";/g))
		if (!found.has(path))
			await inOrder(path, found);
	return found.add(name);
}

/* What a module comes to without imports, comments and indentation. */
async function stripped(name) {
	return (await read(`web/${name}`)).replace(/^import [^;]*;\n/gm, "")
	    .replace(/^export /gm, "").replace(/^[ \t]*\/\*[^]*?\*\/\n/gm, "")
	    .replace(/[ \t]+\/\*[^*\n]*(?:\n[^*]*)?\*\/$/gm, "")
	    .replace(/^[ \t]+/gm, "").replace(/\n+/g, "\n");
}

test("the page's modules stay small", async () => {
	const names = [...await inOrder("chat.js")];
	const texts = await Promise.all(names.map(stripped));
	const { length } = execFileSync("gzip", ["-9c"],
	    { input: texts.join("") });
	assert.ok(length <= MAX_BYTES, `${length} bytes`);
});
