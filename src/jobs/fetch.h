/*
 * Requests to one source's server, over libcurl: within its time-outs and size
 * ceilings, with its credentials, its certificate checked, and to its host
 * alone. Redirects are followed there, up to five. Used by one thread.
 */
#ifndef TB_JOBS_FETCH_H
#define TB_JOBS_FETCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "jobs/connector.h"

struct tb_fetch;

/* Reads the credentials from their files. The source is borrowed. DENIED: a
 * file that cannot be read ("credentials"), which does not pass; NOMEM. */
enum tb_err
tb_fetch_create(const struct tb_source *source, struct tb_arena *arena,
		const atomic_bool *is_stopped, struct tb_fetch **ret,
		struct tb_connector_failure *ret_failure) tb_must_check;
void tb_fetch_destroy(struct tb_fetch *fetch); /* takes NULL */

struct tb_fetch_header {
	struct tb_str name;
	struct tb_str value;
};

struct tb_fetch_request {
	struct tb_str method; /* empty: GET */
	/* Behind the source's url, from its slash on, encoded; or a whole URL,
	 * which must have the url's scheme, host and port. */
	struct tb_str target;
	const struct tb_fetch_header *headers; /* more of them */
	size_t n_headers;
	struct tb_str body;         /* p NULL: none */
	struct tb_str content_type; /* of the body */
};

struct tb_fetch_answer {
	unsigned status; /* always 2xx */
	struct tb_str body;
	const struct tb_fetch_header *headers;
	size_t n_headers;
};

/* One request, asked once. Anything but a whole answer with a 2xx is an error,
 * and *ret_failure says what: "http_status" (408, 429 and 5xx may pass, with
 * what Retry-After says in seconds or as a date), "timeout", "connect",
 * "cut_off", "tls", "too_large", "redirect", "stopped" ... UNAUTHENTICATED for
 * 401 and 403. The answer is in the arena. */
enum tb_err
tb_fetch_send(struct tb_fetch *fetch, struct tb_arena *arena,
	      const struct tb_fetch_request *request,
	      struct tb_fetch_answer *ret,
	      struct tb_connector_failure *ret_failure) tb_must_check;

/* A header's value; p NULL: it is not there. */
struct tb_str tb_fetch_header(const struct tb_fetch_answer *answer,
			      const char *name);
/* The target of rel="next" in the answer's Link; empty: there is none. */
struct tb_str tb_fetch_next_link(const struct tb_fetch_answer *answer);
/* Appends a query parameter, with `?` or `&` before it, encoded. */
void tb_fetch_put_param(struct tb_buf *target, struct tb_str name,
			struct tb_str value);

#endif
