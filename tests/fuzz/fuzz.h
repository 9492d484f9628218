/*
 * What the fuzz targets have in common. A target takes any bytes and holds
 * the code against what it promises of them; it runs under libFuzzer
 * (make fuzz), or over the files of its corpus (replay.c, make check).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target, by the names that libFuzzer has for it; both return 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A promise: when it is broken the process is aborted. */
#define HOLDS(claim)                                                           \
	((claim) ? (void)0 : fuzz_broken(#claim, __FILE__, __LINE__))
void fuzz_broken(const char *claim, const char *file, int line)
    __attribute__((noreturn));

/*
 * A copy of n bytes as a string, in memory that ends behind its NUL, so that
 * reading past it is seen; a NUL within becomes '0'. To be freed.
 */
char *fuzz_text(const void *, size_t n);

/* A copy in memory that ends with it; to be freed. */
void *fuzz_copy(const void *, size_t n);

/* Part a string at its first line end: what follows, "" without one. */
char *fuzz_line(char *);

/* The lengths in which bytes are to come, from a seed: the next, 1 to left. */
size_t fuzz_cut(uint32_t *seed, size_t left);

#endif
