#include "http/spool.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "http/spool_reader.h"

/* As much of the index stays in memory: 16384 items. */
#define INDEX_MEMORY_BYTES ((size_t)16384 * sizeof(struct tb_spool_entry))
/* Longer texts are not remembered, and count as out of order. */
#define LAST_KEY_BYTES 256

struct tb_spool {
	enum tb_spool_form form;
	struct tb_spill data; /* in the order of appending, with brackets */
	struct tb_spill index;
	uint64_t max_bytes;
	size_t n_items;
	struct tb_spool_entry last; /* begun, not yet in the index */
	bool is_last_void;
	bool is_out_of_order;
	bool is_revised;
	bool is_finished;
	enum tb_err err;
	const struct tb_spool_entry *sorted; /* NULL: they came in order */
	uint64_t sorted_bytes;               /* of the body that they make */
	size_t last_key_len;
	char last_key[LAST_KEY_BYTES];
};

static bool is_list(const struct tb_spool *spool)
{
	return spool->form != TB_SPOOL_BYTES;
}

static bool is_indexed(const struct tb_spool *spool)
{
	return spool->form == TB_SPOOL_BY_NUMBER ||
	       spool->form == TB_SPOOL_BY_TEXT ||
	       spool->form == TB_SPOOL_LATEST;
}

enum tb_err tb_spool_create(struct tb_spool_pool *pool, enum tb_spool_form form,
			    uint64_t max_bytes, uint64_t owner,
			    struct tb_spool **ret)
{
	struct tb_spool *spool = tb_calloc(1, sizeof(*spool));
	enum tb_err err;

	if (!spool)
		return TB_ERR_NOMEM;
	spool->form = form;
	spool->max_bytes = max_bytes;
	tb_spill_init(&spool->data, pool, TB_SPOOL_MEMORY_BYTES);
	tb_spill_init(&spool->index, pool, INDEX_MEMORY_BYTES);
	tb_spill_set_owner(&spool->data, owner);
	tb_spill_set_owner(&spool->index, owner);
	if (is_list(spool))
		tb_spool_append(spool, TB_STR("["));
	err = spool->err;
	if (err)
		tb_spool_destroy(spool);
	else
		*ret = spool;
	return err;
}

void tb_spool_destroy(struct tb_spool *spool)
{
	if (!spool)
		return;
	tb_spill_fini(&spool->data);
	tb_spill_fini(&spool->index);
	tb_free(spool);
}

/* --- appending -----------------------------------------------------------*/

void tb_spool_append(struct tb_spool *spool, struct tb_str s)
{
	TB_ASSERT(!spool->is_finished);
	if (spool->err)
		return;
	if (s.n > spool->max_bytes - tb_spill_bytes(&spool->data))
		spool->err = TB_ERR_TOO_LARGE;
	else
		spool->err = tb_spill_append(&spool->data, s);
}

enum tb_err tb_spool_err(const struct tb_spool *spool)
{
	return spool->err;
}

uint64_t tb_spool_bytes(const struct tb_spool *spool)
{
	return tb_spill_bytes(&spool->data);
}

enum tb_err tb_spool_read(const struct tb_spool *spool, uint64_t offset,
			  char *to, size_t n)
{
	return tb_spill_read(&spool->data, offset, to, n);
}

/* The length of an item is known when it has ended. */
static void end_item(struct tb_spool *spool)
{
	uint64_t len = tb_spool_bytes(spool) - spool->last.offset;

	if (spool->err || spool->n_items == 0 || !is_indexed(spool))
		return;
	if (len > UINT32_MAX) {
		spool->err = TB_ERR_TOO_LARGE;
		return;
	}
	TB_ASSERT(spool->last.key_at + spool->last.key_len <= len);
	spool->last.len = spool->is_last_void ? 0 : (uint32_t)len;
	spool->is_last_void = false;
	spool->err = tb_spill_append(
		&spool->index,
		tb_str((const char *)&spool->last, sizeof(spool->last)));
}

static void begin_item(struct tb_spool *spool, struct tb_spool_entry entry)
{
	end_item(spool);
	if (spool->n_items > 0)
		tb_spool_append(spool, TB_STR(","));
	spool->n_items++;
	spool->last = entry;
	spool->last.offset = tb_spool_bytes(spool);
}

void tb_spool_mark(struct tb_spool *spool, uint64_t number)
{
	TB_ASSERT(spool->form == TB_SPOOL_LIST ||
		  spool->form == TB_SPOOL_LATEST ||
		  spool->form == TB_SPOOL_BY_NUMBER);
	if (spool->form == TB_SPOOL_BY_NUMBER && spool->n_items > 0 &&
	    number < spool->last.key)
		spool->is_out_of_order = true;
	begin_item(spool, (struct tb_spool_entry) { .key = number });
}

