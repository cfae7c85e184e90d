/*
 * The HTTP/1.1 server on libmicrohttpd: I/O threads that parse and send, a
 * bounded pool of workers that run handlers. Owns its threads; everything
 * passed in is borrowed until stop returns.
 */
#ifndef TB_HTTP_SERVER_H
#define TB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "http/route.h"

struct tb_server;

/* One finished request, for the log line and the audit of reads; borrowed. */
struct tb_access {
	const struct tb_request *req; /* NULL when it was refused unparsed */
	const struct tb_principal *login; /* who got a token; NULL: nobody */
	struct tb_str method;
	struct tb_str route; /* pattern, or empty */
	struct tb_str request_id;
	struct tb_str address;
	const char *error_code;
	unsigned status;
	uint64_t bytes_in;
	uint64_t bytes_out;
	int64_t duration_us;
	bool is_audited; /* it has a row of its own on the audit trail */
	bool aborted;    /* the client went away before the end */
};

struct tb_server_options {
	const char *listen;       /* "127.0.0.1:8000", "[::1]:0" */
	uint32_t workers;         /* threads that run handlers; 64 */
	uint32_t queue_max;       /* requests waiting for one; then 503 */
	uint32_t connections_max; /* 10,000 */
	uint32_t idle_timeout_s;  /* of a connection; 75 */
	/* Who reads a streamed body at this rate is never cut; 1,024. */
	uint32_t reader_min_bytes_per_s;
	uint32_t request_timeout_s; /* to send a whole request; 60 */
	uint64_t body_small_bytes;  /* 64 KiB */
	uint64_t body_max_bytes;    /* of a body, decompressed too; 64 MiB */
	uint64_t memory_max_bytes;  /* all bodies in flight; then 503 */
	uint64_t drain_timeout_ms;  /* at stop */
	bool loopback_only;         /* refuse forwarding headers, a Host that
				     * is not loopback, a foreign Origin; for
				     * one API alone: struct tb_mount */
	const char *const *origins; /* CORS allow-list, NULL-ended;
				     * "*" is not one */
	const char *const *trusted_proxies; /* CIDRs, NULL-ended */
	/* Called on any thread after each request. */
	void (*on_access)(void *ctx, const struct tb_access *access);
	void *on_access_ctx;
};
extern const struct tb_server_options tb_server_default_options;

/* Listens and serves. `auth` NULL: every route is for TB_WHO_ANYONE alone.
 * INVALID: listen, a CIDR or an origin that is none; BUSY: the address is
 * taken. */
enum tb_err tb_server_start(const struct tb_server_options *options,
			    struct tb_auth *auth, const struct tb_mount *mounts,
			    size_t n_mounts,
			    struct tb_server **ret) tb_must_check;
/* The port it listens on. */
uint16_t tb_server_port(const struct tb_server *server);
/* Appends "http://127.0.0.1:8000", with that port. */
void tb_server_put_url(struct tb_buf *buf, const struct tb_server *server);
/* Replaces origins and trusted proxies. Thread-safe. */
enum tb_err
tb_server_reload(struct tb_server *server,
		 const struct tb_server_options *options) tb_must_check;
/* Stops accepting, lets what runs finish (at most drain_timeout_ms), frees.
 * Handlers are waited for however long they take, and answers that are made
 * later (http/later.h): their owners should have been told before. Takes NULL.
 */
void tb_server_stop(struct tb_server *server);

#endif
