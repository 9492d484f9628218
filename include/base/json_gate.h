/*
 * The gate before json-c: our own reading of RFC 8259 and RFC 7493. Of the
 * JSON code only. No allocation, and no recursion over JSON_MAX_DEPTH.
 */
#ifndef BASE_JSON_GATE_H
#define BASE_JSON_GATE_H

#include <stdbool.h>
#include <stddef.h>

/* What is in a document, on all levels together. */
struct json_counts {
	size_t	 containers;	/* objects and arrays */
	size_t	 members;	/* of objects */
	size_t	 values;
};

/*
 * Whether the bytes are one object, as json_parse wants it; but duplicate names
 * pass, they are seen in the tree only. Then *counts is set.
 */
bool json_gate(const char *, size_t, struct json_counts *);

#endif
