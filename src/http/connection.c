#include "http/connection.h"

#include <sys/socket.h>

#include "base/assert.h"
#include "base/clock.h"
#include "http/admission.h"
#include "http/answer.h"
#include "http/fail.h"
#include "http/resting.h"

/* How long a client may go on sending what nobody reads any more, so that it
 * finds the answer instead of a reset. */
#define LINGER_US (2 * 1000000)
/* A rest of a body that is read and dropped to keep the connection. */
#define DROPPED_MAX_BYTES (64 * 1024)
/* Of the first head, looked at before it is parsed. */
#define PEEK_BYTES 4096
/* libmicrohttpd notes each parameter in the connection's memory; when that is
 * full it hangs on to the connection without a word. */
#define PARAMETERS_MAX 32

static int64_t seconds(uint32_t s)
{
	return (int64_t)s * 1000000;
}

/* --- the ways to go on ---------------------------------------------------*/

/* The request has come whole, so the answer can be sent. */
static enum MHD_Result queue_answer(struct tb_exchange *ex)
{
	enum MHD_Result queued = MHD_NO;

	ex->phase = TB_PHASE_QUEUED;
	tb_link_await(ex->link, TB_NO_DEADLINE);
	if (ex->answer)
		queued = MHD_queue_response(ex->conn, ex->res.status,
					    ex->answer);
	return queued;
}

static enum MHD_Result finish(struct tb_exchange *ex)
{
	tb_answer_finish(ex, false);
	return queue_answer(ex);
}

/* The answer is there and the body is not, or cannot be told from what is
 * behind it. */
static enum MHD_Result write_answer(struct tb_exchange *ex)
{
	ex->phase = TB_PHASE_ENDING;
	tb_body_fini(&ex->body);
	tb_answer_write(ex);
	tb_link_await(ex->link, LINGER_US);
	return MHD_YES;
}

/* Answered with nothing but the head read. A short body is waited for, which
 * keeps the connection; a client that asks before it sends is told at once. */
static enum MHD_Result answer_early(struct tb_exchange *ex)
{
	bool is_short = !tb_admit_expects_body(ex) ||
			(ex->framing.kind == TB_FRAMING_LENGTH &&
			 ex->framing.length_bytes <= DROPPED_MAX_BYTES &&
			 !tb_request_header(&ex->req, "Expect").p);

	if (ex->must_close || !is_short)
		return write_answer(ex);
	ex->phase = TB_PHASE_ANSWERED;
	return MHD_YES;
}

/* Answered because no worker looks at it. */
static void answer_instead(struct tb_exchange *ex, enum tb_err err)
{
	tb_response_fail(&ex->res, &ex->req, err);
	if (ex->phase == TB_PHASE_HANDLER)
		tb_answer_finish(ex, false);
}

/* Gives the exchange to a worker, and the connection a rest until then. */
static enum MHD_Result hand_to_worker(struct tb_exchange *ex,
				      enum tb_phase phase)
{
	enum tb_err err;

	ex->phase = phase;
	tb_link_await(ex->link, TB_NO_DEADLINE);
	MHD_suspend_connection(ex->conn);
	err = tb_pool_submit(ex->server->pool, ex);
	if (err) {
		answer_instead(ex, err);
		MHD_resume_connection(ex->conn);
	}
	return MHD_YES;
}

/* Gives the exchange to whoever answers it later, and its connection a rest
 * until then. */
static enum MHD_Result hand_to_answerer(struct tb_exchange *ex)
{
	tb_link_await(ex->link, TB_NO_DEADLINE);
	MHD_suspend_connection(ex->conn);
	tb_resting_begin(ex);
	return MHD_YES;
}

static void await_request(struct tb_exchange *ex)
{
	tb_link_await(ex->link, seconds(ex->server->options.request_timeout_s));
}

/* --- the steps of a request ----------------------------------------------*/

