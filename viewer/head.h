/* head.h — is this the head of a request as RFC 9112 has it, and one that can be meant in one way only?
 *
 * Pure. What is let through means the same to civetweb, to a proxy in front of us and to the browser behind it: that is
 * what request smuggling lives on. Requests have no bodies here. */
#ifndef HRV_HEAD_H
#define HRV_HEAD_H

#include <stddef.h>

#define HRV_HEAD_FIELDS_MAX 64 /* header fields; civetweb's limit too */

/* Why a head is refused: constant texts. */
struct hrv_refusal {
	const char *status; /* "400 Bad Request" */
	const char *text;   /* a sentence */
};

/* Judges `len_bytes` of a head, its empty line included. NULL: it is good. */
const struct hrv_refusal *hrv_head_judge(const char *bytes, size_t len_bytes);

#endif
