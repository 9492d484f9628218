/*
 * web/markdown.js: what it makes of an answer, written as HTML by a DOM of a
 * few lines, that hostile text makes nothing else and costs no more than its
 * length, and that a growing answer costs little more than what is new.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./modules.mjs";

const { parseMarkdown, show } = await load("markdown.js");

let made = 0;			/* nodes, by anybody */

class Node {
	constructor(name, text = null) {
		made++;
		Object.assign(this, { name, text, childNodes: [] });
		this.attributes = {};
		this.ownerDocument = document;
	}
	get lastChild() {
		return this.childNodes[this.childNodes.length - 1];
	}
	get nextSibling() {
		const { childNodes } = this.parent;
		return childNodes[childNodes.indexOf(this) + 1] ?? null;
	}
	get data() {
		return this.text;
	}
	set data(text) {
		this.text = text;
	}
	replaceWith(node) {
		const { childNodes } = this.parent;
		childNodes[childNodes.indexOf(this)] = node;
		node.parent = this.parent;
	}
	replaceChildren() {
		this.childNodes.length = 0;
	}
	append(child) {
		child.parent = this;
		this.childNodes.push(child);
	}
	remove() {
		const { childNodes } = this.parent;
		childNodes.splice(childNodes.lastIndexOf(this), 1);
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
		const { href, start, class: kind } = this.attributes;
		const attributes = [href, start, kind].map(
		    (value) => value ? ` ${value}` : "").join("");
		return /^[bh]r$/.test(this.name) ? `<${this.name}>` :
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
		["   trois", "<p>trois</p>"],
		["un<br>deux<br/>trois<BR />quatre",
		    "<p>un<br>deux<br>trois<br>quatre</p>"],
		["un <brun>", "<p>un &lt;brun></p>"],
		["---", "<hr>"],
		["un\n\n* * *\ndeux", "<p>un</p><hr><p>deux</p>"],
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
		["le mot **« promo »**est",
		    "<p>le mot <strong>« promo »</strong>est</p>"],
		["mot**« promo »**", "<p>mot<strong>« promo »</strong></p>"],
		["**Attention :**lisez",
		    "<p><strong>Attention :</strong>lisez</p>"],
		["**15 €**de plus", "<p><strong>15 €</strong>de plus</p>"],
		["**(15 %)**de plus", "<p><strong>(15 %)</strong>de plus</p>"],
		["これは**「重要」**です。",
		    "<p>これは<strong>「重要」</strong>です。</p>"],
		["**重要：**説明", "<p><strong>重要：</strong>説明</p>"],
		["中文**“强调”**中文", "<p>中文<strong>“强调”</strong>中文</p>"],
		["**l'été**, *« oui »*.",
		    "<p><strong>l'été</strong>, <em>« oui »</em>.</p>"],
		["a*\"b\"*", "<p>a*\"b\"*</p>"],
		["~~non~~ oui", "<p><del>non</del> oui</p>"],
		["~5 à ~10, ~~~", "<p>~5 à ~10, ~~~</p>"],
		["**~~a~~**", "<p><strong><del>a</del></strong></p>"],
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
	tables: [
		["| a | b |\n|---|:-:|\n| **c** | d |",
		    "<div table><table><thead><tr><th>a</th><th center>b</th>" +
		    "</tr></thead><tbody><tr><td><strong>c</strong></td>" +
		    "<td center>d</td></tr></tbody></table></div>"],
		["a | b\n-: | --\n`x \\| y` | z\n\nfin",
		    "<div table><table><thead><tr><th right>a</th><th>b</th>" +
		    "</tr></thead><tbody><tr><td right><code>x | y</code></td>" +
		    "<td>z</td></tr></tbody></table></div><p>fin</p>"],
		["Voici :\n| a |\n|---|\n| b<br>c | d |\n> e",
		    "<p>Voici :</p><div table><table><thead><tr><th>a</th></tr>" +
		    "</thead><tbody><tr><td>b<br>c</td></tr></tbody></table>" +
		    "</div><blockquote><p>e</p></blockquote>"],
		["| a | b |\n|---|---|\n| c |",
		    "<div table><table><thead><tr><th>a</th><th>b</th></tr>" +
		    "</thead><tbody><tr><td>c</td><td></td></tr></tbody>" +
		    "</table></div>"],
		["- | a |\n  |---|",
		    "<ul><li><div table><table><thead><tr><th>a</th></tr>" +
		    "</thead></table></div></li></ul>"],
		["| a | b |\n|---|", "<p>| a | b |<br>|---|</p>"],
		["| a |\n| b |", "<p>| a |<br>| b |</p>"],
	],
	tasks: [
		["- [ ] a\n- [x] b\n- [X] c\n- [y] d",
		    "<ul><li task>☐ a</li><li task>☑ b</li>" +
		    "<li task>☑ c</li><li>[y] d</li></ul>"],
		["1. [ ] **a**\n\n   b", "<ol><li task><p>☐ <strong>a</strong>" +
		    "</p><p>b</p></li></ol>"],
		["[ ] a", "<p>[ ] a</p>"],
	],
	entities: [
		["&amp; &lt;b&gt; &eacute;&nbsp;&laquo; &#233; &#xE9; &hellip;",
		    "<p>&amp; &lt;b> é\u00a0« é é …</p>"],
		["&rien; &; &#0; &#xd800; & AT&T", "<p>&amp;rien; &amp;; \ufffd " +
		    "\ufffd &amp; AT&amp;T</p>"],
		["`&amp;`", "<p><code>&amp;amp;</code></p>"],
		["&#42;a&#42; \\&amp;", "<p>*a* &amp;amp;</p>"],
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
		["1. a\n  - b\n    - c\n2. d",
		    "<ol><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li>" +
		    "<li>d</li></ol>"],
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
		["# Titre", "<h2>Titre</h2>"],
		["### *a* ##\nb", "<h4><em>a</em></h4><p>b</p>"],
		["###### a", "<h6>a</h6>"],
		["Titre\n===\nTexte", "<h2>Titre</h2><p>Texte</p>"],
		["Titre\n---", "<h3>Titre</h3>"],
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
		["![a *b*](https://a.fr/i.png)",
		    "<p><a https://a.fr/i.png>a <em>b</em></a></p>"],
		["[![a](https://a.fr/i.png)](https://b.fr)",
		    "<p><a https://b.fr/>a</a></p>"],
		["![a](data:image/png;base64,AA)",
		    "<p>![a](data:image/png;base64,AA)</p>"],
		["[a][1], [2]\n\n[1]: https://a.fr \"t\"\n[2]: <https://b.fr>",
		    "<p><a https://a.fr/>a</a>, <a https://b.fr/>2</a></p>"],
		["[a][1]\n\n[1]: javascript:a", "<p>[a][1]</p>"],
		["www.a.fr/b, WWW.a.fr.", "<p><a http://www.a.fr/b>www.a.fr/b</a>" +
		    ", <a http://www.a.fr/>WWW.a.fr</a>.</p>"],
		["awww.a.fr www.", "<p>awww.a.fr www.</p>"],
		["Écrivez à jean.du-pont@a-b.fr.", "<p>Écrivez à " +
		    "<a mailto:jean.du-pont@a-b.fr>jean.du-pont@a-b.fr</a>.</p>"],
		["<a@b.fr> [c](mailto:a@b.fr)", "<p><a mailto:a@b.fr>a@b.fr</a> " +
		    "<a mailto:a@b.fr>c</a></p>"],
		["a@b @c.fr a@b.fr_", "<p>a@b @c.fr a@b.fr_</p>"],
		["« https://a.fr »", "<p>« <a https://a.fr/>https://a.fr</a> »</p>"],
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
	],
};

for (const [subject, cases] of Object.entries(CASES))
	test(subject, () => {
		for (const [text, expected] of cases)
			assert.equal(html(text), expected, text);
	});

const ALLOWED = new Set(["#text", "p", "br", "strong", "em", "code", "pre",
    "ul", "ol", "li", "blockquote", "a", "div", "del", "hr", "h2", "h3", "h4",
    "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"]);

function assertHarmless(text) {
	for (const node of render(text).all()) {
		assert.ok(ALLOWED.has(node.name), node.name);
		const names = Object.keys(node.attributes).sort().join();
		if (node.name === "a") {
			assert.equal(names, "href,rel,target");
			const { protocol, username, password } =
			    new URL(node.attributes.href);
			assert.match(protocol, /^(?:https?|mailto):$/);
			assert.equal(username + password, "");
			assert.equal(node.attributes.target, "_blank");
			assert.equal(node.attributes.rel,
			    "noopener noreferrer nofollow");
		} else {
			assert.match(names, /^(?:|start|class|tabindex|class,tabindex)$/);
		}
	}
}

const REFUSED = [
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
	" javascript:alert(1)", "data:text/html,<b>", "vbscript:a", "file:///",
	"//a.fr", "/session/new", "mailto:", "https:a.fr", "http:/\\a",
	"https://banque.fr@a.fr", "https://u:p@a.fr", "https://", "http://[",
	"mailto:javascript:a", "java&Tab;script:a", "java\nscript:a",
	"&#x6A;avascript:a", "jAvAsCrIpT&colon;a", "\u0000javascript:a",
	"\\javascript:alert(1)", "&#106;avascript:alert(1)", "blob:a",
];

test("only whole addresses of http, https and mail become links", () => {
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
	    "https://a.fr", "javascript:", "<img onerror=a>", "mot", "é", "😀",
	    "|", "|-|", "-", "=", "~", "~~", "\t", "&amp;", "&#", "[a]: ", "www.",
	    "a@b.fr", "[x] ", "\r", "<br>"];
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

test("a growing answer keeps what did not change", () => {
	const into = new Node("div");
	show(into, "un\n\n- deux\n- trois **qu");
	const [first, list] = into.childNodes;
	const [item] = list.childNodes;
	show(into, "un\n\n- deux\n- trois **quatre** et\n\ncinq");
	assert.equal(into.childNodes[0], first);
	assert.equal(into.childNodes[1], list);
	assert.equal(list.childNodes[0], item);
	assert.equal(into.childNodes.length, 3);
});

test("what a link leads to may come at the end", () => {
	const into = new Node("div");
	const text = "[un]\n\ndeux\n\n[un]: https://a.fr\n\ntrois";
	for (let end = 0; end <= text.length; end++)
		show(into, text.slice(0, end));
	assert.equal(into.childNodes[0].html,
	    "<p><a https://a.fr/>un</a></p>");
	assert.equal(into.childNodes.length, 3);
});

/* An answer of 2,000 words, as models write them. */
function longAnswer() {
	const words = (n) => Array.from({ length: n }, (none, i) =>
	    i % 9 === 4 ? "**gras**" : "mot" + i).join(" ");
	const row = `| ${words(3)} | ${words(4)} | [lien](https://a.fr) |\n`;
	const part = `## Titre\n\n${words(60)}\n\n| a | b | c |\n|---|---|---|\n` +
	    `${row.repeat(12)}\n- ${words(9)}\n- ${words(9)}\n  - ${words(9)}\n\n`;
	return part.repeat(10);
}

test("a growing answer costs little more than what is new", () => {
	const text = longAnswer();
	const whole = [...render(text).all()].length;
	const pieces = text.match(/\s*\S+/g);
	assert.ok(pieces.length > 2000);

	const into = new Node("div");
	const read = [];
	const { matchAll } = String.prototype;
	String.prototype.matchAll = function (pattern) {
		read.push(this.length);
		return matchAll.call(this, pattern);
	};
	made = 0;
	let shown = "";
	for (const piece of pieces)
		show(into, shown += piece);
	String.prototype.matchAll = matchAll;

	assert.equal(into.html, render(text).html);
	const lengths = read.reduce((sum, length) => sum + length, 0);
	assert.ok(made < 4 * whole, `${made} nodes for ${whole}`);
	assert.ok(lengths < text.length * 450, `${lengths} characters`);
});

/* The processor's time that a text takes, in ms. */
function cost(text) {
	const begun = process.cpuUsage();
	parseMarkdown(text);
	const { user, system } = process.cpuUsage(begun);
	return (user + system) / 1000;
}

/* Eight times the text may cost 32 times as much; a square would be 64. */
function assertLinear(shape, label) {
	const texts = [16, 128].map((kib) => shape(kib * 1024));
	const least = [Infinity, Infinity];
	for (let tries = 0; tries < 30; tries++) {
		texts.forEach((text, i) => {
			least[i] = Math.min(least[i], cost(text));
		});
		if (tries > 1 && least[1] < 32 * Math.max(least[0], 2))
			return;
	}
	assert.fail(`${label}: ${least.join(" and ")} ms`);
}

const REPEATED = ["*", "*a ", "*a**b_", "**a *b ", "_a", "`", "`a``", "~", "~~a",
    "~a~~", "[", "[]", "](", "[a](", "[](a", "[a](https://a.fr/", "[a](<",
    "[a](b \"", "[a](b '", "![", "![a](", "![a](https://a.fr)", "[a]", "[a][b]",
    "<https://", "<a@", "<a@b.fr>", "<br", "<br>", "https://a.fr/)", "https://",
    "https://a.fr;", "https://a.fr&b;", "www.", "www.a", "a@", "a@b.", "a@b.c-",
    "a.", "@", "(", "\\", "\\\n", "> ", ">", "- ", "* ", "+ ", "- a\n", "\n- a\n",
    "1. ", "1. a\n", "1) a\n  - b\n", "#", "# ", "# a #", " ", " \n", "\t", "\n",
    "```\n", "```", "~~~\n", "> a\n\n", "> ```\n", "h", "w", "a\n", "*a\n",
    "  - a\n", "    a\n", "a_*", "😀*", "|", "|a", "a|b\n", "|-", "-|-\n", "a|b\n-|-\n",
    "|a|\n|-|\n|b\n", "a\n=\n", "=", "-", "_ ", "---\n", "&", "&a", "&amp;",
    "&#1;", "[a]: b\n", "[a]: b \"\n", "[a]: b '\n\n", "[a]:\n", "[a]: <b",
    "- [ ] a\n", "[x] ", "a  \n", "« **a**»b", "**「a」**b", "\r", "\r\n"];

const N = (size, text) => text.repeat(Math.ceil(size / text.length));
const SHAPES = {
	"a heading of blanks": (n) => `# ${N(n, " ")}a`,
	"a heading of blanks and signs": (n) => `# a${N(n, " #")}a`,
	"a heading's closing signs": (n) => `# a ${N(n, "#")}`,
	"a line of blanks in a paragraph": (n) => `a${N(n, " ")}\nb`,
	"blanks in a deep list": (n) => `${N(24, "- ")}${N(n, " ")}a`,
	"deep lists and long lines": (n) => `${N(20, "> ")}a\n`.repeat(n / 24),
	"a table with many columns": (n) =>
	    `${N(n / 3, "|a")}\n${N(n / 3, "|-")}\n${N(n / 3, "|\n")}`,
	"a table with many short rows": (n) =>
	    `${N(n / 2, "|a")}\n${N(n / 2, "|-")}\n${N(n, "b\n")}`,
	"a table's head that fits none": (n) => `${N(n / 2, "|a")}\n|-|\n`,
	"almost a rule": (n) => `${N(n, "* ")}a`,
	"almost an underline": (n) => `a\n${N(n, "-")} a`,
	"almost a table": (n) => `a|b\n-|-${N(n, " ")}a`,
	"backticks of all lengths": (n) => Array.from(
	    { length: Math.sqrt(2 * n) }, (none, i) => "`".repeat(i)).join(" "),
	"backticks of all lengths twice": (n) => [1, 2].map(() => Array.from(
	    { length: Math.sqrt(n) }, (none, i) => "`".repeat(i)).join(" "))
	    .join(" "),
	"openers before closers": (n) => `${N(n / 2, "*a _b ")}${N(n / 2, "c_ d* ")}`,
	"openers of one kind, closers of another": (n) =>
	    `${N(n / 2, "**a ")}${N(n / 2, "b_ c~~ ")}`,
	"brackets before definitions": (n) => `${N(n, "[a")}${N(n / 2, "]")}\n\n[b]: c`,
	"images before links": (n) =>
	    `${N(n / 2, "![")}${N(n / 2, "[a](https://a.fr)")}\n\n[b]: c`,
	"many definitions": (n) => Array.from({ length: n / 16 }, (none, i) =>
	    `[a${i}]: b\n`).join("") + N(n / 2, "[a1]"),
	"a label of blanks": (n) => `[${N(n, " ")}a]: b`,
	"an address of parentheses": (n) => `[a](${N(n, "(")}`,
	"an address that never ends": (n) => N(n, "[a](b").slice(0, 4) + N(n, "c"),
	"a title that never ends": (n) => `[a](b "${N(n, "c")}`,
	"a host that never ends": (n) => `a@${N(n, "b.c")}_`,
	"a host of dashes": (n) => `a@b.${N(n, "-")}_`,
	"parentheses behind an address": (n) => `https://a.fr/${N(n, ")")}`,
	"points behind an address": (n) => `https://a.fr/${N(n, ".")}`,
	"entities behind an address": (n) => `https://a.fr/${N(n, "&a;")}`,
	"tabs": (n) => `${N(n, "\t")}a\n- ${N(n, "\t")}b`,
	"a fence's lines": (n) => `\`\`\`\n${N(n, "``  \n")}`,
	"indented blank lines": (n) => `    a\n${N(n, "     \n")}`,
};
for (const piece of REPEATED)
	SHAPES[JSON.stringify(piece)] = (n) => N(n, piece);

test("hostile text costs no more than its length", { timeout: 600000 }, () => {
	for (const [label, shape] of Object.entries(SHAPES))
		assertLinear(shape, label);
});

test("hostile text is harmless", () => {
	for (const shape of Object.values(SHAPES))
		assertHarmless(shape(2048));
});

test("a table's rows are filled up to a limit", () => {
	const wide = `${"|a".repeat(500)}\n${"|-".repeat(500)}\n`;
	const cells = [...render(wide + "b\n".repeat(500)).all()].filter(
	    (node) => node.name === "td");
	assert.ok(cells.length >= 500 && cells.length < 3000);
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
