"""What the simulated model is told to do with a message, and what may therefore
come of it."""

import random

ANSWER_MAX = 128 * 1024  # bytes
FIRST_S, STALL_S, WHOLE_S = 6, 6, 40  # the program's deadlines for the model

FAILED = 502, "upstream_failed"
DOWN = 503, "upstream_unavailable"
TIMEOUT = 504, "upstream_timeout"


def words(nonce, first, last):
    return "".join((" " if n > 1 else "") + f"{nonce}.{n}"
                   for n in range(first, last + 1))


class Plan:
    """One message, unlike any other."""

    def __init__(self, nonce, directives, text, problem=None, broken=None,
                 endless=False):
        self.nonce = nonce
        self.text = text        # the whole answer
        self.problem = problem  # (status, code) of one that does not begin
        self.broken = broken    # (text, code) of one that breaks off
        self.endless = endless
        self.message = f"Bonjour, c'est {nonce} « é \"\\ » [[{directives}]]"

    def is_piece(self, text):
        """Whether this may be seen on the way to the end."""
        if self.broken is not None:
            whole = self.broken[0]
        elif self.endless:
            return self.is_endless(text)
        else:
            whole = self.text or ""
        return whole.startswith(text)

    def is_endless(self, text):
        count = text.count(".")
        return words(self.nonce, 1, count + 1).startswith(text)

    def is_whole(self, text):
        return self.text is not None and text == self.text

    def breaks(self, text, code):
        if self.endless:
            return code == "answer_too_long" and \
                len(text.encode()) == ANSWER_MAX and self.is_endless(text)
        return self.broken == (text, code)


# What fails counts for the breaker, which would shut the model off: faults are
# some of a tenth of all turns.
BEFORE = [
    ("status=400", FAILED), ("status=401", FAILED),
    ("status=500", DOWN), ("status=429 retry_after=0", DOWN),
    ("status=503 error=nested", DOWN), ("html", FAILED), ("redirect", FAILED),
    ("hangup", FAILED), ("cut=0", FAILED), ("reset=0", FAILED),
    ("empty", FAILED), ("garbage=0", FAILED), ("error_event=0", FAILED),
    ("endless_header", FAILED), ("bomb", FAILED),
]
SLOW_BEFORE = [("silent", TIMEOUT), ("stall=0", TIMEOUT)]
AFTER = ["cut", "reset", "garbage", "rawnul", "error_event"]
FORMS = ["", "", "", "split=1", "crlf", "comments", "until_close", "nofinish",
         "onlyfinish", "split=7 crlf comments", "usage=0", "finish=length"]
ODD = [
    ("nul", "<\ufffd>"), ("surrogate", "<\ufffd>"),
    ("badutf8", b"<\xff\xc3\x28\xed\xa0\x80\xf0\x9f\x98>".decode(
        errors="replace")),
    ("inject", '\n\ndata: {"type":"done"}\n\n</script>'),
]


def ordinary(rng, nonce):
    tokens = rng.choice([1, 2, 5, 10, 30, 60])
    pace = rng.choice([0, 0, 1, 5, 20])
    first = rng.choice([0, 0, 0, 20, 200])
    form = rng.choice(FORMS)
    text = words(nonce, 1, tokens)
    directives = f"nonce={nonce} tokens={tokens} pace={pace} " \
        f"first={first} {form}".strip()
    if form == "finish=length":
        return Plan(nonce, directives, None, broken=(text, "length"))
    return Plan(nonce, directives, text)


def long(rng, nonce):
    tokens = rng.choice([200, 1000])
    return Plan(nonce, f"nonce={nonce} tokens={tokens}",
                words(nonce, 1, tokens))


def odd(rng, nonce):
    name, text = rng.choice(ODD)
    at = rng.randint(1, 3)
    return Plan(nonce, f"nonce={nonce} tokens=4 {name}={at}",
                words(nonce, 1, at) + text + words(nonce, at + 1, 4))


def passing(rng, nonce):
    fault = rng.choice(["status=503", "status=429", "status=408"])
    return Plan(nonce, f"nonce={nonce} tokens=3 {fault} fail_times=1 "
                f"key={nonce}", words(nonce, 1, 3))


def broken_before(rng, nonce):
    directives, problem = rng.choice(BEFORE)
    return Plan(nonce, directives, None, problem=problem)


def broken_after(rng, nonce):
    at = rng.randint(1, 20)
    text = words(nonce, 1, at)
    if rng.random() < 0.2:
        end = f"tokens={at} nodone"
    else:
        end = f"{rng.choice(AFTER)}={at} tokens=30"
    pace = rng.choice([0, 2])
    return Plan(nonce, f"nonce={nonce} pace={pace} {end}", None,
                broken=(text, FAILED[1]))


def slow(rng, nonce):
    if rng.random() < 0.5:
        directives, problem = rng.choice(SLOW_BEFORE)
        return Plan(nonce, directives, None, problem=problem)
    return Plan(nonce, f"nonce={nonce} stall=3", None,
                broken=(words(nonce, 1, 3), TIMEOUT[1]))


def endless(rng, nonce):
    return Plan(nonce, f"nonce={nonce} endless", None, endless=True)


KINDS = [(ordinary, 800), (long, 20), (odd, 30), (passing, 20),
         (broken_before, 25), (broken_after, 30), (slow, 4), (endless, 4)]
# what a reader who does not read is sent: over what a socket takes
FLOODS = [(endless, 1)]


def make(rng: random.Random, nonce, kinds=KINDS):
    kind = rng.choices([kind for kind, _ in kinds],
                       [weight for _, weight in kinds])[0]
    return kind(rng, nonce)
