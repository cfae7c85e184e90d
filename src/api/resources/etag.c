#include "api/resources/etag.h"

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"

#define TAG_BYTES 8

static struct tb_str number(const uint64_t *value)
{
	return tb_str((const char *)value, sizeof(*value));
}

static struct tb_str tag_of(const struct tb_str *parts, size_t n,
			    char buf[TB_RESOURCES_ETAG_BYTES])
{
	uint8_t digest[TB_SHA256_BYTES];
	struct tb_buf tag;

	tb_sha256_parts(parts, n, digest);
	tb_buf_init_fixed(&tag, buf, TB_RESOURCES_ETAG_BYTES);
	tb_buf_append_char(&tag, '"');
	tb_hex_put(&tag, tb_str((const char *)digest, TAG_BYTES));
	tb_buf_append_char(&tag, '"');
	TB_ASSERT(!tb_buf_err(&tag));
	return tb_buf_str(&tag);
}

struct tb_str tb_resources_list_etag(const struct tb_resources_list_state *list,
				     char buf[TB_RESOURCES_ETAG_BYTES])
{
	/* Lengths before texts, so that no two states look the same. */
	const uint64_t head[] = {
		list->epoch,       list->layout,  list->path.n,
		list->query.n,     list->is_gzip, list->with_deleted,
		(uint64_t)list->n,
	};
	const struct tb_str parts[] = {
		tb_str((const char *)head, sizeof(head)),
		list->path,
		list->query,
		tb_str((const char *)list->scopes,
		       list->n * sizeof(list->scopes[0])),
		tb_str((const char *)list->nums,
		       list->n * sizeof(list->nums[0])),
	};

	return tag_of(parts, TB_ARRAY_LEN(parts), buf);
}

struct tb_str tb_resources_record_etag(uint64_t epoch, uint64_t layout,
				       uint64_t rid, uint64_t num,
				       char buf[TB_RESOURCES_ETAG_BYTES])
{
	const struct tb_str parts[] = { number(&epoch), number(&layout),
					number(&rid), number(&num) };

	return tag_of(parts, TB_ARRAY_LEN(parts), buf);
}