/* Compares with the last one, and takes its place. */
static bool is_behind_last(struct tb_spool *spool, struct tb_str key)
{
	struct tb_str last = tb_str(spool->last_key, spool->last_key_len);
	bool is_behind = tb_str_cmp(last, key) <= 0;

	if (key.n > LAST_KEY_BYTES)
		return false;
	if (key.n > 0)
		memcpy(spool->last_key, key.p, key.n);
	spool->last_key_len = key.n;
	return is_behind;
}

void tb_spool_mark_text(struct tb_spool *spool, struct tb_str key,
			size_t key_at)
{
	TB_ASSERT(spool->form == TB_SPOOL_BY_TEXT);
	TB_ASSERT(key.n <= UINT16_MAX && key_at <= UINT16_MAX);
	if (!spool->is_out_of_order)
		spool->is_out_of_order = !is_behind_last(spool, key);
	begin_item(spool, (struct tb_spool_entry) {
				  .key_at = (uint16_t)key_at,
				  .key_len = (uint16_t)key.n,
			  });
}

void tb_spool_revise(struct tb_spool *spool)
{
	TB_ASSERT(is_indexed(spool));
	spool->is_revised = true;
}

void tb_spool_void(struct tb_spool *spool)
{
	TB_ASSERT(spool->is_revised && spool->n_items > 0);
	spool->is_last_void = true;
}

/* --- the end of it -------------------------------------------------------*/

static uint64_t list_bytes(const struct tb_spool_entry *entries, size_t n)
{
	uint64_t bytes = n > 0 ? n + 1 : 2;
	size_t i;

	for (i = 0; i < n; i++)
		bytes += entries[i].len;
	return bytes;
}

/* Of a list that was revised. */
static struct tb_spool_entry *keep_last(struct tb_spool *spool,
					struct tb_spool_entry *sorted,
					struct tb_spool_entry *other,
					const char *items)
{
	spool->n_items = tb_spool_keep_last(sorted, spool->n_items, items);
	return spool->form == TB_SPOOL_LATEST
		       ? tb_spool_sort_back(sorted, other, spool->n_items)
		       : sorted;
}

/* The entries are held until the spool goes. The items, whose texts decide
 * where entries are alike, are held for that alone. */
static enum tb_err sort(struct tb_spool *spool)
{
	struct tb_spool_entry *entries, *sorted;
	char *held, *items = NULL;
	size_t n = spool->n_items;
	enum tb_err err;

	err = tb_spill_hold(&spool->index, n * sizeof(*entries), &held);
	if (!err && spool->form == TB_SPOOL_BY_TEXT)
		err = tb_spill_hold(&spool->data, 0, &items);
	if (err)
		return err;
	entries = (struct tb_spool_entry *)(void *)held;
	sorted = tb_spool_sort(entries, entries + n, n, items);
	if (spool->is_revised)
		sorted = keep_last(spool, sorted,
				   sorted == entries ? entries + n : entries,
				   items);
	tb_spill_release(&spool->data);
	spool->sorted = sorted;
	spool->sorted_bytes = list_bytes(sorted, spool->n_items);
	return TB_OK;
}

/* Everything was taken away. */
static enum tb_err empty(struct tb_spool *spool)
{
	spool->sorted = NULL;
	tb_spill_fini(&spool->data);
	return tb_spill_append(&spool->data, TB_STR("[]"));
}

enum tb_err tb_spool_finish(struct tb_spool *spool)
{
	end_item(spool);
	if (is_list(spool))
		tb_spool_append(spool, TB_STR("]"));
	spool->is_finished = true;
	if (!spool->err && spool->n_items > 0 &&
	    (spool->is_out_of_order || spool->is_revised))
		spool->err = sort(spool);
	if (!spool->err && spool->sorted && spool->n_items == 0)
		spool->err = empty(spool);
	if (!spool->sorted)
		tb_spill_fini(&spool->index);
	if (!spool->err)
		spool->err = tb_spill_settle(&spool->data);
	return spool->err;
}

uint64_t tb_spool_body_bytes(const struct tb_spool *spool)
{
	return spool->sorted ? spool->sorted_bytes
			     : tb_spill_bytes(&spool->data);
}

size_t tb_spool_items(const struct tb_spool *spool)
{
	return spool->n_items;
}

