/* That no file of the page is forgotten where its files are listed. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const TOP = new URL("../../", import.meta.url);
const files = (await readdir(new URL("web/", TOP))).sort();

const read = (name) => readFile(new URL(name, TOP), "utf8");

test("all are installed", async () => {
	const rows = (await read("Makefile.am")).replaceAll("\\\n", " ");
	const [, row] = /^dist_web_DATA = (.*)$/m.exec(rows);
	const names = row.trim().split(/\s+/);
	assert.deepEqual(names.sort(), files.map((name) => `web/${name}`));
});

test("all modules but the first are asked for by the page", async () => {
	const links = (await read("web/index.html"))
	    .matchAll(/<link rel="modulepreload" href="([^"]*)">/g);
	const modules = files.filter((name) =>
	    name.endsWith(".js") && name !== "chat.js");
	assert.deepEqual([...links].map((link) => link[1]).sort(), modules);
});
