/*
 * One request and its answer by libcurl, without redirects. Private to fetch.
 */
#ifndef TB_JOBS_FETCH_FETCH_EXCHANGE_H
#define TB_JOBS_FETCH_FETCH_EXCHANGE_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* What is asked. All borrowed for as long as it runs. */
struct tb_exchange_form {
	CURL *easy;
	CURLU *url;
	const char *method;
	struct curl_slist *headers;
	struct tb_str body;  /* p NULL: none */
	const char *ca_file; /* NULL: the system's */
	uint64_t body_max_bytes;
	uint32_t timeout_ms; /* never 0 */
	const atomic_bool *is_stopped;
};

#define TB_EXCHANGE_ERROR_BYTES CURL_ERROR_SIZE

/* What came of it. `code` is libcurl's; with a status that is no success the
 * rest may be cut off and says nothing. */
struct tb_exchange {
	CURLcode code;
	unsigned status; /* 0: there was no answer with a whole head */
	uint64_t retry_after_s;
	bool is_too_large;
	struct tb_buf headers;               /* lines, each with its CRLF */
	struct tb_buf body;                  /* of a 2xx alone */
	char error[TB_EXCHANGE_ERROR_BYTES]; /* libcurl's words; may be empty */
	/* Private. */
	uint64_t skipped;    /* bytes of another answer's body */
	uint64_t n_trailers; /* bytes of what follows a body */
	bool is_sent;
	bool is_lost; /* the answer to what was sent */
	bool is_head_whole;
	bool is_in_body;
	const struct tb_exchange_form *form;
};

void tb_exchange_run(struct tb_exchange *ret,
		     const struct tb_exchange_form *form);
void tb_exchange_fini(struct tb_exchange *exchange);

#endif