static enum MHD_Result open_body(struct tb_exchange *ex)
{
	if (tb_admit_body(ex) != TB_STEP_ON)
		return answer_early(ex);
	ex->phase = TB_PHASE_BODY;
	return MHD_YES;
}

static enum MHD_Result take_head(struct tb_exchange *ex, const char *method,
				 const char *version)
{
	enum tb_step step;

	if (ex->res.status != 0) { /* answered before its head was parsed */
		ex->phase = TB_PHASE_ENDING;
		return MHD_YES;
	}
	step = tb_admit_head(ex, tb_str_z(method), version);
	if (step == TB_STEP_ON)
		step = tb_admit_route(ex);
	if (step == TB_STEP_ON)
		step = tb_admit_caller(ex, false);
	ex->is_caller_unknown = step == TB_STEP_BLOCKS;
	if (ex->is_caller_unknown && tb_admit_expects_body(ex))
		return hand_to_worker(ex, TB_PHASE_CALLER);
	return step == TB_STEP_ANSWERED ? answer_early(ex) : open_body(ex);
}

/* A worker has looked at the credentials. */
static enum MHD_Result take_caller(struct tb_exchange *ex)
{
	await_request(ex);
	return ex->res.status ? answer_early(ex) : open_body(ex);
}

static enum tb_step check_caller(struct tb_exchange *ex)
{
	enum tb_step step = tb_admit_caller(ex, true);

	TB_ASSERT(step != TB_STEP_BLOCKS);
	ex->is_caller_unknown = false;
	return step;
}

static enum MHD_Result take_piece(struct tb_exchange *ex, struct tb_str piece)
{
	enum tb_err err = tb_body_feed(&ex->body, piece);

	if (!err)
		return MHD_YES;
	tb_admit_answer_bad_body(ex, err);
	return write_answer(ex);
}

static bool answers_quickly(struct tb_exchange *ex)
{
	const struct tb_route *route = ex->match.route;

	return route->quick &&
	       route->quick(ex->match.mount->state, &ex->req, &ex->res);
}

/* Between head and end of a body callers may have been disabled, or have lost
 * what they were admitted for. False: it is answered. */
static bool is_still_admitted(struct tb_exchange *ex)
{
	enum tb_step step;

	if (!ex->req.principal || !tb_admit_expects_body(ex))
		return true;
	tb_principal_unref(ex->req.principal);
	ex->req.principal = NULL;
	step = tb_admit_caller(ex, false);
	ex->is_caller_unknown = step == TB_STEP_BLOCKS;
	return step != TB_STEP_ANSWERED;
}

static enum MHD_Result take_end(struct tb_exchange *ex)
{
	enum tb_err err = tb_body_end(&ex->body);

	ex->req.body = tb_buf_str(&ex->body.buf);
	if (err)
		tb_admit_answer_bad_body(ex, err);
	if (err || !is_still_admitted(ex) ||
	    (!ex->is_caller_unknown && answers_quickly(ex) && !ex->res.later &&
	     tb_sending_begin(ex, false)))
		return finish(ex);
	/* Suspended in this very call, libmicrohttpd would read on when it is
	 * resumed, and drop a client that has closed its sending direction.
	 * Called again, it has stopped reading. */
	ex->phase = TB_PHASE_WHOLE;
	return MHD_YES;
}

/* On a worker: the caller, if that is still open, then the answer. */
static void answer(struct tb_exchange *ex)
{
	bool was_unknown = ex->is_caller_unknown;

	if (was_unknown && check_caller(ex) == TB_STEP_ANSWERED)
		return;
	if (was_unknown && answers_quickly(ex))
		return;
	/* Perhaps quickly, and only its body waits. */
	if (ex->res.status != 0)
		return;
	TB_ASSERT(ex->match.route->handler);
	ex->match.route->handler(ex->match.mount->state, &ex->req, &ex->res);
}

