/*
 * Time. Everything that measures uses monotonic milliseconds, read once where
 * an operation enters and passed on as a value; the wall clock is only for
 * showing a time to people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 20	/* "2025-11-08T14:30:00" and its NUL */

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_mono_ms(void);

/* Microseconds of CLOCK_MONOTONIC, for durations in the log. */
int64_t clock_mono_us(void);

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_ms(void);

/*
 * What to add to monotonic milliseconds to show them to people. The same each
 * time, so that what was shown once stays, until the wall clock has been set
 * or has gone another half second apart.
 */
int64_t clock_wall_offset(void);

/*
 * Likewise, at a moment that the caller has read: a thread that asks for one
 * and the same again reads no clock.
 */
int64_t clock_wall_offset_at(int64_t mono_ms);

/* Milliseconds from a wall time >= 0 to the next midnight in UTC, not 0. */
int64_t clock_day_left_ms(int64_t wall_ms);

/*
 * Write a wall time as "2025-11-08T14:30:00", in UTC, without fraction
 * (ISO 8601 without zone, as the service's interface fixes it).
 */
void clock_text(char out[CLOCK_TEXT_SIZE], int64_t wall_ms);

#endif
