/*
 * web/markdown.js: what it makes of an answer, written as HTML by a DOM of a
 * few lines, and that hostile text makes nothing else and takes no time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { show } = await load("markdown.js");

class Node {
	constructor(name, text = null) {
		Object.assign(this, { name, text, childNodes: [] });
		this.attributes = {};
		this.ownerDocument = document;
	}
	get lastChild() {
		return this.childNodes.at(-1);
	}
	append(child) {
		child.parent = this;
		this.childNodes.push(child);
	}
	remove() {
		const { childNodes } = this.parent;
		childNodes.splice(childNodes.indexOf(this), 1);
	}
	setAttribute(name, value) {
		this.attributes[name] = value;
	}
	*all() {
		yield this;
		for (const child of this.childNodes)
			yield* child.all();
	}
	get html() {
		if (this.text !== null)
			return this.text.replaceAll("&", "&amp;")
			    .replaceAll("<", "&lt;");
		const inner = this.childNodes.map((c) => c.html).join("");
		const { href, start } = this.attributes;
		const attributes = (href ? ` ${href}` : "") +
		    (start ? ` ${start}` : "");
		return this.name === "br" ? "<br>" :
		    `<${this.name}${attributes}>${inner}</${this.name}>`;
	}
}

const document = {
	createElement: (name) => new Node(name),
	createTextNode: (text) => new Node("#text", text),
};

function render(text) {
	const into = new Node("div");
	show(into, text);
	return into;
}

const html = (text) => render(text).childNodes.map((c) => c.html).join("");

const CASES = {
	paragraphs: [
		["", ""],
		[" \n\t\n", ""],
		["un", "<p>un</p>"],
		["un\n\n\n deux ", "<p>un</p><p>deux</p>"],
		["un\ndeux", "<p>un<br>deux</p>"],
		["un  \ndeux\\\ntrois", "<p>un<br>deux<br>trois</p>"],
		["un\r\n\r\ndeux\rtrois", "<p>un</p><p>deux<br>trois</p>"],
		["    quatre", "<p>quatre</p>"],
		["a\n---\nb", "<p>a<br>---<br>b</p>"],
		["| a | b |\n|---|---|", "<p>| a | b |<br>|---|---|</p>"],
	],
	emphasis: [
		["**gras**", "<p><strong>gras</strong></p>"],
		["__gras__", "<p><strong>gras</strong></p>"],
		["*it* _it_", "<p><em>it</em> <em>it</em></p>"],
		["***les deux***",
		    "<p><em><strong>les deux</strong></em></p>"],
		["**gras *et* plus**",
		    "<p><strong>gras <em>et</em> plus</strong></p>"],
		["*a **b***", "<p><em>a <strong>b</strong></em></p>"],
		["**a *b***", "<p><strong>a <em>b</em></strong></p>"],
		["*a*b*", "<p><em>a</em>b*</p>"],
		["2 * 3 * 4", "<p>2 * 3 * 4</p>"],
		["nom_de_fichier", "<p>nom_de_fichier</p>"],
		["a*b*c", "<p>a<em>b</em>c</p>"],
		["**ouvert", "<p>**ouvert</p>"],
		["**a*", "<p>*<em>a</em></p>"],
		["«**a**»", "<p>«<strong>a</strong>»</p>"],
		["l'*été*.", "<p>l'<em>été</em>.</p>"],
		["😀*a*😀", "<p>😀<em>a</em>😀</p>"],
		["*a\nb*", "<p><em>a<br>b</em></p>"],
	],
	code: [
		["`a*b*c`", "<p><code>a*b*c</code></p>"],
		["``a ` b``", "<p><code>a ` b</code></p>"],
		["`` ` ``", "<p><code>`</code></p>"],
		["`ouvert", "<p>`ouvert</p>"],
		["``a` b", "<p>``a` b</p>"],
		["`\\`", "<p><code>\\</code></p>"],
		["```\na\n\n  <b>\n```\nb",
		    "<pre><code>a\n\n  &lt;b></code></pre><p>b</p>"],
		["~~~ js\n```\n~~~", "<pre><code>```</code></pre>"],
		["````\n```\n````", "<pre><code>```</code></pre>"],
		["```js\nouvert", "<pre><code>ouvert</code></pre>"],
		["```", "<pre><code></code></pre>"],
		["```a```", "<p><code>a</code></p>"],
		["texte\n```\na\n```", "<p>texte</p><pre><code>a</code></pre>"],
	],
	lists: [
		["- a\n- b", "<ul><li>a</li><li>b</li></ul>"],
		["* a\n* **b**",
		    "<ul><li>a</li><li><strong>b</strong></li></ul>"],
		["1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"],
		["3) a\n4) b", "<ol 3><li>a</li><li>b</li></ol>"],
		["Voici :\n- a\n- b",
		    "<p>Voici :</p><ul><li>a</li><li>b</li></ul>"],
		["Le total :\n12. mars", "<p>Le total :<br>12. mars</p>"],
		["- a\n  - b\n    - c\n- d",
		    "<ul><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li>" +
		    "<li>d</li></ul>"],
		["- a\n    - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"],
		["1. a\n  - b\n2. c",
		    "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>"],
		["1. a\n   1. b", "<ol><li>a<ol><li>b</li></ol></li></ol>"],
		["- a\n\n- b",
		    "<ul><li><p>a</p></li><li><p>b</p></li></ul>"],
		["- a\n\n  b\n- c",
		    "<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>"],
		["- a\nsuite\n\naprès",
		    "<ul><li>a<br>suite</li></ul><p>après</p>"],
		["- a\n  ```\n  b\n  ```",
		    "<ul><li>a<pre><code>b</code></pre></li></ul>"],
		["- a\n* b", "<ul><li>a</li></ul><ul><li>b</li></ul>"],
		["1. a\n\nb\n\n2. c",
		    "<ol><li>a</li></ol><p>b</p><ol 2><li>c</li></ol>"],
		["-a\n1.b", "<p>-a<br>1.b</p>"],
		["1234567890. a", "<p>1234567890. a</p>"],
		["-", "<ul><li></li></ul>"],
	],
	quotes: [
		["> a\n> b", "<blockquote><p>a<br>b</p></blockquote>"],
		["> a\nsuite\n\nb",
		    "<blockquote><p>a<br>suite</p></blockquote><p>b</p>"],
		["> - a\n> - b\n>\n> > c",
		    "<blockquote><ul><li>a</li><li>b</li></ul>" +
		    "<blockquote><p>c</p></blockquote></blockquote>"],
		["- > a", "<ul><li><blockquote><p>a</p></blockquote></li></ul>"],
	],
	headings: [
		["# Titre", "<p><strong>Titre</strong></p>"],
		["### *a* ##\nb",
		    "<p><strong><em>a</em></strong></p><p>b</p>"],
		["#mot", "<p>#mot</p>"],
		["####### a", "<p>####### a</p>"],
	],
	links: [
		["[a](https://a.fr/b)", "<p><a https://a.fr/b>a</a></p>"],
		["[**a** `b`](http://a.fr)",
		    "<p><a http://a.fr/><strong>a</strong> <code>b</code>" +
		    "</a></p>"],
		["[a](<https://a.fr/b c> \"titre\")",
		    "<p><a https://a.fr/b%20c>a</a></p>"],
		["[a](https://fr.wikipedia.org/wiki/A_(b))",
		    "<p><a https://fr.wikipedia.org/wiki/A_(b)>a</a></p>"],
		["**[a](https://a.fr)**",
		    "<p><strong><a https://a.fr/>a</a></strong></p>"],
		["*a [b*](https://a.fr)", "<p>*a <a https://a.fr/>b*</a></p>"],
		["[a [b](https://b.fr) c](https://c.fr)",
		    "<p>[a <a https://b.fr/>b</a> c](" +
		    "<a https://c.fr/>https://c.fr</a>)</p>"],
		["[https://a.fr](https://a.fr)",
		    "<p><a https://a.fr/>https://a.fr</a></p>"],
		["[a]", "<p>[a]</p>"],
		["[a](b)", "<p>[a](b)</p>"],
		["[a] (https://a.fr)",
		    "<p>[a] (<a https://a.fr/>https://a.fr</a>)</p>"],
		["<https://a.fr/?b&c>",
		    "<p><a https://a.fr/?b&c>https://a.fr/?b&amp;c</a></p>"],
		["Voir https://a.fr/b.",
		    "<p>Voir <a https://a.fr/b>https://a.fr/b</a>.</p>"],
		["(https://a.fr/b_(c))",
		    "<p>(<a https://a.fr/b_(c)>https://a.fr/b_(c)</a>)</p>"],
		["**https://a.fr**",
		    "<p><strong><a https://a.fr/>https://a.fr</a></strong></p>"],
		["xhttps://a.fr", "<p>xhttps://a.fr</p>"],
		["https://", "<p>https://</p>"],
		["`https://a.fr`", "<p><code>https://a.fr</code></p>"],
	],
	escapes: [
		["\\*a\\*", "<p>*a*</p>"],
		["\\[a](https://a.fr)",
		    "<p>[a](<a https://a.fr/>https://a.fr</a>)</p>"],
		["\\- a", "<p>- a</p>"],
		["1\\. a", "<p>1. a</p>"],
		["C:\\dossier\\", "<p>C:\\dossier\\</p>"],
		["&amp; &lt;b&gt;", "<p>&amp;amp; &amp;lt;b&amp;gt;</p>"],
	],
};

for (const [subject, cases] of Object.entries(CASES))
	test(subject, () => {
		for (const [text, expected] of cases)
			assert.equal(html(text), expected, text);
	});

const ALLOWED = new Set(["#text", "p", "br", "strong", "em", "code", "pre",
    "ul", "ol", "li", "blockquote", "a", "div"]);

function assertHarmless(text) {
	for (const node of render(text).all()) {
		assert.ok(ALLOWED.has(node.name), node.name);
		const names = Object.keys(node.attributes).sort().join();
		if (node.name === "a") {
			assert.equal(names, "href,rel,target");
			assert.match(node.attributes.href, /^https?:\/\/[^@]+$/);
			assert.equal(node.attributes.target, "_blank");
			assert.equal(node.attributes.rel,
			    "noopener noreferrer nofollow");
		} else {
			assert.equal(names, names && "start");
		}
	}
}

const REFUSED = [
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
	" javascript:alert(1)", "data:text/html,<b>", "vbscript:a", "file:///",
	"//a.fr", "/session/new", "mailto:a@a.fr", "https:a.fr", "http:/\\a",
	"https://banque.fr@a.fr", "https://u:p@a.fr", "https://", "http://[",
	"\\javascript:alert(1)", "&#106;avascript:alert(1)", "blob:a",
];

test("only whole addresses of http and https become links", () => {
	for (const url of REFUSED)
		for (const text of [`[a](${url})`, `[a](<${url}>)`, `<${url}>`,
		    url])
			assert.doesNotMatch(html(text), /<a /, text);
});

test("HTML stays text", () => {
	for (const text of ["<script>alert(1)</script>",
	    "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
	    "<a href='javascript:alert(1)'>a</a>", "<!-- a", "</div><b>"]) {
		assertHarmless(text);
		const into = render(text);
		assert.equal(into.childNodes.length, 1);
		assert.equal([...into.all()].slice(2).map((n) => n.text).join(""),
		    text);
	}
});

/* The same numbers each time. */
function* numbers(seed) {
	for (let n = seed; ; yield n >>> 16)
		n = (Math.imul(n, 1103515245) + 12345) >>> 0;
}

