/* docs/operating.md's table of metrics, from the list that the program has. */
#include "log/metrics.h"

#include <stdio.h>

#define TYPE_COUNTER   "counter"
#define TYPE_GAUGE     "gauge"
#define TYPE_HISTOGRAM "histogram"

#define VALUE(row, value) " " value
#define LABELS_NONE       ""
#define LABELS_VERSION    "`version`"
#define LABELS_ROUTE      "`route`"
#define LABELS_REQUEST    "`route`, `method`, `status`"
#define LABELS_LIMITED    "`kind`:" METRICS_LIMITED(VALUE)
#define LABELS_SUSPICIOUS "`kind`:" METRICS_SUSPICIOUS(VALUE)
#define LABELS_OUTCOME    "`outcome`:" METRICS_OUTCOMES(VALUE)
#define LABELS_DIRECTION  "`direction`:" METRICS_DIRECTIONS(VALUE)
#define LABELS_GROUNDING  "`grounding`:" METRICS_GROUNDING(VALUE)
#define LABELS_CITATION   "`kind`:" METRICS_CITATIONS(VALUE)

#define ROW(metric, type, labels, name, help) \
	"| `causerie_" name "` | " TYPE_##type " | " LABELS_##labels \
	    " | " help " |\n"

static const char table[] = "| metric | type | labels | meaning |\n"
			    "|---|---|---|---|\n" METRICS_LIST(ROW);

int
main(void)
{
	fputs(table, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
