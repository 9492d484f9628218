"""What the oldest browsers that the pages work in, Chrome 90 and Safari 15.0, do
not have: taken out of this one, so that a page that calls it fails here too.
"""

import json

NEWER = [
    "structuredClone", "requestIdleCallback", "scheduler", "BroadcastChannel",
    "navigation", "Iterator", "Array.fromAsync", "Object.hasOwn",
    "Object.groupBy", "Map.groupBy", "Promise.withResolvers", "Promise.try",
    "AbortSignal.any", "AbortSignal.timeout", "AbortSignal.prototype.reason",
    "AbortSignal.prototype.throwIfAborted", "Response.json", "URL.canParse",
    "URL.parse", "Crypto.prototype.randomUUID", "Intl.Segmenter",
    "ReadableStream.from", "ReadableStream.prototype.values",
    "Document.parseHTML", "Document.parseHTMLUnsafe",
    "Document.prototype.startViewTransition",
    "Document.prototype.adoptedStyleSheets",
    "ShadowRoot.prototype.adoptedStyleSheets",
    "CSSStyleSheet.prototype.replace", "CSSStyleSheet.prototype.replaceSync",
    "Element.prototype.setHTML", "Element.prototype.setHTMLUnsafe",
    "Element.prototype.checkVisibility", "Element.prototype.moveBefore",
    "HTMLElement.prototype.inert", "HTMLElement.prototype.popover",
    "HTMLElement.prototype.showPopover",
    "HTMLFormElement.prototype.requestSubmit", "Uint8Array.fromBase64",
    *(f"{kind}.prototype.{name}" for kind in ("Array", "Uint8Array")
      for name in ("at", "findLast", "findLastIndex", "toReversed", "toSorted",
                   "toSpliced", "with")),
    *(f"String.prototype.{name}"
      for name in ("at", "isWellFormed", "toWellFormed")),
    *(f"Set.prototype.{name}"
      for name in ("union", "intersection", "difference", "isSubsetOf")),
]

# Safari has it since 15.4.
DIALOG = ["HTMLDialogElement.prototype.show",
          "HTMLDialogElement.prototype.showModal",
          "HTMLDialogElement.prototype.close",
          "HTMLDialogElement.prototype.open"]


def without(names=()):
    """A script that takes all of it away, and what is named besides."""
    return """
for (const path of %s) {
    const parts = path.split(".");
    const name = parts.pop();
    let of = window;
    for (const part of parts)
        of = of?.[part];
    if (of != null)
        delete of[name];
}
delete ReadableStream.prototype[Symbol.asyncIterator];
""" % json.dumps(NEWER + list(names))