static void make_piece(struct tb_exchange *ex)
{
	if (atomic_load(&ex->server->is_over))
		tb_sending_fail(ex, TB_ERR_CLOSED);
	else
		tb_sending_work(ex);
	ex->phase = TB_PHASE_QUEUED;
}

static void make_answer(struct tb_exchange *ex)
{
	tb_exchange_drop_body(ex);
	tb_sending_begin(ex, true);
	tb_answer_finish(ex, true);
}

void tb_connection_work(void *exchange)
{
	struct tb_exchange *ex = exchange;

	if (ex->phase == TB_PHASE_PIECE) {
		make_piece(ex);
	} else if (ex->phase == TB_PHASE_RESTING) {
		make_answer(ex);
	} else if (atomic_load(&ex->server->is_over)) {
		answer_instead(ex, TB_ERR_CLOSED);
	} else if (ex->phase == TB_PHASE_CALLER) {
		check_caller(ex);
	} else {
		answer(ex);
		if (ex->res.later) {
			tb_resting_begin(ex);
			return;
		}
		make_answer(ex);
	}
	MHD_resume_connection(ex->conn);
}

enum MHD_Result tb_connection_handle(void *server, struct MHD_Connection *conn,
				     const char *url, const char *method,
				     const char *version, const char *upload,
				     size_t *upload_n, void **exchange)
{
	struct tb_exchange *ex = *exchange;
	struct tb_str piece = tb_str(upload, *upload_n);

	(void)server;
	(void)conn;
	(void)url;
	if (!ex)
		return MHD_NO;
	*upload_n = 0;
	switch (ex->phase) {
	case TB_PHASE_HEAD:
		return take_head(ex, method, version);
	case TB_PHASE_CALLER:
		return take_caller(ex);
	case TB_PHASE_BODY:
		return piece.n ? take_piece(ex, piece) : take_end(ex);
	case TB_PHASE_WHOLE:
		return ex->res.later ? hand_to_answerer(ex)
				     : hand_to_worker(ex, TB_PHASE_HANDLER);
	case TB_PHASE_HANDLER:
	case TB_PHASE_RESTING:
		return queue_answer(ex);
	case TB_PHASE_ANSWERED:
		return piece.n ? MHD_YES : finish(ex);
	case TB_PHASE_ENDING:
		return piece.n ? MHD_YES : MHD_NO;
	case TB_PHASE_PIECE:
	case TB_PHASE_QUEUED: /* the daemon was stopped in that moment */
		break;
	}
	return MHD_NO;
}

/* --- its beginning and its end -------------------------------------------*/

static struct tb_link *link_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

static bool has_too_many_parameters(struct tb_str target)
{
	size_t i, n = 0;

	for (i = 0; i < target.n; i++)
		if (target.p[i] == '&')
			n++;
	return n >= PARAMETERS_MAX;
}

void *tb_connection_begin(void *server, const char *target,
			  struct MHD_Connection *conn)
{
	struct tb_link *link = link_of(conn);
	struct tb_exchange *ex;

	if (!link)
		return NULL;
	ex = tb_exchange_begin(server, link, conn, tb_str_z(target));
	if (!ex)
		return NULL;
	link->exchange = ex;
	atomic_store(&link->is_idle, false);
	await_request(ex);
	if (link->flaw)
		tb_admit_answer_unparsed(ex, 400, tb_str_z(link->flaw));
	else if (has_too_many_parameters(ex->target))
		tb_admit_answer_unparsed(ex, 414,
					 TB_STR("too many parameters"));
	if (ex->res.status)
		write_answer(ex);
	ex->phase = TB_PHASE_HEAD;
	link->flaw = NULL;
	return ex;
}

/* The status that the client was sent; 0: none. libmicrohttpd answers some
 * requests itself: heads over its memory, lines that are none, bad chunks. */
