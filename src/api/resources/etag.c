#include "api/resources/etag.h"

#include "base/assert.h"
#include "base/buf.h"
#include "codec/digest.h"
#include "kernel/declaration.h"

/* Beside the scopes and their numbers. */
#define LIST_WORDS 4

/* Who has all that follows asks for it again and again: it is hashed by what
 * costs little. Two states whose tags are alike by accident would harm one
 * client once in 2^64. */
static struct tb_str tag_of(const uint64_t key[2], const uint64_t *words,
			    size_t n, char buf[TB_RESOURCES_ETAG_BYTES])
{
	uint64_t hash = tb_siphash(
		key, tb_str((const char *)words, n * sizeof(*words)));
	struct tb_buf tag;

	tb_buf_init_fixed(&tag, buf, TB_RESOURCES_ETAG_BYTES);
	tb_buf_append_char(&tag, '"');
	tb_hex_put(&tag, tb_str((const char *)&hash, sizeof(hash)));
	tb_buf_append_char(&tag, '"');
	TB_ASSERT(!tb_buf_err(&tag));
	return tb_buf_str(&tag);
}

struct tb_str tb_resources_list_etag(const struct tb_resources_list_state *list,
				     char buf[TB_RESOURCES_ETAG_BYTES])
{
	const uint64_t key[] = { list->epoch, list->layout };
	uint64_t words[LIST_WORDS + 2 * TB_RULES_MAX];
	size_t n = 0;

	TB_ASSERT(list->n <= TB_RULES_MAX);
	words[n++] = tb_siphash(key, list->path);
	words[n++] = tb_siphash(key, list->query);
	words[n++] = list->is_gzip;
	words[n++] = list->with_deleted;
	for (size_t i = 0; i < list->n; i++) {
		words[n++] = list->scopes[i];
		words[n++] = list->nums[i];
	}
	return tag_of(key, words, n, buf);
}

struct tb_str tb_resources_record_etag(uint64_t epoch, uint64_t layout,
				       uint64_t rid, uint64_t num,
				       char buf[TB_RESOURCES_ETAG_BYTES])
{
	const uint64_t key[] = { epoch, layout };
	const uint64_t words[] = { rid, num };

	return tag_of(key, words, TB_ARRAY_LEN(words), buf);
}
