/*
 * One walk over the list of metrics. The cells of a histogram count what fell
 * between two bounds; the text wants what fell below each.
 */
#include "log/metrics_text.h"

#include <inttypes.h>
#include <stdio.h>

#define PREFIX     "causerie_"
#define MAX_LABELS 160 /* bytes of a row's labels */
#define US         1000000

enum type {
	TYPE_COUNTER,
	TYPE_GAUGE,
	TYPE_HISTOGRAM,
};

enum labels {
	LABELS_NONE,
	LABELS_VERSION,
	LABELS_ROUTE,
	LABELS_REQUEST,
	LABELS_LIMITED,
	LABELS_SUSPICIOUS,
	LABELS_OUTCOME,
	LABELS_DIRECTION,
	LABELS_GROUNDING,
	LABELS_CITATION,
};

struct line {
	const char *name;
	const char *help;
	enum type type;
	enum labels labels;
	unsigned cell; /* the first */
	unsigned rows;
};

#define LINE(metric, type, labels, name, help) \
	{ PREFIX name, help, TYPE_##type, LABELS_##labels, metric, \
		ROWS_##labels },
static const struct line lines[] = { METRICS_LIST(LINE) };
#undef LINE

#define VALUE(row, value)    [row] = (value),
#define STATUS_VALUE(number) [STATUS_ROW_##number] = #number,
static const char *const statuses[ROWS_STATUS] = { [STATUS_ROW_OTHER] = "other",
	[STATUS_ROW_ABORTED] = "aborted",
	METRICS_STATUSES(STATUS_VALUE) };
static const char *const versions[] = { PACKAGE_VERSION };
static const char *const limited[] = { METRICS_LIMITED(VALUE) };
static const char *const suspicious[] = { METRICS_SUSPICIOUS(VALUE) };
static const char *const outcomes[] = { METRICS_OUTCOMES(VALUE) };
static const char *const directions[] = { METRICS_DIRECTIONS(VALUE) };
static const char *const groundings[] = { METRICS_GROUNDING(VALUE) };
static const char *const citations[] = { METRICS_CITATIONS(VALUE) };
#undef VALUE
#undef STATUS_VALUE

static const struct {
	const char *name;
	const char *const *values;
} one_label[] = {
	[LABELS_VERSION] = { "version", versions },
	[LABELS_LIMITED] = { "kind", limited },
	[LABELS_SUSPICIOUS] = { "kind", suspicious },
	[LABELS_OUTCOME] = { "outcome", outcomes },
	[LABELS_DIRECTION] = { "direction", directions },
	[LABELS_GROUNDING] = { "grounding", groundings },
	[LABELS_CITATION] = { "kind", citations },
};

/* A row's labels without braces. */
static void
labels_write(char out[MAX_LABELS], enum labels labels, unsigned row,
    const struct metrics_names *names)
{
	unsigned status = row % ROWS_STATUS;
	unsigned method = row / ROWS_STATUS % METRICS_METHODS;

	switch (labels) {
	case LABELS_NONE:
		out[0] = '\0';
		break;
	case LABELS_ROUTE:
		snprintf(out, MAX_LABELS, "route=\"%s\"", names->route[row]);
		break;
	case LABELS_REQUEST:
		row /= ROWS_STATUS * METRICS_METHODS;
		snprintf(out, MAX_LABELS,
		    "route=\"%s\",method=\"%s\",status=\"%s\"",
		    names->route[row], names->method[method], statuses[status]);
		break;
	default:
		snprintf(out, MAX_LABELS, "%s=\"%s\"", one_label[labels].name,
		    one_label[labels].values[row]);
	}
}

/* Name and labels; suffix and le may be "". */
static void
write_series(struct buf *b, const char *name, const char *suffix,
    const char *labels, const char *le)
{
	buf_adds(b, name);
	buf_adds(b, suffix);
	if (*labels != '\0' || *le != '\0')
		buf_addf(b, "{%s%s%s}", labels,
		    *labels != '\0' && *le != '\0' ? "," : "", le);
	buf_addc(b, ' ');
}

static void
write_count(struct buf *b, uint64_t n)
{
	buf_addn(b, (int64_t)n);
	buf_addc(b, '\n');
}

static void
write_histogram(struct buf *b, const struct line *line, const char *labels,
    const uint64_t *cell)
{
	char le[32];
	uint64_t n = 0, sum = cell[CELLS_HISTOGRAM - 1];
	unsigned i;

	for (i = 0; i < METRICS_BOUNDS; i++) {
		n += cell[i];
		snprintf(le, sizeof(le), "le=\"%g\"",
		    (double)metrics_bounds[i] / US);
		write_series(b, line->name, "_bucket", labels, le);
		write_count(b, n);
	}
	n += cell[METRICS_BOUNDS];
	write_series(b, line->name, "_bucket", labels, "le=\"+Inf\"");
	write_count(b, n);
	write_series(b, line->name, "_sum", labels, "");
	buf_addf(b, "%" PRIu64 ".%06" PRIu64 "\n", sum / US, sum % US);
	write_series(b, line->name, "_count", labels, "");
	write_count(b, n);
}

static bool
counted(const uint64_t *cell, unsigned n)
{
	while (n > 0) {
		if (cell[--n] != 0)
			return true;
	}
	return false;
}

static void
write_rows(struct buf *b, const struct line *line, const uint64_t *cell,
    const struct metrics_names *names)
{
	bool all = line->labels != LABELS_ROUTE &&
	           line->labels != LABELS_REQUEST;
	unsigned width = line->type == TYPE_HISTOGRAM ? CELLS_HISTOGRAM : 1;
	char labels[MAX_LABELS];
	unsigned row;

	for (row = 0; row < line->rows; row++, cell += width) {
		if (!all && !counted(cell, width))
			continue;
		labels_write(labels, line->labels, row, names);
		if (line->type == TYPE_HISTOGRAM) {
			write_histogram(b, line, labels, cell);
		} else {
			write_series(b, line->name, "", labels, "");
			write_count(b, *cell);
		}
	}
}

void
metrics_text(struct buf *b, const struct metrics_sum *sum,
    const struct metrics_names *names)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct line *line;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		line = &lines[i];
		buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", line->name,
		    line->help, line->name, types[line->type]);
		write_rows(b, line, sum->cell + line->cell, names);
	}
}
