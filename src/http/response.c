#include "http/response.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "http/encoding.h"
#include "http/fail.h"
#include "http/hygiene.h"
#include "http/later.h"
#include "http/route.h"
#include "http/source.h"

#define ERROR_BODY_MAX_BYTES (64 * 1024)

struct tb_blob {
	atomic_uint refs;
	char *p;
	size_t n;
};

struct tb_blob *tb_blob_create(struct tb_buf *buf)
{
	struct tb_blob *blob = tb_malloc(sizeof(*blob));

	if (!blob)
		return NULL;
	atomic_init(&blob->refs, 1);
	blob->p = buf->p;
	blob->n = buf->n;
	tb_buf_init(buf, buf->max);
	return blob;
}

enum tb_err tb_blob_create_exact(struct tb_buf *buf, struct tb_blob **ret)
{
	struct tb_blob *blob;
	struct tb_buf exact;

	tb_buf_init(&exact, buf->n);
	if (buf->cap - buf->n > buf->n / 8)
		tb_buf_append_str(&exact, tb_buf_str(buf));
	if (tb_buf_err(&exact))
		return tb_buf_err(&exact);
	blob = tb_blob_create(exact.p ? &exact : buf);
	tb_buf_fini(&exact);
	if (!blob)
		return TB_ERR_NOMEM;
	*ret = blob;
	return TB_OK;
}

struct tb_blob *tb_blob_ref(struct tb_blob *blob)
{
	atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

void tb_blob_unref(struct tb_blob *blob)
{
	if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1,
					       memory_order_acq_rel) != 1)
		return;
	tb_free(blob->p);
	tb_free(blob);
}

struct tb_str tb_blob_str(const struct tb_blob *blob)
{
	return tb_str(blob->p, blob->n);
}

enum tb_err tb_response_header(struct tb_response *res, const char *name,
			       struct tb_str value)
{
	struct tb_header header = { .name = tb_str_z(name) };
	enum tb_err err;

	TB_ASSERT(tb_hygiene_is_field_value(value));
	if (res->n_headers == TB_RESPONSE_HEADERS_MAX)
		return TB_ERR_NOMEM;
	err = tb_arena_strdup(res->arena, value, &header.value);
	if (err)
		return TB_ERR_NOMEM;
	res->headers[res->n_headers++] = header;
	return TB_OK;
}

/* Another answer takes the place of those that were still to come. */
static void cancel(struct tb_response *res)
{
	if (res->later)
		res->later->cancel(res->later);
	res->later = NULL;
	if (res->takeover)
		res->takeover->cancel(res->takeover);
	res->takeover = NULL;
}

void tb_response_empty(struct tb_response *res, unsigned status)
{
	cancel(res);
	tb_buf_fini(&res->body);
	tb_blob_unref(res->blob);
	res->blob = NULL;
	if (res->source)
		res->source->ops->destroy(res->source);
	res->source = NULL;
	res->content_type = NULL;
	res->encoded = false;
	res->status = status;
	tb_principal_unref(res->login);
	res->login = NULL;
}

void tb_response_login(struct tb_response *res,
		       const struct tb_principal *principal)
{
	tb_principal_unref(res->login);
	res->login = tb_principal_ref(principal);
}

void tb_response_body(struct tb_response *res, unsigned status,
		      const char *content_type, struct tb_buf *buf)
{
	tb_response_empty(res, status);
	res->content_type = content_type;
	res->body = *buf;
	tb_buf_init(buf, buf->max);
}

void tb_response_blob(struct tb_response *res, unsigned status,
		      const char *content_type, struct tb_blob *blob,
		      bool is_gzip)
{
	tb_response_empty(res, status);
	res->content_type = content_type;
	res->blob = blob;
	res->encoded = is_gzip;
}

void tb_response_source(struct tb_response *res, unsigned status,
			const char *content_type, struct tb_source *source,
			uint64_t length)
{
	tb_response_empty(res, status);
	res->content_type = content_type;
	res->source = source;
	res->source_bytes = length;
}

void tb_response_later(struct tb_response *res, struct tb_later *later)
{
	tb_response_empty(res, 0);
	res->later = later;
}

void tb_response_takeover(struct tb_response *res, struct tb_takeover *takeover)
{
	tb_response_empty(res, 101);
	res->takeover = takeover;
}

void tb_response_error(struct tb_response *res, const struct tb_request *req,
		       unsigned status, const char *code, struct tb_str message)
{
	struct tb_http_error error = {
		.status = status,
		.code = code ? code : tb_fail_status_code(status),
		.message = message,
	};
	const char *type = req->api->error_type;
	struct tb_buf body;

	tb_buf_init(&body, ERROR_BODY_MAX_BYTES);
	req->api->put_error(&body, req, &error);
	if (tb_buf_err(&body)) {
		/* The status says most of it; there is no memory for more. */
		tb_buf_fini(&body);
		tb_response_empty(res, status);
	} else {
		tb_response_body(res, status, type ? type : TB_JSON_UTF8_TYPE,
				 &body);
	}
	res->error_code = error.code;
}

void tb_response_fail(struct tb_response *res, const struct tb_request *req,
		      enum tb_err err)
{
	const struct tb_fail *fail = tb_fail_of(err);

	res->n_headers = 0;
	tb_response_error(res, req, fail->status, fail->code,
			  tb_str_z(fail->message));
	tb_fail_put_retry_after(res, fail->retry_after_s);
}

void tb_response_written(struct tb_response *res, const struct tb_request *req,
			 unsigned status, const char *content_type,
			 struct tb_buf *buf)
{
	enum tb_err err = tb_buf_err(buf);

	if (err) {
		tb_buf_fini(buf);
		tb_response_fail(res, req, err);
		return;
	}
	tb_response_body(res, status, content_type, buf);
	if (status >= 400)
		res->error_code = tb_fail_status_code(status);
}

bool tb_request_accepts_gzip(const struct tb_request *req)
{
	return tb_encoding_accepts_gzip(
		tb_request_header(req, "Accept-Encoding"));
}
