/*
 * A configuration: lines of a file; lines that begin with CAUSERIE_ are the
 * environment's, those that begin with -s arguments. What is accepted can be
 * written, by another way in, and is accepted as the same; what is not is told
 * in one line.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "log/log.h"

#define MAX_INPUT 16384
#define MAX_GIVEN 16 /* arguments, variables */

/* Where the settings come from. */
struct sources {
	char *text;
	struct buf file;
	char path[32]; /* of the file */
	char *argv[4 + MAX_GIVEN];
	int argc;
	char *envp[MAX_GIVEN + 1];
	size_t variables;
};

static int file_fd;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_FATAL);
	file_fd = memfd_create("conf", MFD_CLOEXEC);
	HOLDS(file_fd != -1);
	return 0;
}

static void
sort_line(struct sources *s, char *line, size_t n, bool last)
{
	if (strncmp(line, "CAUSERIE_", 9) == 0 && s->variables < MAX_GIVEN) {
		line[n] = '\0';
		s->envp[s->variables++] = line;
	} else if (strncmp(line, "-s", 2) == 0 && s->argc < 3 + MAX_GIVEN) {
		line[n] = '\0';
		s->argv[s->argc++] = line;
	} else {
		buf_add(&s->file, line, n);
		if (!last)
			buf_addc(&s->file, '\n');
	}
}

static void
sources_open(struct sources *s, const uint8_t *data, size_t n)
{
	static char name[] = "causerie", option[] = "-f";
	char *line;
	size_t len;

	*s = (struct sources){ .argv = { name, option }, .argc = 3 };
	buf_init(&s->file, MAX_INPUT);
	snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", file_fd);
	s->argv[2] = s->path;
	s->text = malloc(n + 1);
	HOLDS(s->text != NULL);
	if (n > 0)
		memcpy(s->text, data, n);
	s->text[n] = '\0';
	for (line = s->text; line <= s->text + n; line += len + 1) {
		for (len = 0; line + len < s->text + n && line[len] != '\n';)
			len++;
		sort_line(s, line, len, line + len == s->text + n);
	}
	HOLDS(!s->file.failed && ftruncate(file_fd, 0) == 0);
	HOLDS(pwrite(file_fd, s->file.len > 0 ? s->file.data : "", s->file.len,
		  0) == (ssize_t)s->file.len);
}

static void
sources_close(struct sources *s)
{
	buf_free(&s->file);
	free(s->text);
}

/* A duration as a number with so many milliseconds to its unit. */
static void
write_duration(struct buf *out, uint64_t ms, uint64_t unit)
{
	const uint64_t scale = UINT64_C(1000000000);

	buf_addf(out, "%" PRIu64 ".%09" PRIu64, ms / unit,
	    (ms % unit * scale + unit - 1) / unit);
}

/* The word that is read as the same number, of those there are. */
static void
write_word(struct buf *out, const struct conf_setting *st, int value)
{
	static const char *const words[] = { "yes", "no", "debug", "info",
		"notice", "warn", "error", "fatal", "auto", "local", "openai",
		"max_tokens", "max_completion_tokens", "logfmt", "json", "full",
		"prefix", "none", "on", "off", "only", "markers", "links",
		"sources", "any", "words" };
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (conf_kinds[st->kind].number(&n, words[i]) &&
		    n == (uint64_t)value) {
			buf_adds(out, words[i]);
			return;
		}
	}
	fuzz_broken("a word", st->key, value);
}

static void
write_number(struct buf *out, const struct conf_setting *st, const void *member)
{
	const struct conf_rate *rate = member;
	const struct conf_recency *recency = member;

	switch (st->kind) {
	case CONF_AUTO_WHOLE:
		if (*(const uint64_t *)member == CONF_AUTO) {
			buf_adds(out, "auto");
			break;
		}
		/* fall through */
	case CONF_WHOLE:
	case CONF_BYTES:
		buf_addf(out, "%" PRIu64, *(const uint64_t *)member);
		break;
	case CONF_MINUTES:
		write_duration(out, *(const uint64_t *)member, 60000);
		break;
	case CONF_SECONDS:
		write_duration(out, *(const uint64_t *)member, 1000);
		break;
	case CONF_HUNDREDTHS:
		buf_addf(out, "%.2f", *(const double *)member);
		break;
	case CONF_RECENCY:
		buf_addf(out, "%.2f/%.0f", recency->weight, recency->days);
		break;
	case CONF_RATE:
		buf_addf(
		    out, "%" PRIu32 "/%" PRIu32, rate->count, rate->seconds);
		break;
	case CONF_YESNO:
		write_word(out, st, *(const bool *)member);
		break;
	default:
		write_word(out, st, *(const int *)member);
	}
}

/* A setting as a variable of the environment. */
static void
write_setting(
    struct buf *out, const struct conf *cf, const struct conf_setting *st)
{
	const void *member = (const char *)cf + st->offset;
	const char *key = st->key, *text;

	buf_adds(out, "CAUSERIE_");
	for (; *key != '\0'; key++)
		buf_addc(out, *key >= 'a' && *key <= 'z'
				  ? (char)(*key - 'a' + 'A')
				  : *key);
	buf_addc(out, '=');
	if (conf_kinds[st->kind].number != NULL) {
		write_number(out, st, member);
	} else {
		text = *(char *const *)member;
		buf_adds(out, text == NULL ? "" : text);
	}
	buf_addc(out, '\0');
}

/* Two ways to name a key exclude each other; it has been read. */
static bool
is_left_out(const struct conf *cf, const struct conf_setting *st)
{
	return strcmp(st->key, "llm_api_key_file") == 0 &&
	       cf->llm_api_key != NULL;
}

static void
check_again(const struct conf *cf)
{
	static char name[] = "causerie";
	char *argv[] = { name, NULL }, *envp[CONF_MAX_SETTINGS + 1];
	struct buf variables, again;
	struct err err;
	struct conf other;
	size_t i, n = 0, at;

	buf_init(&variables, SIZE_MAX / 4);
	buf_init(&again, SIZE_MAX / 4);
	for (i = 0; i < conf_settings_count; i++)
		if (!is_left_out(cf, &conf_settings[i]))
			write_setting(&variables, cf, &conf_settings[i]);
	for (at = 0; at < variables.len; at += strlen(envp[n++]) + 1)
		envp[n] = variables.data + at;
	envp[n] = NULL;
	HOLDS(conf_load(&other, 1, argv, envp, &err) == CONF_RUN);
	for (i = 0; i < conf_settings_count; i++)
		if (!is_left_out(cf, &conf_settings[i]))
			write_setting(&again, &other, &conf_settings[i]);
	HOLDS(again.len == variables.len);
	HOLDS(memcmp(again.data, variables.data, again.len) == 0);
	conf_free(&other);
	buf_free(&variables);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sources s;
	enum conf_action action;
	struct conf cf;
	struct err err = { "" };

	if (n > MAX_INPUT)
		return 0;
	sources_open(&s, data, n);
	action = conf_load(&cf, s.argc, s.argv, s.envp, &err);
	if (action == CONF_INVALID)
		HOLDS(err_is_set(&err) && strchr(err.text, '\n') == NULL);
	else if (action == CONF_RUN)
		check_again(&cf);
	conf_free(&cf);
	sources_close(&s);
	return 0;
}
