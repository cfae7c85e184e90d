#include "api/follow_cursor.h"

#include "base/assert.h"
#include "base/buf.h"

struct tb_str tb_follow_cursor_put(const struct tb_follow_cursor *cursor,
				   char text[TB_FOLLOW_CURSOR_MAX_BYTES])
{
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, TB_FOLLOW_CURSOR_MAX_BYTES);
	tb_buf_append_u64(&buf, cursor->epoch);
	tb_buf_append_char(&buf, '-');
	tb_buf_append_u64(&buf, cursor->num);
	TB_ASSERT(!tb_buf_err(&buf));
	return tb_buf_str(&buf);
}

enum tb_err tb_follow_cursor_parse(struct tb_str text,
				   struct tb_follow_cursor *ret)
{
	struct tb_follow_cursor cursor;
	enum tb_err err = tb_str_to_u64(tb_str_cut(&text, '-'), &cursor.epoch);

	if (!err)
		err = tb_str_to_u64(text, &cursor.num);
	if (!err)
		*ret = cursor;
	return err;
}
