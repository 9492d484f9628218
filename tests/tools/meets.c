/*
 * What owners of the sessions meet with in tests. An owner's patience is
 * OWNER_PATIENCE's, in ms, e.g. "HELLO=100 HEIR=300". What becomes of a process
 * to which a frame comes says OWNER_MEETS:
 *
 *	YOURS stop	it stands still when it is to take WIRE_YOURS
 *	YOURS die	it is gone
 *	SESSION slow	it takes 20 ms for each
 *	SPENT 3 ff02	from its fourth byte on, the frame has 255 and 2
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "owner/owner_patience.h"
#include "owner/owner_wire.h"

#define SLOW_NS (20 * 1000 * 1000)

int
owner_patience(enum owner_patience what)
{
	static const struct {
		const char *name;
		int ms;
	} all[] = {
#define PATIENCE_ROW(name, ms) [name] = { #name, ms },
		PATIENCE_LIST(PATIENCE_ROW)
#undef PATIENCE_ROW
	};
	const char *set = getenv("OWNER_PATIENCE"), *at;
	const char *name = all[what].name + strlen("PATIENCE_");

	at = set != NULL ? strstr(set, name) : NULL;
	return at != NULL ? (int)strtol(at + strlen(name) + 1, NULL, 10)
	                  : all[what].ms;
}

enum wire_result __real_wire_take(const char *, size_t, struct wire_frame *);
enum wire_result __wrap_wire_take(const char *, size_t, struct wire_frame *);

static const char *
frame_name(enum wire_type type)
{
	static const char *const names[] = {
#define WIRE_NAME(type, max, fds) [type] = #type,
		WIRE_LIST(WIRE_NAME)
#undef WIRE_NAME
	};

	return names[type] + strlen("WIRE_");
}

/* Write over the frame, which lies in a buffer of this process. */
static void
frame_spoil(const struct wire_frame *frame, size_t at, const char *hex)
{
	char *data = (char *)(uintptr_t)frame->data;
	unsigned byte;

	for (; at < frame->len && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		data[at++] = (char)byte;
}

static void
frame_meet(const struct wire_frame *frame)
{
	const char *meets = getenv("OWNER_MEETS");
	char name[16], what[16] = "", hex[160] = "";

	if (meets == NULL ||
	    sscanf(meets, "%15s %15s %159s", name, what, hex) < 2 ||
	    strcmp(name, frame_name(frame->type)) != 0)
		return;
	if (strcmp(what, "die") == 0)
		raise(SIGKILL);
	else if (strcmp(what, "stop") == 0)
		raise(SIGSTOP);
	else if (strcmp(what, "slow") == 0)
		nanosleep(&(struct timespec){ .tv_nsec = SLOW_NS }, NULL);
	else
		frame_spoil(frame, strtoul(what, NULL, 10), hex);
}

enum wire_result
__wrap_wire_take(const char *data, size_t n, struct wire_frame *frame)
{
	enum wire_result result = __real_wire_take(data, n, frame);

	if (result == WIRE_FRAME)
		frame_meet(frame);
	return result;
}
