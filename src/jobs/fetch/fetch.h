/*
 * Requests to one source's server, over libcurl: within its time-outs and size
 * ceilings, with its credentials, its certificate checked, and to its host
 * alone. Redirects are followed there, up to five. Used by one thread, of a
 * process that ignores SIGPIPE, as TLS writes where nobody reads any more.
 */
#ifndef TB_JOBS_FETCH_FETCH_H
#define TB_JOBS_FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "jobs/connectors/connector.h"

struct tb_fetch;

/* Who asks to be left alone for longer is asked again after a day. */
#define TB_FETCH_RETRY_AFTER_MAX_S 86400

/* Reads the credentials from their files. The source and `is_stopped` are
 * borrowed. DENIED: a file that cannot be read or holds what no header can hold
 * ("credentials"), a ca_file that cannot be read ("tls"), a url that is none or
 * is http:// beyond loopback ("url"); none of them passes. NOMEM ("memory"). */
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
	bool may_miss; /* 404 and 410 are answers, too, without a body */
};

struct tb_fetch_answer {
	unsigned status; /* 2xx, or 404 or 410 where that may be */
	struct tb_str body;
	const struct tb_fetch_header *headers;
	size_t n_headers;
	struct tb_str url; /* that answered, behind redirects */
};

/* One request, asked once; with its redirects it takes up to timeout_s. 307 and
 * 308 ask the same again elsewhere; 301, 302 and 303 only a GET. Anything but a
 * whole answer with a 2xx is an error, and *ret_failure says what:
 *
 *   http_status     another status; 408, 429 and 5xx may pass, with what
 *                   Retry-After says. UNAUTHENTICATED for 401 and 403
 *   timeout         may pass; so do:
 *   connect         no name, no connection
 *   cut_off         the connection ended before the answer did
 *   answer_invalid  it was no HTTP, or not packed as it said
 *   too_large       an answer over page_max_bytes, unpacked, or headers over
 *                   64 KiB
 *   stopped         *is_stopped
 *   tls             the certificate, which does not pass; or the handshake,
 *                   which may
 *   other_host      a redirect or target of another scheme, host or port; does
 *                   not pass
 *   redirect        more than five, or one that cannot be followed; likewise
 *   request         a header or target that must not be sent; likewise
 *
 * The answer is in the arena. */
enum tb_err
tb_fetch_send(struct tb_fetch *fetch, struct tb_arena *arena,
	      const struct tb_fetch_request *request,
	      struct tb_fetch_answer *ret,
	      struct tb_connector_failure *ret_failure) tb_must_check;

/* A header's value, the first of that name; p NULL: it is not there. */
struct tb_str tb_fetch_header(const struct tb_fetch_answer *answer,
			      const char *name);
/* The whole URL of rel="next" in the answer's Link headers; empty: there is
 * none. Fails as tb_fetch_send would with it ("other_host"), or because Link
 * cannot be read ("answer_invalid"): then it is not known whether this was the
 * last page. */
enum tb_err
tb_fetch_next_link(struct tb_fetch *fetch, struct tb_arena *arena,
		   const struct tb_fetch_answer *answer, struct tb_str *ret,
		   struct tb_connector_failure *ret_failure) tb_must_check;
/* Appends a query parameter, with `?` or `&` before it, encoded. */
void tb_fetch_put_param(struct tb_buf *target, struct tb_str name,
			struct tb_str value);
/* The same of a whole number. */
void tb_fetch_put_number(struct tb_buf *target, struct tb_str name,
			 uint64_t value);
/* Appends bytes as a segment of a path, encoded. */
void tb_fetch_put_segment(struct tb_buf *target, struct tb_str segment);

#endif
