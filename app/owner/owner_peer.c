/*
 * The kernel gives descriptors with the first byte that they were sent with,
 * and never more bytes than up to the next ones: so a queue keeps them in step
 * with the frames.
 */
#include "owner/owner_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"

#define PEER_SMALL  128 /* bytes of frames that always find room */
#define PEER_READ   (64 * 1024)
#define PEER_MAX_IN (WIRE_HEAD + WIRE_MAX_SESSION + PEER_READ)

union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int)) +
		   CMSG_SPACE(sizeof(struct ucred))];
};

static void
fds_close(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static void
peer_gone(struct peer *peer)
{
	peer_close(peer);
	peer->events->gone(peer);
}

/* An error that comes while the other end is there. */
static bool
is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOMEM ||
	       error == ENOBUFS;
}

/*
 * Sending.
 */

static void
sent(struct peer *peer, size_t n, bool with_fds)
{
	buf_consume(&peer->out, n);
	peer->sent += n;
	if (with_fds) {
		fds_close(peer->sends[0].fd, peer->sends[0].count);
		peer->sends_count--;
		memmove(peer->sends, peer->sends + 1,
		    peer->sends_count * sizeof(peer->sends[0]));
	}
	for (unsigned i = 0; i < peer->sends_count; i++)
		peer->sends[i].at -= n;
}

/* Send up to the next descriptors, or with them what follows. */
static ssize_t
send_some(struct peer *peer, bool *with_fds)
{
	union control control = { 0 };
	size_t len = peer->out.len, size;
	struct iovec iov = { .iov_base = peer->out.data };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	*with_fds = peer->sends_count > 0 && peer->sends[0].at == 0;
	if (*with_fds) {
		size = peer->sends[0].count * sizeof(int);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.head), peer->sends[0].fd, size);
		if (peer->sends_count > 1)
			len = peer->sends[1].at;
	} else if (peer->sends_count > 0) {
		len = peer->sends[0].at;
	}
	iov.iov_len = len;
	return sendmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Room for a small frame stays, so that it can be sent without memory. */
static bool
out_clear(struct buf *out)
{
	if (out->cap > PEER_LOW)
		buf_wipe(out);
	else if (out->data != NULL)
		explicit_bzero(out->data, out->cap);
	buf_clear(out);
	return buf_reserve(out, PEER_SMALL) != NULL;
}

/* False: it is broken. Who is watched for too much comes here once more. */
static bool
peer_flush(struct peer *peer)
{
	bool with_fds;
	ssize_t n;

	while (peer->out.len > 0) {
		n = send_some(peer, &with_fds);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (is_passing(errno) || errno == ETOOMANYREFS))
			break;
		if (n == -1)
			return false;
		sent(peer, (size_t)n, with_fds);
	}
	if (peer->out.len == 0) {
		out_clear(&peer->out);
		loop_rewatch(peer->loop, &peer->io, EPOLLIN);
	}
	return true;
}

/* Copies of a frame's descriptors, to be sent from this place on. */
static bool
sends_add(struct peer *peer, unsigned count, const int *fds)
{
	unsigned at = peer->sends_count;
	int fd;

	if (count == 0)
		return true;
	if (at == PEER_MAX_FDS)
		return false;
	peer->sends[at].at = peer->out.len;
	for (unsigned i = 0; i < count; i++) {
		if ((fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) == -1) {
			fds_close(peer->sends[at].fd, i);
			return false;
		}
		peer->sends[at].fd[i] = fd;
	}
	peer->sends[at].count = count;
	peer->sends_count++;
	return true;
}

bool
peer_send(struct peer *peer, enum wire_type type, const void *data, size_t len,
    const int *fds)
{
	bool idle = peer->out.len == 0;

	if (peer->closed || buf_reserve(&peer->out, WIRE_HEAD + len) == NULL ||
	    (idle && loop_rewatch(peer->loop, &peer->io, EPOLLIN | EPOLLOUT) ==
			 -1) ||
	    !sends_add(peer, wire_fds(type), fds)) {
		peer->out.failed = false;
		return false;
	}
	wire_add(&peer->out, type, data, len);
	return !peer->out.failed;
}

void
peer_push(struct peer *peer)
{
	bool with_fds;
	ssize_t n;

	while (!peer->closed && peer->out.len > 0 &&
	       (n = send_some(peer, &with_fds)) >= 0)
		sent(peer, (size_t)n, with_fds);
}

bool
peer_has_room(const struct peer *peer)
{
	return peer->out.len < PEER_LOW && peer->sends_count < PEER_MAX_FDS / 2;
}

bool
peer_is_flushed(const struct peer *peer)
{
	return peer->out.len == 0;
}

