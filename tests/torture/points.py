"""The points of failure: what fails, how, and at which of its calls."""

import errno
from pathlib import Path
from zlib import crc32

from program import ALWAYS

SHORT = 0  # in place of an errno: one byte goes through
CUT = -1  # what was received comes without its descriptors
CEILING = "ceiling"  # of memory: so many steps of bytes over what is taken
STEP, CEILINGS = 128, 100
LATE = 200  # allocations
PATHS = ("EACCES", "EMFILE", "ENOMEM", "EINTR", "EIO")

# how each kind fails
ERRORS = {
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    "access": ("EACCES", "ENOMEM"),
    "bind": ("EADDRINUSE", "EACCES", "ENOMEM"),
    "close": ("EINTR", "EIO"),
    "connect": ("ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT"),
    "dup2": ("EINTR", "EBUSY"),
    "epoll_create1": ("EMFILE", "ENOMEM"),
    "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "epoll_wait": ("EINTR",),
    "eventfd": ("EMFILE", "ENOMEM"),
    "faccessat": ("EACCES", "ENOMEM"),
    "fchmod": ("EIO", "EROFS"),
    "fcntl": ("ENOMEM",),
    "flock": ("EINTR", "EWOULDBLOCK", "ENOLCK"),
    "fopen": PATHS,
    "fork": ("EAGAIN", "ENOMEM"),
    "fstat": ("ENOMEM", "EIO"),
    "fstatat": ("EACCES", "ENOMEM"),
    "getaddrinfo": (-10, -3, -2),  # EAI_MEMORY, EAI_AGAIN, EAI_NONAME
    "getpeername": ("ENOBUFS", "ENOTCONN"),
    "getrandom": ("EINTR", "ENOSYS", SHORT),
    "getrlimit": ("EPERM",),
    "getsockname": ("ENOBUFS",),
    "getsockopt": ("ENOBUFS", "ENOTSOCK"),
    "listen": ("EADDRINUSE",),
    "lstat": ("EACCES", "ENOMEM"),
    "mkdir": ("EACCES", "ENOSPC"),
    "mmap": ("ENOMEM",),
    "mprotect": ("ENOMEM",),
    "munmap": ("ENOMEM",),
    "open": PATHS + ("ENOSPC",),
    "openat": PATHS + ("ENOSPC",),
    "pipe2": ("EMFILE", "ENFILE"),
    "poll": ("EINTR", "ENOMEM"),
    "prctl": ("EPERM", "EINVAL"),
    "pthread_create": ("EAGAIN", "ENOMEM"),
    "read": ("EINTR", "EIO", SHORT),
    "recv": ("EINTR", "EAGAIN", "ECONNRESET", "ENOMEM", SHORT),
    "recvmsg": ("EINTR", "EAGAIN", "ENOMEM", SHORT, CUT),
    "send": ("EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS", SHORT),
    "sendmsg": ("EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS",
                "ETOOMANYREFS", SHORT),
    "setrlimit": ("EPERM",),
    "setsockopt": ("ENOMEM", "ENOBUFS"),
    "signalfd": ("EMFILE", "ENOMEM"),
    "sigtimedwait": ("EINTR", "EAGAIN"),
    "socket": ("EMFILE", "ENFILE", "ENOBUFS"),
    "socketpair": ("EMFILE", "ENOMEM"),
    "stat": ("EACCES", "ENOMEM"),
    "unlink": ("EACCES", "EROFS"),
    "unlinkat": ("EACCES", "EROFS"),
    "waitpid": ("EINTR",),
    "write": ("EINTR", "ENOSPC", "EIO", "EPIPE", SHORT),
}


SAMPLE = Path(__file__).resolve().parent / "sample"


class Point:
    """The at-th call of a kind, how it fails, and how many after it do."""

    def __init__(self, kind, error, times, at):
        self.kind, self.error, self.times, self.at = kind, error, times, at

    def arm(self, plan, most=ALWAYS):
        """most: so many calls fail at most."""
        if self.kind == CEILING:
            plan["fired"] = 0
            plan["ceiling"] = plan.processes()[0].bytes + self.at * STEP
            return
        code = getattr(errno, self.error) if isinstance(self.error, str) \
            else self.error
        plan.arm(self.kind, self.at, code, min(self.times, most))

    def __str__(self):
        """As for the option -p."""
        error = {SHORT: "short", CUT: "cut"}.get(self.error, self.error)
        return f"{self.kind}:{error}:{self.at}" + \
            (":on" if self.times == ALWAYS and self.kind != CEILING else "")

    @classmethod
    def read(cls, text):
        kind, error, at, *on = text.split(":")
        for each, times in ways(kind):
            if str(cls(kind, each, times, at)) == text:
                return cls(kind, each, times, int(at))
        raise ValueError(f"{text} is no point of failure")


def ways(kind):
    """The errors, and how many calls in a row fail with each."""
    if kind == CEILING:
        return [("ENOMEM", ALWAYS)]
    if kind == "memory":
        return [("ENOMEM", 1), ("ENOMEM", ALWAYS)]
    return [(error, 1) for error in ERRORS[kind]]


def all_points(calls, every, memory):
    """All of them, or one in so many; of the allocations, too, but all of the
    last ones, since what comes before is the start, which others try. To be
    told (by send) whether it came to each: there may be more than were
    counted."""
    before = 0
    for kind in calls:
        few = memory if kind == "memory" else 1
        for error, times in ways(kind):
            at, missed = 1 + -before % max(few, every), 0
            while at <= calls[kind] or (missed < 2 and every == 1):
                fired = yield Point(kind, error, times, at)
                missed = 0 if fired else missed + 1
                late = at > calls[kind] - LATE
                at += max(every, 1 if late else few)
            before += calls[kind]


def spread(calls, name, one_of, ratio):
    """Some of them: of the ways in which a system call fails, one in so many,
    at its first or second call; of the allocations, a geometric series."""
    for kind in calls:
        for error, times in ways(kind):
            number = crc32(f"{name} {kind} {error} {times}".encode())
            at = 1 + number // one_of % 2
            if kind in ("memory", CEILING):
                at = 1 + number % min(ratio, calls[kind])
            elif number % one_of != 0:
                continue
            while at <= calls[kind]:
                yield Point(kind, error, times, at)
                at = at * ratio if kind in ("memory", CEILING) else 1 << 40


def read_sample():
    """By the scenario's name: the points that `make check' tries, the same at
    each time, whatever was called how often. Renewed by torture.py --draw."""
    points = {}
    for line in SAMPLE.read_text().splitlines():
        name, point = line.split()
        points.setdefault(name, []).append(Point.read(point))
    return points
