/* The only place that asks for the time. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#define STEP_MS     500 /* between the two clocks, that is followed */
#define DAY_MS      INT64_C(86400000)
#define YEAR_0_DAYS INT64_C(719468)          /* from 0000-03-01 to 1970-01-01 */
#define WALL_MIN    INT64_C(-62167219200000) /* 0000-01-01T00:00:00 */
#define WALL_MAX    INT64_C(253402300799999) /* 9999-12-31T23:59:59.999 */

static atomic_int_fast64_t wall_offset; /* 0: not known yet */

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_wall_offset(void)
{
	int_fast64_t kept = atomic_load(&wall_offset);
	int64_t now = clock_wall_ms() - clock_mono_ms();

	if (now - kept < STEP_MS && kept - now < STEP_MS)
		return kept;
	return atomic_compare_exchange_strong(&wall_offset, &kept, now) ? now
	                                                                : kept;
}

int64_t
clock_wall_offset_at(int64_t mono_ms)
{
	static _Thread_local int64_t at = INT64_MIN, offset;

	if (at != mono_ms) {
		at = mono_ms;
		offset = clock_wall_offset();
	}
	return offset;
}

int64_t
clock_day_left_ms(int64_t wall_ms)
{
	return DAY_MS - wall_ms % DAY_MS;
}

/* A number of width digits, and what follows it. */
static char *
clock_digits(char *p, unsigned n, int width, char after)
{
	for (int i = width - 1; i >= 0; i--) {
		p[i] = (char)('0' + n % 10);
		n /= 10;
	}
	p[width] = after;
	return p + width + 1;
}

/*
 * By hand, since gmtime_r takes a lock of the C library and this stands in
 * every line of the log. Years begin in March here, so that the leap day is a
 * year's last; 146097 days are 400 years.
 */
void
clock_text(char out[CLOCK_TEXT_SIZE], int64_t wall_ms)
{
	unsigned days, era, doe, yoe, doy, m, day, month, secs;

	if (wall_ms < WALL_MIN)
		wall_ms = WALL_MIN;
	if (wall_ms > WALL_MAX)
		wall_ms = WALL_MAX;
	wall_ms += (YEAR_0_DAYS + 146097) * DAY_MS;
	days = (unsigned)(wall_ms / DAY_MS);
	secs = (unsigned)(wall_ms % DAY_MS / 1000);

	era = days / 146097;
	doe = days % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	m = (5 * doy + 2) / 153;
	day = doy - (153 * m + 2) / 5 + 1;
	month = m < 10 ? m + 3 : m - 9;

	out = clock_digits(out, era * 400 + yoe + (month <= 2) - 400, 4, '-');
	out = clock_digits(out, month, 2, '-');
	out = clock_digits(out, day, 2, 'T');
	out = clock_digits(out, secs / 3600, 2, ':');
	out = clock_digits(out, secs / 60 % 60, 2, ':');
	clock_digits(out, secs % 60, 2, '\0');
}
