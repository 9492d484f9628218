/*
 * The sums of the cells as text: Prometheus's exposition format, version 0.0.4.
 */
#ifndef LOG_METRICS_TEXT_H
#define LOG_METRICS_TEXT_H

#include "base/buf.h"
#include "log/metrics.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_TEXT_MAX (512 * 1024)	/* bytes, were every row written */

/* The values of labels that are known above; free of '"', '\' and line ends. */
struct metrics_names {
	const char	*route[METRICS_ROUTES];		/* unused ones: NULL */
	const char	*method[METRICS_METHODS];
};

/*
 * All metrics, with help and type. Of those with a route only the rows that
 * have counted something are written, of the others all.
 */
void metrics_text(struct buf *, const struct metrics_sum *,
    const struct metrics_names *);

#endif
