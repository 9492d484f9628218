/*
 * libcurl's multi interface on a loop: the descriptors and the timer that it
 * asks for are the loop's.
 */
#ifndef CHAT_MODEL_CURL_LOOP_H
#define CHAT_MODEL_CURL_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "loop/loop.h"

struct curl_watch;

struct curl_loop {
	struct loop		 *loop;
	CURLM			 *multi;
	bool			  inside;	/* libcurl is at work */

	/* its own */
	void			(*acted)(void *arg, bool ok);
	void			 *arg;
	struct timer		  timer;
	struct curl_watch	**watches;	/* by descriptor, or NULL */
	size_t			  watches_cap;
};

/*
 * Drive a multi handle, which is the caller's. acted is called after each time
 * that libcurl was at work: transfers may have ended. Not ok: libcurl lost some
 * without an end, for lack of memory or of a watch.
 */
void curl_loop_open(struct curl_loop *, struct loop *, CURLM *,
    void (*acted)(void *arg, bool ok), void *arg);

/* After the multi handle was cleaned up. */
void curl_loop_close(struct curl_loop *);

/*
 * Let a new easy handle's connections be watched for as long as they are open:
 * between two transfers, nothing is asked of the kernel.
 */
void curl_loop_adopt(struct curl_loop *, CURL *);

#endif