test("random text is harmless, also as it grows", () => {
	const pieces = ["*", "**", "_", "`", "```", "\n", "\n\n", " ", "    ",
	    "- ", "1. ", "> ", "# ", "[", "](", ")", "<", ">", "\\", "\"", "!",
	    "https://a.fr", "javascript:", "<img onerror=a>", "mot", "é", "😀"];
	const random = numbers(1);
	for (let round = 0; round < 3000; round++) {
		let text = "";
		for (let left = random.next().value % 40; left >= 0; left--)
			text += pieces[random.next().value % pieces.length];
		assertHarmless(text);

		const into = new Node("div");
		const cut = random.next().value % (text.length + 1);
		show(into, text.slice(0, cut));
		show(into, text);
		assert.equal(into.html, render(text).html, text);
	}
});

test("a growing answer keeps the blocks that did not change", () => {
	const into = new Node("div");
	show(into, "un\n\ndeux");
	const [first, second] = into.childNodes;
	show(into, "un\n\ndeux et\n\ntrois");
	assert.equal(into.childNodes[0], first);
	assert.notEqual(into.childNodes[1], second);
	assert.equal(into.childNodes.length, 3);
});

test("hostile repetition ends soon", { timeout: 300000 }, () => {
	const size = 128 * 1024;	/* an answer's ceiling */
	for (const piece of ["*", "*a ", "*a**b_", "**a *b ", "_a", "`", "`a``",
	    "[", "[]", "](", "[a](", "[](a", "[a](https://a.fr/", "[a](<",
	    "[a](b \"", "<https://", "https://a.fr/)", "(", "\\", "> ", "- ",
	    "- a\n", "\n- a\n", "1. ", "#", "# ", " ", "```\n", "> a\n\n",
	    "h", "a\n", "*a\n", "  - a\n", "a_*", "😀*"]) {
		const text = piece.repeat(size / piece.length);
		assertHarmless(text);
	}
});

test("nesting has a ceiling", () => {
	const depth = (node) =>
	    1 + Math.max(0, ...node.childNodes.map(depth));
	const steps = Array.from({ length: 200 }, (_, n) =>
	    "  ".repeat(n) + "- a\n");
	for (const text of [steps.join(""), "> ".repeat(200) + "a",
	    "- ".repeat(200) + "a", "1. > ".repeat(200) + "a",
	    "*a **b ".repeat(200) + "c** d*".repeat(200)]) {
		assertHarmless(text);
		assert.ok(depth(render(text)) > 10);
		assert.ok(depth(render(text)) < 50);
	}
});
