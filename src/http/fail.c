#include "http/fail.h"

#include <microhttpd.h>
#include <stdio.h>

#include "base/assert.h"

/* Errors that no client can help are worded by what it may do about them. */
static const struct tb_fail fails[TB_ERR_COUNT] = {
	[TB_ERR_NOMEM] = { 503, "unavailable", "out of memory, try again", 1 },
	[TB_ERR_INVALID] = { 400, "bad_request", "the request is invalid", 0 },
	[TB_ERR_TOO_LARGE] = { 413, "too_large",
			       "the request is over a size limit", 0 },
	[TB_ERR_TOO_DEEP] = { 400, "too_deep",
			      "the request is nested too deeply", 0 },
	[TB_ERR_NOT_FOUND] = { 404, "not_found", "not found", 0 },
	[TB_ERR_EXISTS] = { 409, "exists", "it exists already", 0 },
	[TB_ERR_CONFLICT] = { 409, "conflict",
			      "it conflicts with the present state", 0 },
	[TB_ERR_DENIED] = { 403, "forbidden", "not permitted", 0 },
	[TB_ERR_UNAUTHENTICATED] = { 401, "unauthenticated",
				     "not authenticated", 0 },
	[TB_ERR_BUSY] = { 503, "busy", "the server is busy, try again", 1 },
	[TB_ERR_TIMEOUT] = { 503, "busy", "it took too long, try again", 5 },
	[TB_ERR_CLOSED] = { 503, "unavailable",
			    "the server is stopping, try again", 5 },
	[TB_ERR_RESYNC] = { 409, "resync_required",
			    "start over from the beginning", 0 },
	[TB_ERR_IO] = { 503, "unavailable", "the storage has failed", 60 },
	[TB_ERR_FULL] = { 503, "storage_full", "the storage is full", 60 },
	[TB_ERR_CORRUPT] = { 500, "internal_error", "stored data is damaged",
			     0 },
	[TB_ERR_NEWER] = { 500, "internal_error",
			   "stored data is of a newer version", 0 },
	[TB_ERR_UNSUPPORTED] = { 400, "unsupported", "not supported", 0 },
	[TB_ERR_INTERRUPTED] = { 503, "unavailable",
				 "it was interrupted, try again", 1 },
};

const struct tb_fail *tb_fail_of(enum tb_err err)
{
	TB_ASSERT(err > TB_OK && err < TB_ERR_COUNT && fails[err].status);
	return &fails[err];
}

static const struct {
	unsigned status;
	const char *code;
} status_codes[] = {
	{ 400, "bad_request" },
	{ 401, "unauthenticated" },
	{ 403, "forbidden" },
	{ 404, "not_found" },
	{ 405, "method_not_allowed" },
	{ 408, "request_timeout" },
	{ 409, "conflict" },
	{ 410, "gone" },
	{ 412, "precondition_failed" },
	{ 413, "too_large" },
	{ 414, "uri_too_long" },
	{ 415, "unsupported_media_type" },
	{ 422, "unprocessable" },
	{ 428, "precondition_required" },
	{ 429, "too_many_requests" },
	{ 431, "headers_too_large" },
	{ 503, "unavailable" },
};

const char *tb_fail_status_code(unsigned status)
{
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(status_codes); i++)
		if (status_codes[i].status == status)
			return status_codes[i].code;
	return status >= 500 ? "internal_error" : "bad_request";
}

const char *tb_fail_status_words(unsigned status)
{
	return MHD_get_reason_phrase_for(status);
}

void tb_fail_put_retry_after(struct tb_response *res, uint32_t seconds)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", (unsigned)seconds);

	if (seconds == 0)
		return;
	if (tb_response_header(res, "Retry-After", tb_str(text, (size_t)n)))
		return; /* The client then chooses its own time. */
}
