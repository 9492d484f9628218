/*
 * What a header promises in words, held at run time: in builds for tests and
 * with sanitizers (configure --enable-assertions). Elsewhere it is only
 * compiled, and costs nothing.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#ifdef CAUSERIE_ASSERTIONS
#define MUST_IS_CHECKED 1
#else
#define MUST_IS_CHECKED 0
#endif

#define must(condition)                                                        \
	do {                                                                   \
		if (MUST_IS_CHECKED && !(condition))                           \
			must_fail(__FILE__, __LINE__, #condition);             \
	} while (0)

/* Say which promise was broken, on standard error, and abort. */
_Noreturn void must_fail(const char *file, int line, const char *condition);

#endif
