/* The same bytes give the same JSON, wherever they are read. */
#include "routes/cited_json.h"

#include "base/json.h"
#include "session/cited.h"

static void
add_source(struct buf *b, const struct cited_source *s)
{
	json_open(b, NULL);
	json_add_integer(b, "n", s->n);
	json_add_text(b, "title", s->title, s->title_len);
	if (s->url_len > 0)
		json_add_text(b, "url", s->url, s->url_len);
	if (s->date_len > 0)
		json_add_text(b, "date", s->date, s->date_len);
	json_close(b);
}

void
cited_json_add_sources(struct buf *b, const char *cited, size_t n)
{
	struct cited_source s;
	size_t pos = 0;

	json_open_array(b, "sources");
	while (cited_next(cited, n, &pos, &s))
		add_source(b, &s);
	json_close_array(b);
}

void
cited_json_add(struct buf *b, const char *cited, size_t n)
{
	const char *grounding = cited_grounding_name(cited_grounding(cited, n));
	const char *by = cited_by_name(cited_by(cited, n));

	if (cited_grounding(cited, n) == GROUNDING_CITED)
		cited_json_add_sources(b, cited, n);
	if (grounding != NULL)
		json_add_string(b, "grounding", grounding);
	if (by != NULL)
		json_add_string(b, "answered_by", by);
}
