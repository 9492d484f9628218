/* The table knows each setting's place and kind; so none can be forgotten. */
#include "conf/conf_hash.h"

#include <string.h>
#include <sys/stat.h>

#include "base/siphash.h"
#include "conf/conf_kind.h"
#include "conf/conf_table.h"

/* No key: the hash only goes to processes of the same user. */
static const struct siphash_key key = { { 0, 0 } };

static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
	uint64_t both[2] = { hash, siphash(&key, data, len) };

	return siphash(&key, both, sizeof(both));
}

static uint64_t
mix_file(uint64_t hash, const char *path)
{
	struct stat st;
	uint64_t state[4];

	if (stat(path, &st) == -1)
		return hash;
	state[0] = st.st_ino;
	state[1] = (uint64_t)st.st_size;
	state[2] = (uint64_t)st.st_mtim.tv_sec;
	state[3] = (uint64_t)st.st_mtim.tv_nsec;
	return mix(hash, state, sizeof(state));
}

static uint64_t
mix_text(uint64_t hash, const char *text, unsigned flags)
{
	if (text == NULL)
		return mix(hash, "", 0);
	hash = mix(hash, text, strlen(text) + 1);
	return flags & CONF_NAMES_FILE ? mix_file(hash, text) : hash;
}

static bool
is_place(const struct conf_setting *st)
{
	return strcmp(st->key, "listen") == 0 ||
	       strcmp(st->key, "owner_dir") == 0;
}

uint64_t
conf_hash(const struct conf *cf)
{
	const struct conf_setting *st = conf_settings;
	const struct conf_kind_rule *kind;
	const void *member;
	uint64_t hash = 0;

	for (size_t i = 0; i < conf_settings_count; i++, st++) {
		member = (const char *)cf + st->offset;
		kind = &conf_kinds[st->kind];
		if (is_place(st))
			continue;
		if (kind->number == NULL)
			hash = mix_text(
			    hash, *(char *const *)member, kind->flags);
		else
			hash = mix(hash, member, kind->size);
	}
	return hash;
}
