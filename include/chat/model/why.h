/*
 * Why an attempt at the model has failed, or its answer is not whole: the words
 * of the log's `why`, which docs/operating.md explains.
 */
#ifndef CHAT_MODEL_WHY_H
#define CHAT_MODEL_WHY_H

#define WHY_LIST(X)                                                            \
	X(WHY_NONE, NULL)                                                      \
	/* no reply */                                                         \
	X(WHY_UNREACHABLE, "unreachable")                                      \
	X(WHY_CONNECT_TIMEOUT, "connect_timeout")                              \
	X(WHY_MEMORY, "memory")                                                \
	/* a reply that is not an answer */                                    \
	X(WHY_STATUS, "status")                                                \
	X(WHY_NO_STREAM, "no_stream")                                          \
	X(WHY_NONSENSE, "nonsense")                                            \
	X(WHY_TOO_LARGE, "too_large")                                          \
	X(WHY_ERROR, "error")                                                  \
	/* one that does not come to its end */                                \
	X(WHY_BROKE_OFF, "broke_off")                                          \
	X(WHY_NO_END, "no_end")                                                \
	X(WHY_FIRST_TOKEN, "first_token_timeout")                              \
	X(WHY_STALL, "stall_timeout")                                          \
	X(WHY_TIMEOUT, "timeout")                                              \
	/* an end without a whole answer */                                    \
	X(WHY_EMPTY, "empty")                                                  \
	X(WHY_ONLY_THOUGHTS, "only_thoughts")                                  \
	X(WHY_ONLY_TOOLS, "only_tools")                                        \
	X(WHY_LENGTH, "length")                                                \
	X(WHY_FILTER, "content_filter")

#define WHY_ENUM(name, word) name,
enum why { WHY_LIST(WHY_ENUM) WHY_COUNT };
#undef WHY_ENUM

/* The word; NULL for WHY_NONE. */
const char *why_word(enum why);

#endif