bool tb_spool_is_in_memory(const struct tb_spool *spool)
{
	return tb_spill_is_in_memory(&spool->data) &&
	       tb_spill_is_in_memory(&spool->index);
}

/* --- the body ------------------------------------------------------------*/

static struct tb_spool_reader reader_of(const struct tb_spool *spool)
{
	return (struct tb_spool_reader) {
		.data = &spool->data,
		.entries = spool->sorted,
		.n_entries = spool->n_items,
		.bytes = tb_spool_body_bytes(spool),
	};
}

enum tb_err tb_spool_take_buf(struct tb_spool *spool, struct tb_buf *ret)
{
	struct tb_spool_reader reader = reader_of(spool);

	TB_ASSERT(spool->is_finished && tb_spool_is_in_memory(spool));
	if (spool->sorted)
		return tb_spool_reader_read_buf(
			&reader, tb_spool_reader_left(&reader), ret);
	*ret = spool->data.buf;
	tb_buf_init(&spool->data.buf, 0);
	return TB_OK;
}

/* --- the source ----------------------------------------------------------*/

struct spool_source {
	struct tb_source source;
	struct tb_spool *spool;
	struct tb_spool_reader reader;
};

static struct spool_source *spool_source_of(struct tb_source *source)
{
	return (struct spool_source *)source;
}

static enum tb_err make_piece(struct tb_spool_reader *reader, size_t n,
			      struct tb_piece *ret)
{
	struct tb_blob *blob;
	struct tb_buf buf;
	enum tb_err err = tb_spool_reader_read_buf(reader, n, &buf);

	if (err)
		return err;
	blob = tb_blob_create(&buf);
	tb_buf_fini(&buf);
	if (!blob)
		return TB_ERR_NOMEM;
	*ret = (struct tb_piece) { .plain = blob };
	return TB_OK;
}

static enum tb_err read_on(struct spool_source *s, bool never_waits,
			   struct tb_piece *ret)
{
	struct tb_spool_reader reader = s->reader;
	uint64_t left = tb_spool_reader_left(&reader);
	size_t n = left < TB_SPOOL_PIECE_BYTES ? (size_t)left
					       : TB_SPOOL_PIECE_BYTES;
	enum tb_err err;

	if (n == 0) {
		*ret = (struct tb_piece) { .plain = NULL };
		return TB_OK;
	}
	reader.never_waits = never_waits;
	err = make_piece(&reader, n, ret);
	if (!err)
		s->reader = reader;
	return err;
}

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	return read_on(spool_source_of(source), false, ret);
}

/* A body in order is read in one go, mostly from what the system remembers of
 * the file. Of one that was sorted each item is a read of its own, which is too
 * much for a thread that serves others, too. */
static bool find(struct tb_source *source, struct tb_piece *ret)
{
	struct spool_source *s = spool_source_of(source);

	if (s->reader.entries && !tb_spool_is_in_memory(s->spool) &&
	    tb_spool_reader_left(&s->reader) > 0)
		return false;
	return !read_on(s, true, ret);
}

static void destroy(struct tb_source *source)
{
	tb_spool_destroy(spool_source_of(source)->spool);
}

struct tb_source *tb_spool_source(struct tb_arena *arena,
				  struct tb_spool *spool)
{
	static const struct tb_source_ops ops = {
		.find = find,
		.make = make,
		.destroy = destroy,
	};
	struct spool_source *s = tb_arena_alloc(arena, sizeof(*s));

	TB_ASSERT(spool->is_finished && !spool->err);
	if (!s)
		return NULL;
	*s = (struct spool_source) {
		.source = { .ops = &ops },
		.spool = spool,
		.reader = reader_of(spool),
	};
	return &s->source;
}

static enum tb_err answer_source(struct tb_spool *spool,
				 struct tb_response *res, unsigned status,
				 const char *content_type)
{
	struct tb_source *source = tb_spool_source(res->arena, spool);

	if (!source) {
		tb_spool_destroy(spool);
		return tb_arena_err(res->arena);
	}
	tb_response_source(res, status, content_type, source,
			   tb_spool_body_bytes(spool));
	return TB_OK;
}

enum tb_err tb_spool_answer(struct tb_spool *spool, struct tb_response *res,
			    unsigned status, const char *content_type)
{
	struct tb_buf buf;
	enum tb_err err;

	if (!tb_spool_is_in_memory(spool))
		return answer_source(spool, res, status, content_type);
	err = tb_spool_take_buf(spool, &buf);
	tb_spool_destroy(spool);
	if (!err)
		tb_response_body(res, status, content_type, &buf);
	return err;
}
