/*
 * The page's modules under node, which would take a .js file for a script of
 * its older kind: each is loaded from its text, with what it imports.
 */
import { readFile } from "node:fs/promises";

const WEB = new URL("../../web/", import.meta.url);

async function dataUrl(name) {
	let source = await readFile(new URL(name, WEB), "utf8");
	for (const [text, path] of source.matchAll(/ from "\.\/([^"]+)";/g))
		source = source.replace(text,
		    ` from "${await dataUrl(path)}";`);
	return "data:text/javascript," + encodeURIComponent(source);
}

export async function load(name) {
	return import(await dataUrl(name));
}
