#include "http/body.h"

/* What is decompressed at once: gzip makes at most about a thousand times as
 * much of it, which bounds what one body can take beyond the budget. */
#define GZIP_STEP_BYTES 256

enum tb_err tb_body_init(struct tb_body *body, struct tb_budget *budget,
			 uint64_t max_bytes, bool is_gzip, bool is_ignored)
{
	struct tb_gunzip *gunzip = NULL;

	if (is_gzip) {
		gunzip = tb_gunzip_create();
		if (!gunzip)
			return TB_ERR_NOMEM;
	}
	*body = (struct tb_body) {
		.gunzip = gunzip,
		.budget = budget,
		.max_bytes = max_bytes,
		.is_ignored = is_ignored,
	};
	tb_buf_init(&body->buf, max_bytes);
	return TB_OK;
}

void tb_body_fini(struct tb_body *body)
{
	tb_gunzip_destroy(body->gunzip);
	body->gunzip = NULL;
	tb_buf_fini(&body->buf);
	if (body->charged_bytes > 0)
		tb_budget_give(body->budget, body->charged_bytes);
	body->charged_bytes = 0;
}

static enum tb_err charge(struct tb_body *body, uint64_t bytes)
{
	if (!tb_budget_take(body->budget, bytes))
		return TB_ERR_BUSY;
	body->charged_bytes += bytes;
	return TB_OK;
}

static enum tb_err keep(struct tb_body *body, struct tb_str piece)
{
	enum tb_err err = charge(body, piece.n);

	if (err)
		return err;
	tb_buf_append_str(&body->buf, piece);
	return tb_buf_err(&body->buf);
}

static enum tb_err decompress(struct tb_body *body, struct tb_str piece)
{
	while (piece.n > 0) {
		size_t n =
			piece.n < GZIP_STEP_BYTES ? piece.n : GZIP_STEP_BYTES;
		enum tb_err err = tb_gunzip_feed(
			body->gunzip, tb_str(piece.p, n), &body->buf);

		if (!err)
			err = charge(body, body->buf.n - body->charged_bytes);
		if (err)
			return err;
		piece = tb_str(piece.p + n, piece.n - n);
	}
	return TB_OK;
}

enum tb_err tb_body_feed(struct tb_body *body, struct tb_str piece)
{
	if (piece.n > body->max_bytes - body->received_bytes)
		return TB_ERR_TOO_LARGE;
	body->received_bytes += piece.n;
	if (body->is_ignored)
		return TB_OK;
	return body->gunzip ? decompress(body, piece) : keep(body, piece);
}

enum tb_err tb_body_end(struct tb_body *body)
{
	if (body->gunzip && !body->is_ignored && !tb_gunzip_done(body->gunzip))
		return TB_ERR_INVALID;
	return TB_OK;
}
