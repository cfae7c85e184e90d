/*
 * A reader of frames under test, and all that it tells as one line of text:
 * "text:..;" and "bytes:..;" messages, "reply:..;" a control frame to be sent,
 * "end:NAME CODE;" how it ended. Its reader is lent anew for each frame that
 * begins between two.
 */
#ifndef TB_TESTS_FRAMES_FIXTURE_H
#define TB_TESTS_FRAMES_FIXTURE_H

#include "base/assert.h"
#include "base/buf.h"
#include "hub/frames.h"

#define FRAMES_TEXT_MAX ((size_t)1 << 22)

struct frames_fixture {
	struct tb_budget budget;
	struct tb_frames_pool pool;
	struct tb_frames *frames;
	struct tb_buf told;
	bool is_over;
};

static inline void frames_on_message(void *ctx, struct tb_str message,
				     bool is_binary)
{
	struct frames_fixture *f = ctx;

	tb_buf_append_z(&f->told, is_binary ? "bytes:" : "text:");
	tb_buf_append_str(&f->told, message);
	tb_buf_append_char(&f->told, ';');
}

static inline void frames_on_reply(void *ctx, struct tb_str frame)
{
	struct frames_fixture *f = ctx;

	tb_buf_append_z(&f->told, "reply:");
	tb_buf_append_str(&f->told, frame);
	tb_buf_append_char(&f->told, ';');
}

/* The pool has an address in it, so it is not to be moved. */
static inline void frames_init(struct frames_fixture *f,
			       uint64_t message_max_bytes,
			       uint64_t budget_bytes)
{
	*f = (struct frames_fixture) { .is_over = false };
	tb_budget_init(&f->budget, budget_bytes);
	f->pool.budget = &f->budget;
	f->pool.message_max_bytes = message_max_bytes;
	tb_buf_init(&f->told, FRAMES_TEXT_MAX);
}

static inline void frames_fini(struct frames_fixture *f)
{
	tb_frames_give_back(&f->pool, f->frames);
	tb_frames_pool_fini(&f->pool);
	tb_buf_fini(&f->told);
	TB_ASSERT(f->budget.taken_bytes == 0);
}

/* Feeds it all, as the loop does. */
static inline void frames_feed(struct frames_fixture *f, struct tb_str bytes)
{
	const struct tb_frames_sink sink = { frames_on_message, frames_on_reply,
					     f };
	enum tb_err err = TB_OK;
	uint16_t code;

	while (bytes.n > 0 && !f->is_over) {
		size_t before = bytes.n;
		if (f->frames == NULL)
			f->frames = tb_frames_lend(&f->pool);
		TB_ASSERT(f->frames != NULL);
		err = tb_frames_feed(f->frames, &bytes, &sink, &code);
		TB_ASSERT(err != TB_OK || bytes.n < before);
		if (err != TB_OK) {
			f->is_over = true;
			tb_buf_printf(&f->told, "end:%s %u;", tb_err_name(err),
				      code);
		}
		if (f->is_over || tb_frames_is_between(f->frames)) {
			tb_frames_give_back(&f->pool, f->frames);
			f->frames = NULL;
			TB_ASSERT(f->budget.taken_bytes == 0);
		}
	}
}

/* A frame, masked unless told otherwise, with the shortest head. */
static inline void frames_put(struct tb_buf *to, unsigned first, bool is_masked,
			      struct tb_str payload)
{
	static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t n = payload.n;
	unsigned masked = is_masked ? 0x80 : 0;

	tb_buf_append_char(to, (char)first);
	if (n < 126) {
		tb_buf_append_char(to, (char)(masked | n));
	} else {
		TB_ASSERT(n <= UINT16_MAX);
		tb_buf_append_char(to, (char)(masked | 126));
		tb_buf_append_char(to, (char)(n >> 8));
		tb_buf_append_char(to, (char)n);
	}
	if (is_masked)
		tb_buf_append(to, mask, sizeof(mask));
	for (size_t i = 0; i < n; i++)
		tb_buf_append_char(
			to, is_masked ? (char)((unsigned char)payload.p[i] ^
					       mask[i % 4])
				      : payload.p[i]);
}

#endif
