/*
 * One request with its answer, from the request line to the last byte sent,
 * and the server that it belongs to: what the files of this folder share.
 *
 * An exchange is owned by the I/O thread, but while its connection is
 * suspended by the worker that has it, or by whoever will answer. Its memory
 * comes from one arena and is used again for later requests. The slices of
 * target and headers point into libmicrohttpd's memory, which is theirs as long
 * as the exchange lives.
 */
#ifndef TB_HTTP_EXCHANGE_H
#define TB_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "http/body.h"
#include "http/cors.h"
#include "http/hygiene.h"
#include "http/ids.h"
#include "http/links.h"
#include "http/policy.h"
#include "http/sending.h"
#include "http/server.h"

/* libmicrohttpd's memory for each connection. The request's head, a record
 * for each header, parameter and cookie, and the answer's head share it. */
#define TB_CONNECTION_BYTES 8192
#define TB_HEADERS_MAX 64

/* How far a request has come. */
enum tb_phase {
	TB_PHASE_HEAD,     /* its request line is there */
	TB_PHASE_CALLER,   /* suspended: a worker checks credentials */
	TB_PHASE_BODY,     /* its body, if any, is coming */
	TB_PHASE_WHOLE,    /* it is there, and cannot be answered at once */
	TB_PHASE_HANDLER,  /* suspended: a worker runs the handler */
	TB_PHASE_RESTING,  /* suspended: somebody answers later */
	TB_PHASE_ANSWERED, /* the answer is made and waits for the body's end */
	TB_PHASE_QUEUED,   /* libmicrohttpd has the answer */
	TB_PHASE_PIECE,    /* suspended: a worker makes a piece of its body */
	TB_PHASE_ENDING,   /* the answer was written past libmicrohttpd; what
			    * still comes is dropped, then it is closed */
};

struct tb_exchange {
	struct tb_server *server;
	struct tb_link *link;
	struct MHD_Connection *conn;
	enum tb_phase phase;
	struct tb_str method; /* as sent */
	struct tb_str target; /* as sent */
	struct tb_request req;
	struct tb_match_result match;
	struct tb_framing framing;
	struct tb_body body;
	bool is_caller_unknown; /* a worker checks credentials */
	bool must_close;        /* nothing after this request can be trusted */
	struct tb_str origin;   /* that may read the answer; p NULL: none */
	enum tb_cors cors;
	bool varies_by_origin;
	struct tb_response res;
	struct MHD_Response *answer; /* finished and not yet queued */
	struct tb_sending sending;   /* of a body that is a source */
	uint64_t answer_bytes;       /* of its body; of a source: sent */
	bool is_written;             /* whole, past libmicrohttpd */
	int64_t started_us;          /* monotonic */
	struct tb_arena *arena;
	struct tb_exchange *next_free;
	char id[TB_REQUEST_ID_MAX + 1];
	char address[TB_IP_TEXT_MAX];
	struct tb_header headers[TB_HEADERS_MAX];
};

struct tb_server {
	struct tb_server_options options;
	struct tb_auth *auth;
	const struct tb_mount *mounts;
	size_t n_mounts;
	struct MHD_Daemon *daemon;
	int listen_fd;
	uint16_t port;
	struct tb_links links;
	struct tb_pool *pool;
	struct tb_budget budget;
	struct tb_ids ids;
	pthread_rwlock_t policy_lock;
	struct tb_policy policy;
	struct tb_exchange *free; /* of the I/O thread */
	size_t n_free;
	_Atomic size_t n_active;  /* exchanges between begin and end */
	_Atomic size_t n_resting; /* of these: not yet answered by whoever will
				   */
	_Atomic bool is_draining;
	_Atomic bool is_over; /* the time to drain: nothing is begun now */
};

/* An exchange for a request that begins; `target` is copied. NULL: no memory.
 * I/O thread. */
struct tb_exchange *tb_exchange_begin(struct tb_server *server,
				      struct tb_link *link,
				      struct MHD_Connection *conn,
				      struct tb_str target);
/* What was asked makes room for the answer. */
void tb_exchange_drop_body(struct tb_exchange *ex);
/* Ends it, with all it owns. I/O thread. */
void tb_exchange_end(struct tb_exchange *ex);
/* Frees those kept for later requests. */
void tb_exchange_free_all(struct tb_server *server);

/* What answers for paths below no API, and before one is found. */
extern const struct tb_api tb_exchange_no_api;

#endif