static unsigned sent_status(const struct tb_exchange *ex)
{
	const union MHD_ConnectionInfo *info;

	if (ex->phase == TB_PHASE_QUEUED || ex->is_written)
		return ex->res.status;
	info = MHD_get_connection_info(ex->conn,
				       MHD_CONNECTION_INFO_HTTP_STATUS);
	return info ? info->http_status : 0;
}

static void report(const struct tb_exchange *ex,
		   enum MHD_RequestTerminationCode code)
{
	const struct tb_server_options *options = &ex->server->options;
	unsigned status = sent_status(ex);
	bool is_library_answer = status != 0 && ex->phase != TB_PHASE_QUEUED;
	struct tb_access access = {
		.req = ex->phase == TB_PHASE_HEAD ? NULL : &ex->req,
		.login = ex->res.login,
		.method = ex->method,
		.route = ex->req.route,
		.request_id = ex->req.id,
		.address = ex->req.address,
		.error_code = ex->res.error_code,
		.status = status,
		.bytes_in = ex->body.received_bytes,
		.bytes_out = ex->req.method == TB_HEAD ? 0 : ex->answer_bytes,
		.duration_us = tb_clock_monotonic_us() - ex->started_us,
		.is_audited = ex->res.is_audited,
		.aborted = code != MHD_REQUEST_TERMINATED_COMPLETED_OK &&
			   !is_library_answer,
	};

	if (!options->on_access)
		return;
	if (status == 0 && atomic_load(&ex->link->was_late))
		access.status = 408;
	if (!access.error_code && access.status >= 400)
		access.error_code = tb_fail_status_code(access.status);
	options->on_access(options->on_access_ctx, &access);
}

static void end(struct tb_exchange *ex, enum MHD_RequestTerminationCode code)
{
	struct tb_link *link = ex->link;

	report(ex, code);
	tb_link_await_reader(link, TB_NO_DEADLINE);
	tb_link_await(link, seconds(ex->server->options.idle_timeout_s));
	atomic_store(&link->is_idle, true);
	link->exchange = NULL;
	tb_exchange_end(ex);
}

void tb_connection_end(void *server, struct MHD_Connection *conn,
		       void **exchange, enum MHD_RequestTerminationCode code)
{
	(void)server;
	(void)conn;
	if (*exchange)
		end(*exchange, code);
	*exchange = NULL;
}

/* Looks at the first head before libmicrohttpd does. It refuses some flaws in
 * words of its own, which are then never sent; those of later heads on the
 * connection it does answer so. */
static const char *peek_flaw(int fd)
{
	char head[PEEK_BYTES];
	ssize_t n = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

	return n > 0 ? tb_hygiene_scan(tb_str(head, (size_t)n)) : NULL;
}

static struct tb_link *open_link(struct tb_server *server,
				 struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info;
	struct tb_link *link;
	struct tb_ip peer;

	info = MHD_get_connection_info(conn,
				       MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (tb_ip_from_sockaddr(info->client_addr, &peer))
		return NULL;
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	link = tb_link_create(&server->links, info->connect_fd, &peer);
	if (!link)
		return NULL;
	link->flaw = peek_flaw(link->fd);
	tb_link_await(link, seconds(server->options.request_timeout_s));
	return link;
}

/* When libmicrohttpd stumbles over its own error answer, it closes without
 * saying that the request is over. */
static void close_link(struct tb_server *server, struct tb_link *link)
{
	if (link && link->exchange)
		end(link->exchange, MHD_REQUEST_TERMINATED_WITH_ERROR);
	tb_link_destroy(&server->links, link);
}

void tb_connection_notify(void *server, struct MHD_Connection *conn,
			  void **link, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*link = open_link(server, conn);
	} else {
		close_link(server, *link);
		*link = NULL;
	}
}

size_t tb_connection_keep_escapes(void *server, struct MHD_Connection *conn,
				  char *text)
{
	(void)server;
	(void)conn;
	return strlen(text);
}
