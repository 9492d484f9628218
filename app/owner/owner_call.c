/* No loop, no library: a process that only waits for the owner stays small. */
#include "owner/owner_call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#define READ_SIZE 4096

bool
owner_ask(int sock, enum wire_type type, const struct wire_hello *hello, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char text[WIRE_HELLO_SIZE];
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct buf frame;
	ssize_t n;

	wire_hello_put(text, hello);
	buf_init(&frame, WIRE_HEAD + WIRE_HELLO_SIZE);
	wire_add(&frame, type, text, sizeof(text));
	iov = (struct iovec){ frame.data, frame.len };
	if (wire_fds(type) > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do {
		n = frame.failed ? -1 : sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	buf_free(&frame);
	return n == WIRE_HEAD + WIRE_HELLO_SIZE;
}

/* False: nothing more comes until then. */
static bool
read_some(int sock, int64_t end, struct buf *in)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	int64_t left;
	ssize_t n;
	char *room;

	do {
		left = end - clock_mono_ms();
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);
	if (n != 1 || (room = buf_reserve(in, READ_SIZE)) == NULL)
		return false;
	n = recv(sock, room, READ_SIZE, 0);
	if (n > 0)
		buf_commit(in, (size_t)n);
	return n > 0;
}

enum wire_type
owner_answer(int sock, int wait_ms, struct buf *text)
{
	int64_t end = clock_mono_ms() + wait_ms;
	enum wire_result result = WIRE_MORE;
	struct wire_frame frame = { 0 };
	struct buf in;

	buf_init(&in, WIRE_HEAD + WIRE_MAX_STATUS + READ_SIZE);
	while (result == WIRE_MORE && read_some(sock, end, &in))
		result = wire_take(in.data, in.len, &frame);
	if (result == WIRE_FRAME)
		buf_add(text, frame.data, frame.len);
	buf_free(&in);
	return result == WIRE_FRAME && !text->failed ? frame.type : WIRE_NONE;
}

bool
owner_await_end(int sock, int wait_ms)
{
	int64_t end = clock_mono_ms() + wait_ms;
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	char text[64];
	int64_t left;
	ssize_t n = 1;

	while (n != 0 && (left = end - clock_mono_ms()) > 0) {
		if (poll(&pfd, 1, (int)left) == 1)
			n = recv(sock, text, sizeof(text), MSG_DONTWAIT);
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			n = 0;
	}
	return n == 0;
}
