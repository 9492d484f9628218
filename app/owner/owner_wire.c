/* One table says what may come, how long it may be, and with how much. */
#include "owner/owner_wire.h"

#include <string.h>

#include "base/bytes.h"

#define WIRE_VERSION 1

static const char magic[] = { 'C', 'O', WIRE_VERSION };

static const struct {
	uint32_t max;
	unsigned fds;
} types[] = {
#define WIRE_ROW(type, max, fds) [type] = { max, fds },
	WIRE_LIST(WIRE_ROW)
#undef WIRE_ROW
};

unsigned
wire_fds(enum wire_type type)
{
	return types[type].fds;
}

enum wire_result
wire_take(const char *p, size_t n, struct wire_frame *frame)
{
	size_t known = n < sizeof(magic) ? n : sizeof(magic);
	unsigned type;
	uint64_t len;

	if (memcmp(p, magic, known) != 0)
		return WIRE_BROKEN;
	if (n < WIRE_HEAD)
		return WIRE_MORE;
	type = (unsigned char)p[sizeof(magic)];
	len = bytes_get(p + 4, 4);
	if (type == WIRE_NONE || type >= WIRE_COUNT || len > types[type].max)
		return WIRE_BROKEN;
	if (n - WIRE_HEAD < len)
		return WIRE_MORE;
	*frame = (struct wire_frame){
		.type = (enum wire_type)type,
		.fds = types[type].fds,
		.data = p + WIRE_HEAD,
		.len = (size_t)len,
	};
	return WIRE_FRAME;
}

void
wire_add(struct buf *b, enum wire_type type, const void *data, size_t len)
{
	char head[WIRE_HEAD];

	if (len > types[type].max) {
		b->failed = true;
		return;
	}
	memcpy(head, magic, sizeof(magic));
	head[sizeof(magic)] = (char)type;
	bytes_put(head + 4, len, 4);
	buf_add(b, head, sizeof(head));
	buf_add(b, data, len);
}

void
wire_hello_put(char out[WIRE_HELLO_SIZE], const struct wire_hello *hello)
{
	bytes_put(out, hello->program, 8);
	bytes_put(out + 8, hello->conf, 8);
}

bool
wire_hello_get(struct wire_hello *hello, const char *p, size_t len)
{
	if (len != WIRE_HELLO_SIZE)
		return false;
	hello->program = bytes_get(p, 8);
	hello->conf = bytes_get(p + 8, 8);
	return true;
}
