#include "http/sending.h"

#include "base/assert.h"
#include "base/clock.h"
#include "http/exchange.h"
#include "http/fail.h"

/* What libmicrohttpd sends at once of a body whose length is known; it has a
 * buffer of this size for each. */
#define BLOCK_BYTES (64u << 10)
/* The same for one of unknown length on HTTP/1.0. On HTTP/1.1 it is chunked in
 * the connection's own memory. */
#define CLOSED_BLOCK_BYTES (8u << 10)
/* What a slow reader may hold in any case: a block, and a piece of the usual
 * size in both forms while it is packed. */
#define READER_BYTES (256u << 10)
/* After each so many bytes a reader's time starts anew, so that who read fast
 * cannot be slow for long. */
#define WINDOW_BYTES (256u << 10)

_Static_assert(TB_GZIP_HEAD_BYTES == TB_GZIP_TAIL_BYTES, "one frame for both");

void tb_sending_fini(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;

	tb_piece_release(&s->next);
	tb_blob_unref(s->blob);
	if (s->charged_bytes > 0)
		tb_budget_give(&ex->server->budget, s->charged_bytes);
	*s = (struct tb_sending) { .is_begun = false };
}

/* --- the budget ----------------------------------------------------------*/

/* Changes what is charged for the answer. BUSY: there is no more; then it is
 * as before. */
static enum tb_err charge(struct tb_exchange *ex, uint64_t bytes)
{
	struct tb_budget *budget = &ex->server->budget;
	struct tb_sending *s = &ex->sending;

	if (bytes < s->charged_bytes)
		tb_budget_give(budget, s->charged_bytes - bytes);
	else if (bytes > s->charged_bytes &&
		 !tb_budget_take(budget, bytes - s->charged_bytes))
		return TB_ERR_BUSY;
	s->charged_bytes = bytes;
	return TB_OK;
}

static uint64_t blob_bytes(const struct tb_blob *blob)
{
	return blob ? tb_blob_str(blob).n : 0;
}

/* Pieces are as large as what they are made of: one event may be all that a
 * post could hold. */
static enum tb_err charge_pieces(struct tb_exchange *ex)
{
	const struct tb_sending *s = &ex->sending;
	uint64_t bytes = blob_bytes(s->blob) + blob_bytes(s->next.plain) +
			 blob_bytes(s->next.packed);
	uint64_t least = ex->res.source_bytes < READER_BYTES
				 ? ex->res.source_bytes
				 : READER_BYTES;

	return charge(ex, bytes < least ? least : bytes);
}

/* Of an answer that is in memory whole. Small ones are always sent. */
static enum tb_err charge_body(struct tb_exchange *ex)
{
	const struct tb_response *res = &ex->res;
	uint64_t bytes = res->blob ? blob_bytes(res->blob) : res->body.n;

	return bytes > READER_BYTES ? charge(ex, bytes) : TB_OK;
}

/* --- the next piece ------------------------------------------------------*/

static bool is_packed(const struct tb_sending *s)
{
	return !s->is_gzip || !s->next.plain || s->next.packed;
}

/* Gets the next piece from memory. False: a worker is to get it. */
static bool find_next(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;
	struct tb_source *source = ex->res.source;

	if (!s->is_next)
		s->is_next = source->ops->find &&
			     source->ops->find(source, &s->next);
	return s->is_next && is_packed(s) && !charge_pieces(ex);
}

/* The same on a worker, in any case. */
static enum tb_err make_next(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;
	struct tb_source *source = ex->res.source;
	enum tb_err err = TB_OK;

	if (!s->is_next)
		err = source->ops->make(source, &s->next);
	s->is_next = !err;
	if (!err && !is_packed(s))
		err = tb_piece_pack(&s->next);
	return err ? err : charge_pieces(ex);
}

void tb_sending_fail(struct tb_exchange *ex, enum tb_err err)
{
	ex->sending.err = err;
	ex->res.error_code = tb_fail_of(err)->code;
}

void tb_sending_work(struct tb_exchange *ex)
{
	enum tb_err err = make_next(ex);

	if (err)
		tb_sending_fail(ex, err);
}

/* A body that is not as long as was told would pass for another one. */
static void check_length(struct tb_exchange *ex)
{
	const struct tb_sending *s = &ex->sending;
	uint64_t told_bytes = ex->res.source_bytes;

	if (told_bytes != TB_LENGTH_UNKNOWN &&
	    (s->has_ended ? s->taken_bytes != told_bytes
			  : s->taken_bytes > told_bytes))
		tb_sending_fail(ex, TB_ERR_CORRUPT);
}

static void take_end(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;

	s->has_ended = true;
	check_length(ex);
	if (!s->is_gzip || s->err)
		return;
	tb_gzip_end(&s->gzip, s->frame);
	s->rest = tb_str((const char *)s->frame, sizeof(s->frame));
}

/* What is next becomes what is being sent. */
static void take_next(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;
	size_t n;

	s->is_next = false;
	if (!s->next.plain) {
		take_end(ex);
		return;
	}
	n = tb_blob_str(s->next.plain).n;
	s->taken_bytes += n;
	check_length(ex);
	if (s->is_gzip)
		tb_gzip_add(&s->gzip, s->next.crc, n);
	if (!s->err) {
		s->blob = tb_blob_ref(s->is_gzip ? s->next.packed
						 : s->next.plain);
		s->rest = tb_blob_str(s->blob);
	}
	tb_piece_release(&s->next);
}

/* --- its beginning -------------------------------------------------------*/

