/*
 * What the programs of bench/search have in common: each reads a file of
 * articles and a file of questions, asks each question so many times, and
 * prints what it found: for each question a line with 1 or 0 (relevant, as far
 * as it knows) and the URLs of the best ten, tabs between them; at the end a
 * line "#" with what it took. Plain C and C++.
 */
#ifndef BENCH_SEARCH_BENCH_H
#define BENCH_SEARCH_BENCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_BEST 10 /* articles of an answer */

/* A line of the questions: the one before it, a tab, the question. */
struct bench_question {
	const char *before;	/* "" for none */
	const char *text;
};

/* Fields are ended by US, 0x1f; records by RS, 0x1e. */
struct bench_article {
	const char *title, *url, *date, *text;
};

/* The next of a file that was read whole; 0 at the end. *at is moved. */
int bench_next_article(char **at, struct bench_article *);

/* A file as a string; ends the process when it cannot be read. */
char *bench_read(const char *path);

/* CPU of this thread in microseconds. */
double bench_cpu_us(void);

/*
 * Ask all questions of a file, each so many rounds of which the fastest counts.
 * ask answers one, and shows it with bench_show when show is true: in the last
 * round.
 */
typedef void bench_ask_f(void *arg, const struct bench_question *, int show);
void bench_ask_all(const char *path, int rounds, bench_ask_f *, void *arg);

void bench_show_begin(int relevant);
void bench_show(const char *url);
void bench_show_end(void);

/* The last line: what building took, and how large it is. */
void bench_report(double build_us, double memory, double passages);

#ifdef __cplusplus
}
#endif

#endif
