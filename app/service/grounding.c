/* Where the settings meet the articles and the model. */
#include "service/grounding.h"

#include <string.h>

#include "base/buf.h"
#include "chat/grounding/cite_filter.h"
#include "chat/grounding/sources.h"

/* What the settings and the parts have each for themselves is the same. */
_Static_assert((int)CONF_CITATIONS_MARKERS == CITE_MARKERS &&
		   (int)CONF_CITATIONS_LINKS == CITE_LINKS &&
		   (int)CONF_CITATIONS_OFF == CITE_OFF,
    "enum conf_citations and enum cite_form differ");

static bool
is_grounded(const struct conf *cf)
{
	if (cf->grounding == CONF_GROUNDING_AUTO)
		return cf->articles != NULL;
	return cf->grounding != CONF_GROUNDING_OFF;
}

char *
grounding_system(const struct conf *cf, const char *system)
{
	struct buf b;

	buf_init(&b, strlen(system) + strlen(sources_rule) + 2);
	buf_adds(&b, system);
	if (is_grounded(cf)) {
		buf_adds(&b, "\n");
		buf_adds(&b, sources_rule);
	}
	if (buf_string(&b) == NULL)
		buf_free(&b);
	return b.data;
}

bool
grounding_wanted(
    struct grounded_conf *g, const struct conf *cf, const char *system)
{
	*g = (struct grounded_conf){
		.search = is_grounded(cf),
		.only = cf->grounding == CONF_GROUNDING_ONLY,
		.fallback = cf->fallback != CONF_FALLBACK_OFF,
		.log_words = cf->unanswered_log == CONF_UNANSWERED_WORDS,
		.any_links = cf->links == CONF_LINKS_ANY,
		.form = (enum cite_form)cf->citations,
		.sources = { (unsigned)cf->sources_max, cf->sources_bytes },
		.prompt_bytes = cf->prompt_bytes,
		.system_bytes = strlen(system),
	};
	return g->search || cf->fallback == CONF_FALLBACK_ON;
}