/*
 * Receiving.
 */

/* False: more than may come. */
static bool
keep_fds(struct peer *peer, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool ok = true;
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		ok = ok && peer->in_count < PEER_MAX_FDS;
		if (ok)
			peer->in_fds[peer->in_count++] = fd;
		else
			close(fd);
	}
	return ok;
}

static void
keep_sender(struct peer *peer, const struct cmsghdr *c)
{
	struct ucred cred;

	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	if (cred.pid <= 0 || (peer->sender != 0 && peer->sender != cred.pid))
		peer->sender = -1;
	else
		peer->sender = cred.pid;
}

/* What came with the bytes. */
static bool
keep_control(struct peer *peer, struct msghdr *msg)
{
	struct cmsghdr *c;
	bool ok = (msg->msg_flags & MSG_CTRUNC) == 0;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS)
			ok = keep_fds(peer, c) && ok;
		else if (c->cmsg_type == SCM_CREDENTIALS)
			keep_sender(peer, c);
	}
	return ok;
}

bool
peer_name(struct peer *peer)
{
	static const int on = 1;

	peer->sender = 0;
	return setsockopt(peer->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ==
	       0;
}

/* Bytes read, 0 at the end, -1: nothing now, -2: it is broken. */
static ssize_t
receive(struct peer *peer)
{
	union control control;
	struct iovec iov = { .iov_len = PEER_READ };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	if ((iov.iov_base = buf_reserve(&peer->in, PEER_READ)) == NULL)
		return -2;
	n = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return is_passing(errno) ? -1 : -2;
	if (!keep_control(peer, &msg))
		return -2;
	buf_commit(&peer->in, (size_t)n);
	return n;
}

/* Hand on a frame; false: break off. */
static bool
hand_on(struct peer *peer, const struct wire_frame *frame)
{
	int fds[WIRE_MAX_FDS] = { -1, -1 };

	if (frame->fds > peer->in_count)
		return false;
	memcpy(fds, peer->in_fds, frame->fds * sizeof(int));
	peer->in_count -= frame->fds;
	memmove(peer->in_fds, peer->in_fds + frame->fds,
	    peer->in_count * sizeof(int));
	if (peer->events->frame(peer, frame, fds))
		return true;
	fds_close(fds, frame->fds);
	return false;
}

/* Frames that are whole; false: broken, and what was closed is not touched. */
static bool
take_frames(struct peer *peer)
{
	enum wire_result result = WIRE_MORE;
	struct wire_frame frame;
	size_t used = 0;
	bool ok = true;

	while (ok && !peer->closed && used < peer->in.len) {
		result = wire_take(
		    peer->in.data + used, peer->in.len - used, &frame);
		if (result != WIRE_FRAME)
			break;
		used += WIRE_HEAD + frame.len;
		ok = hand_on(peer, &frame);
	}
	if (peer->closed)
		return true;
	explicit_bzero(peer->in.data, used);
	buf_consume(&peer->in, used);
	return ok && result != WIRE_BROKEN;
}

static void
peer_ready(struct loop_io *io, uint32_t events)
{
	struct peer *peer = container_of(io, struct peer, io);
	ssize_t n;

	if ((events & EPOLLOUT) != 0 && !peer_flush(peer)) {
		peer_gone(peer);
		return;
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0) {
		n = receive(peer);
		if (n == 0 || n == -2 || (n > 0 && !take_frames(peer))) {
			peer_gone(peer);
			return;
		}
	}
	if (!peer->closed && peer->events->room != NULL && peer_has_room(peer))
		peer->events->room(peer);
}

int
peer_open(struct peer *peer, struct loop *loop, int fd,
    const struct peer_events *events)
{
	*peer = (struct peer){ .loop = loop, .fd = fd, .events = events };
	peer->io.ready = peer_ready;
	buf_init(&peer->in, PEER_MAX_IN);
	buf_guard(&peer->in);
	buf_init(&peer->out, PEER_MAX_OUT);
	buf_guard(&peer->out);
	if (!out_clear(&peer->out))
		return -1;
	if (loop_watch(loop, &peer->io, fd, EPOLLIN) == 0)
		return 0;
	buf_free(&peer->out);
	return -1;
}

void
peer_close(struct peer *peer)
{
	if (peer->closed)
		return;
	peer->closed = true;
	loop_unwatch(peer->loop, &peer->io);
	close(peer->fd);
	fds_close(peer->in_fds, peer->in_count);
	for (unsigned i = 0; i < peer->sends_count; i++)
		fds_close(peer->sends[i].fd, peer->sends[i].count);
	buf_wipe(&peer->in);
	buf_wipe(&peer->out);
}
