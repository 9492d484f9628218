/* One line each, in the log's key=value form, so that scripts read it too. */
#include "owner/owner_report.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/container.h"
#include "owner/owner_state.h"

/* A unix socket's path; nothing of others. */
static void
report_address(struct buf *b, int fd)
{
	struct sockaddr_un sun = { 0 };
	socklen_t len = sizeof(sun) - 1;

	if (getsockname(fd, (struct sockaddr *)&sun, &len) == 0 &&
	    sun.sun_family == AF_UNIX && sun.sun_path[0] != '\0')
		buf_addf(b, " path=%s", sun.sun_path);
}

static void
report_link(struct buf *b, const struct owner_link *link)
{
	if (link->role->reported == NULL)
		return;
	buf_addf(b, "%s pid=%ld uid=%lu", link->role->reported,
	    (long)link->cred.pid, (unsigned long)link->cred.uid);
	if (link->acceptor != NULL)
		report_address(b, acceptor_fd(link->acceptor));
	buf_addc(b, '\n');
}

void
owner_report(struct buf *b, const struct owner *ow)
{
	struct list *node;
	char since[CLOCK_TEXT_SIZE];

	clock_text(since, ow->since_ms);
	buf_addf(b,
	    "owner pid=%ld uid=%lu version=%s since=%sZ sessions=%llu "
	    "listeners=%u dir=%s\n",
	    (long)getpid(), (unsigned long)geteuid(), PACKAGE_VERSION, since,
	    (unsigned long long)ow->app.live(ow->app.arg), ow->listeners,
	    ow->conf.dir->path);
	for (node = ow->links.next; node != &ow->links; node = node->next)
		report_link(b, container_of(node, struct owner_link, node));
}
