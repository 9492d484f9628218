/* Reading, timing and printing for the programs of bench/search. */
#include "search_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double *times;
static size_t count;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

char *
bench_read(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t cap = 1 << 20, len = 0, n;
	char *text = malloc(cap);

	if (file == NULL || text == NULL)
		fail(path);
	while ((n = fread(text + len, 1, cap - len - 1, file)) > 0) {
		len += n;
		if (len + 1 == cap && (text = realloc(text, cap *= 2)) == NULL)
			fail(path);
	}
	fclose(file);
	text[len] = '\0';
	return text;
}

static const char *
next_field(char **at, char end)
{
	char *field = *at, *stop = strchr(field, end);

	if (stop == NULL)
		exit(1);
	*stop = '\0';
	*at = stop + 1;
	return field;
}

int
bench_next_article(char **at, struct bench_article *a)
{
	if (**at == '\0')
		return 0;
	a->title = next_field(at, 0x1f);
	a->url = next_field(at, 0x1f);
	a->date = next_field(at, 0x1f);
	a->text = next_field(at, 0x1e);
	return 1;
}

double
bench_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
fastest(const struct bench_question *q, int rounds, bench_ask_f *ask, void *arg)
{
	double best = 1e18, begun, took;

	for (; rounds > 0; rounds--) {
		begun = bench_cpu_us();
		ask(arg, q, rounds == 1);
		took = bench_cpu_us() - begun;
		if (took < best)
			best = took;
	}
	return best;
}

void
bench_ask_all(const char *path, int rounds, bench_ask_f *ask, void *arg)
{
	struct bench_question q;
	char *text = bench_read(path), *line, *rest = text;

	times = malloc((strlen(text) + 1) * sizeof(*times));
	if (times == NULL)
		fail(path);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		q.before = strsep(&line, "\t");
		q.text = line;
		times[count++] = fastest(&q, rounds, ask, arg);
	}
	free(text);
}

void
bench_show_begin(int relevant)
{
	printf("%d", relevant);
}

void
bench_show(const char *url)
{
	printf("\t%s", url);
}

void
bench_show_end(void)
{
	putchar('\n');
}

static int
compare(const void *one, const void *other)
{
	const double *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

/* count > 0 */
static double
percentile(double share)
{
	size_t at = (size_t)(share * (double)count);

	return times[at < count ? at : count - 1];
}

void
bench_report(double build_us, double memory, double passages)
{
	qsort(times, count, sizeof(*times), compare);
	printf("#\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\n", build_us, memory,
	    passages, percentile(0.5), percentile(0.99), percentile(1));
	free(times);
}