static bool has_pieces(const struct tb_exchange *ex)
{
	return ex->res.source && ex->req.method != TB_HEAD &&
	       ex->res.source_bytes > 0;
}

static enum tb_err begin(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;

	s->is_begun = true;
	s->is_gzip = ex->res.source_bytes >= TB_COMPRESS_MIN_BYTES &&
		     tb_request_accepts_gzip(&ex->req);
	ex->res.source->is_gzip = s->is_gzip;
	ex->res.encoded = s->is_gzip;
	if (!has_pieces(ex))
		return TB_OK;
	if (s->is_gzip) {
		tb_gzip_begin(&s->gzip, s->frame);
		s->rest = tb_str((const char *)s->frame, sizeof(s->frame));
	}
	return charge_pieces(ex);
}

/* Nothing has been sent, so that a proper answer can be. */
static void answer_error(struct tb_exchange *ex, enum tb_err err)
{
	tb_sending_fini(ex);
	tb_response_fail(&ex->res, &ex->req, err);
}

bool tb_sending_begin(struct tb_exchange *ex, bool may_block)
{
	enum tb_err err = TB_OK;

	if (!ex->res.source)
		err = charge_body(ex);
	else if (!ex->sending.is_begun)
		err = begin(ex);
	if (!err && has_pieces(ex) && !find_next(ex)) {
		if (!may_block)
			return false;
		err = make_next(ex);
	}
	if (err)
		answer_error(ex, err);
	return true;
}

/* --- its way out ---------------------------------------------------------*/

/* A client that learns the length of the body from the end of the connection
 * must not find a proper end. */
static ssize_t reset_connection(struct tb_exchange *ex)
{
	tb_link_reset(&ex->server->links, ex->link);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* libmicrohttpd's timeout starts anew with each byte, and a reader keeps its
 * memory. So each window has its time: at the lowest rate, and the timeout for
 * what sockets hold back. */
static void hold_to_rate(struct tb_exchange *ex, size_t n)
{
	const struct tb_server_options *options = &ex->server->options;
	struct tb_sending *s = &ex->sending;
	int64_t now_us = tb_clock_monotonic_us();

	if (s->is_paused)
		s->window_end_us += now_us;
	s->is_paused = false;
	if (s->window_bytes == 0) {
		s->window_bytes = WINDOW_BYTES;
		s->window_end_us = now_us +
				   (int64_t)options->idle_timeout_s * 1000000 +
				   (int64_t)WINDOW_BYTES * 1000000 /
					   options->reader_min_bytes_per_s;
	}
	s->window_bytes -= n < s->window_bytes ? n : s->window_bytes;
	tb_link_await_reader(ex->link, s->window_end_us - now_us);
}

/* What a worker takes is not the reader's time. */
static void pause_rate(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;

	if (!s->is_paused)
		s->window_end_us -= tb_clock_monotonic_us();
	s->is_paused = true;
	tb_link_await_reader(ex->link, TB_NO_DEADLINE);
}

static void await_piece(struct tb_exchange *ex)
{
	enum tb_err err;

	pause_rate(ex);
	ex->phase = TB_PHASE_PIECE;
	MHD_suspend_connection(ex->conn);
	err = tb_pool_submit_again(ex->server->pool, ex);
	if (err) {
		ex->phase = TB_PHASE_QUEUED;
		tb_sending_fail(ex, err);
		MHD_resume_connection(ex->conn);
	}
}

/* True once there is something to send. */
static bool advance(struct tb_exchange *ex)
{
	struct tb_sending *s = &ex->sending;

	if (s->rest.n > 0)
		return true;
	/* What was sent makes room for what comes. */
	tb_blob_unref(s->blob);
	s->blob = NULL;
	if (!s->err && !s->has_ended && find_next(ex))
		take_next(ex);
	return s->rest.n > 0;
}

static ssize_t read_body(void *cls, uint64_t pos, char *to, size_t max)
{
	struct tb_exchange *ex = cls;
	struct tb_sending *s = &ex->sending;
	size_t n = 0;

	(void)pos;
	while (n < max && advance(ex)) {
		size_t part = s->rest.n < max - n ? s->rest.n : max - n;

		memcpy(to + n, s->rest.p, part);
		s->rest = tb_str(s->rest.p + part, s->rest.n - part);
		n += part;
	}
	ex->answer_bytes += n;
	if (n > 0) {
		hold_to_rate(ex, n);
		return (ssize_t)n;
	}
	if (s->err)
		return reset_connection(ex);
	if (s->has_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	await_piece(ex);
	return 0;
}

struct MHD_Response *tb_sending_create_response(struct tb_exchange *ex)
{
	uint64_t length_bytes = ex->res.source_bytes;
	size_t block_bytes = BLOCK_BYTES;
	struct MHD_Response *answer;

	if (ex->sending.is_gzip || length_bytes == TB_LENGTH_UNKNOWN) {
		length_bytes = MHD_SIZE_UNKNOWN;
		block_bytes = CLOSED_BLOCK_BYTES;
	} else if (length_bytes < BLOCK_BYTES) {
		block_bytes = (size_t)length_bytes + 1;
	}
	answer = MHD_create_response_from_callback(length_bytes, block_bytes,
						   read_body, ex, NULL);
	/* libmicrohttpd would send a last chunk to HEAD, which the client has
	 * to take for the next answer. So nothing is chunked, and it closes. */
	if (answer && length_bytes == MHD_SIZE_UNKNOWN &&
	    ex->req.method == TB_HEAD)
		MHD_set_response_options(
			answer, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return answer;
}
