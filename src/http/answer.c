#include "http/answer.h"

#include <sys/socket.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "codec/gzip.h"
#include "codec/time.h"
#include "http/takeover.h"

#define COMPRESS_LEVEL 1
/* Of an answer written straight to the socket: these are errors. */
#define WRITTEN_MAX_BYTES (128 * 1024)

static struct tb_str body_of(const struct tb_response *res)
{
	return res->blob ? tb_blob_str(res->blob) : tb_buf_str(&res->body);
}

/* The same for a client that takes no gzip, so that caches know. What a 304
 * stands for may be long (RFC 9110, section 15.4.5). */
static bool varies_by_coding(const struct tb_exchange *ex)
{
	uint64_t n = ex->res.source ? ex->res.source_bytes : ex->answer_bytes;

	return ex->res.encoded || ex->res.status == 304 ||
	       n >= TB_COMPRESS_MIN_BYTES;
}

bool tb_answer_is_to_be_packed(const struct tb_exchange *ex)
{
	return !ex->res.encoded &&
	       body_of(&ex->res).n >= TB_COMPRESS_MIN_BYTES &&
	       tb_request_accepts_gzip(&ex->req);
}

/* Whatever fails here, the answer goes as it is. */
static void compress(struct tb_exchange *ex)
{
	struct tb_response *res = &ex->res;
	struct tb_str body = body_of(res);
	struct tb_buf packed;

	if (!tb_answer_is_to_be_packed(ex))
		return;
	tb_buf_init(&packed, body.n);
	if (tb_gzip_compress(body, COMPRESS_LEVEL, &packed)) {
		tb_buf_fini(&packed);
		return;
	}
	tb_response_body(res, res->status, res->content_type, &packed);
	res->encoded = true;
}

/* Where the headers of an answer go to. */
struct sink {
	void (*put)(struct sink *sink, const char *name, struct tb_str value);
	struct MHD_Response *answer;
	struct tb_buf *buf;
	bool failed;
};

/* Every value here has a NUL behind it. libmicrohttpd takes no empty ones,
 * which say nothing that their absence would not. */
static void put_to_library(struct sink *sink, const char *name,
			   struct tb_str value)
{
	if (value.n > 0 &&
	    MHD_add_response_header(sink->answer, name, value.p) != MHD_YES)
		sink->failed = true;
}

static void put_to_buf(struct sink *sink, const char *name, struct tb_str value)
{
	tb_buf_printf(sink->buf, "%s: %.*s\r\n", name, TB_STR_ARG(value));
}

static void put_vary(const struct tb_exchange *ex, struct sink *sink)
{
	bool by_coding = varies_by_coding(ex);

	if (ex->varies_by_origin && by_coding)
		sink->put(sink, "Vary", TB_STR("Origin, Accept-Encoding"));
	else if (ex->varies_by_origin)
		sink->put(sink, "Vary", TB_STR("Origin"));
	else if (by_coding)
		sink->put(sink, "Vary", TB_STR("Accept-Encoding"));
}

static void put_cors(const struct tb_exchange *ex, struct sink *sink)
{
	if (!ex->origin.p)
		return;
	sink->put(sink, "Access-Control-Allow-Origin", ex->origin);
	sink->put(sink, "Access-Control-Expose-Headers",
		  TB_STR(TB_CORS_EXPOSED));
	if (ex->req.api->exposed)
		sink->put(sink, "Access-Control-Expose-Headers",
			  tb_str_z(ex->req.api->exposed));
}

/* The handler's headers and those of every answer. */
static void put_headers(const struct tb_exchange *ex, struct sink *sink)
{
	const struct tb_response *res = &ex->res;
	bool has_cache_control = false;
	size_t i;

	for (i = 0; i < res->n_headers; i++) {
		const struct tb_header *header = &res->headers[i];

		sink->put(sink, header->name.p, header->value);
		if (tb_str_eq_nocase(header->name, TB_STR("Cache-Control")))
			has_cache_control = true;
	}
	if (res->content_type)
		sink->put(sink, "Content-Type", tb_str_z(res->content_type));
	if (res->encoded)
		sink->put(sink, "Content-Encoding", TB_STR("gzip"));
	if (!has_cache_control)
		sink->put(sink, "Cache-Control", TB_STR("no-store"));
	put_vary(ex, sink);
	put_cors(ex, sink);
	sink->put(sink, "X-Request-Id", ex->req.id);
}

static void unref_blob(void *blob)
{
	tb_blob_unref(blob);
}

/* The body's memory goes over to the library, which gives it back when the
 * last byte is sent. */
static struct MHD_Response *hand_over_body(struct tb_exchange *ex)
{
	struct tb_response *res = &ex->res;
	struct tb_str body = body_of(res);
	struct MHD_Response *answer;

	if (res->source)
		return tb_sending_create_response(ex);
	if (res->takeover)
		return tb_takeover_create_response(ex);
	if (res->blob)
		answer = MHD_create_response_from_buffer_with_free_callback_cls(
			body.n, (void *)body.p, unref_blob, res->blob);
	else
		answer = MHD_create_response_from_buffer_with_free_callback_cls(
			body.n, (void *)body.p, tb_free, res->body.p);
	if (!answer)
		return NULL;
	res->blob = NULL;
	tb_buf_init(&res->body, 0);
	return answer;
}

void tb_answer_finish(struct tb_exchange *ex, bool may_compress)
{
	struct sink sink = { .put = put_to_library };

	TB_ASSERT(ex->res.status != 0);
	if (may_compress)
		compress(ex);
	ex->answer_bytes = body_of(&ex->res).n;
	sink.answer = hand_over_body(ex);
	if (!sink.answer)
		return;
	put_headers(ex, &sink);
	if (atomic_load(&ex->server->is_draining) && !ex->res.takeover)
		sink.put(&sink, "Connection", TB_STR("close"));
	if (sink.failed)
		MHD_destroy_response(sink.answer);
	else
		ex->answer = sink.answer;
}

static void put_answer(const struct tb_exchange *ex, struct tb_buf *buf)
{
	struct sink sink = { .put = put_to_buf, .buf = buf };
	struct tb_str body = body_of(&ex->res);

	tb_buf_printf(buf, "HTTP/1.1 %u %s\r\nDate: ", ex->res.status,
		      MHD_get_reason_phrase_for(ex->res.status));
	tb_time_put_http(buf, tb_clock_now_us());
	tb_buf_printf(buf, "\r\nConnection: close\r\nContent-Length: %zu\r\n",
		      body.n);
	put_headers(ex, &sink);
	tb_buf_append_z(buf, "\r\n");
	if (ex->req.method != TB_HEAD)
		tb_buf_append_str(buf, body);
}

void tb_answer_write(struct tb_exchange *ex)
{
	int fd = ex->link->fd;
	struct tb_buf buf;

	tb_buf_init(&buf, WRITTEN_MAX_BYTES);
	ex->answer_bytes = body_of(&ex->res).n;
	put_answer(ex, &buf);
	if (!tb_buf_err(&buf))
		ex->is_written =
			send(fd, buf.p, buf.n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
			(ssize_t)buf.n;
	shutdown(fd, SHUT_WR);
	tb_buf_fini(&buf);
}
