/* Quantiles are of all samples, so that no rare wait is lost. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "base/clock.h"

void
fail(const char *what)
{
	perror(what);
	exit(1);
}

bool
number_read(long *out, const char *text, long min, long max)
{
	char *end;

	*out = strtol(text, &end, 10);
	return end != text && *end == '\0' && *out >= min && *out <= max;
}

void
samples_add(struct samples *s, int64_t us)
{
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 4096 : s->cap * 2;
		s->us = reallocarray(s->us, s->cap, sizeof(*s->us));
		if (s->us == NULL)
			fail("samples");
	}
	s->us[s->n++] = us > 0 ? (uint32_t)us : 0;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
samples_print(struct samples *s, const char *name)
{
	long p50 = -1, p99 = -1, max = -1;

	if (s->n > 0) {
		qsort(s->us, s->n, sizeof(*s->us), compare);
		p50 = s->us[s->n / 2];
		p99 = s->us[s->n * 99 / 100];
		max = s->us[s->n - 1];
	}
	printf(" %s_p50_us=%ld %s_p99_us=%ld %s_max_us=%ld", name, p50, name,
	    p99, name, max);
}

void
samples_free(struct samples *s)
{
	free(s->us);
	*s = (struct samples){ NULL, 0, 0 };
}

void
pace_open(struct pace *p, long rate)
{
	p->rate = rate;
	p->start = clock_mono_us();
	p->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->fd == -1)
		fail("timerfd_create");
}

int64_t
pace_due(const struct pace *p, long i, int64_t now)
{
	return p->rate == 0 ? now : p->start + i * 1000000 / p->rate;
}

void
pace_arm(const struct pace *p, long i)
{
	int64_t due = pace_due(p, i, p->start);
	struct itimerspec when = { .it_value = {
				       due / 1000000, due % 1000000 * 1000 } };

	if (timerfd_settime(p->fd, TFD_TIMER_ABSTIME, &when, NULL) == -1)
		fail("timerfd_settime");
}
