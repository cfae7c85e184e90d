#include "api/events/segments.h"

#include <stdatomic.h>

#include "api/events/reader.h"
#include "base/alloc.h"
#include "base/cache.h"

/* Parts before the head hold at least so many events, but for the last. */
#define PART_EVENTS_MIN 64
#define PARTS_MAX 65536
/* What a part takes beside its bytes. */
#define PART_COST_BYTES 320
/* What a rendered part may take: one event over its size, of those that a
 * body can hold. */
#define RENDERED_MAX_BYTES ((size_t)1 << 30)
/* From so many events on a part may well have its full length. */
#define ROOM_EVENTS_MIN 256

struct tb_segments {
	struct tb_core *core;
	struct tb_cache *parts;
	struct tb_history_index *index;
};

struct entry {
	atomic_uint refs;
	struct tb_part part;
};

static void ref_entry(void *value)
{
	struct entry *entry = value;

	atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
}

static void unref_entry(void *value)
{
	struct entry *entry = value;

	if (atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	tb_piece_release(&entry->part.piece);
	tb_free(entry);
}

struct tb_segments *tb_segments_create(struct tb_core *core,
				       uint64_t cache_max_bytes)
{
	static const struct tb_cache_value_ops ops = {
		.ref = ref_entry,
		.unref = unref_entry,
	};
	struct tb_segments *segments = tb_calloc(1, sizeof(*segments));

	if (!segments)
		return NULL;
	segments->core = core;
	segments->parts = tb_cache_create(PARTS_MAX, cache_max_bytes, &ops);
	segments->index = tb_history_index_create();
	if (segments->parts && segments->index)
		return segments;
	tb_segments_destroy(segments);
	return NULL;
}

void tb_segments_destroy(struct tb_segments *segments)
{
	if (!segments)
		return;
	tb_cache_destroy(segments->parts);
	tb_history_index_destroy(segments->index);
	tb_free(segments);
}

struct tb_history_index *tb_segments_index(struct tb_segments *segments)
{
	return segments->index;
}

static struct tb_part share(const struct tb_part *part)
{
	tb_blob_ref(part->piece.plain);
	if (part->piece.packed)
		tb_blob_ref(part->piece.packed);
	return *part;
}

/* ---- where parts end ---- */

/* The end of the largest aligned run of a power of two that the place lies in
 * and that ends before the head; of none, the head. */
static uint64_t part_end(const struct tb_part_at *place)
{
	uint64_t size = TB_SEGMENT_EVENTS;
	uint64_t end = place->at - place->at % size + size;

	while (end > place->head && size > PART_EVENTS_MIN) {
		size /= 2;
		end = place->at - place->at % size + size;
	}
	return end < place->head ? end : place->head;
}

/* ---- the parts in memory ---- */

struct key {
	uint64_t words[5];
};

static struct tb_str key_of(const struct tb_part_at *place, struct key *to)
{
	uint64_t end = part_end(place);

	*to = (struct key) { {
		place->history.epoch,
		place->at,
		end,
		place->history.org,
		(uint64_t)place->is_first << 1 | (end == place->head),
	} };
	return tb_str((const char *)to->words, sizeof(to->words));
}

bool tb_segments_find(struct tb_segments *segments, struct tb_part_at place,
		      bool is_packed, struct tb_part *ret)
{
	struct key key;
	struct entry *entry =
		tb_cache_get(segments->parts, key_of(&place, &key));
	bool is_good;

	if (!entry)
		return false;
	is_good = !is_packed || entry->part.piece.packed;
	if (is_good)
		*ret = share(&entry->part);
	unref_entry(entry);
	return is_good;
}

static size_t bytes_of(const struct tb_blob *blob)
{
	return blob ? tb_blob_str(blob).n : 0;
}

/* Without memory the next reader makes the part itself. A part of one large
 * event is not kept: it would drive out many others. */
static void keep(struct tb_segments *segments, const struct tb_part_at *place,
		 const struct tb_part *part)
{
	size_t bytes = bytes_of(part->piece.plain);
	struct entry *entry;
	struct key key;

	if (bytes > TB_PART_MAX_BYTES)
		return;
	entry = tb_malloc(sizeof(*entry));
	if (!entry)
		return;
	atomic_init(&entry->refs, 1);
	entry->part = share(part);
	bytes += bytes_of(part->piece.packed) + PART_COST_BYTES;
	if (tb_cache_put(segments->parts, key_of(place, &key), entry, bytes))
		tb_cache_remove(segments->parts, key_of(place, &key));
	unref_entry(entry);
}

/* ---- making them ---- */

static enum tb_err render(struct tb_segments *segments,
			  const struct tb_part_at *place, struct tb_buf *buf,
			  uint64_t *ret_last)
{
	struct tb_events_reader reader = {
		.core = segments->core,
		.index = segments->index,
		.history = place->history,
	};
	struct tb_events_text text = {
		.buf = buf,
		.max_bytes = TB_PART_MAX_BYTES,
		.has_given = !place->is_first,
	};
	struct tb_events_batch batch = {
		.take = tb_events_take_text,
		.ctx = &text,
		.max_events = SIZE_MAX,
		.max_looked_at = UINT64_MAX,
	};
	uint64_t end = part_end(place);
	enum tb_err err;

	/* Room that is not used costs nothing; growing step by step does. */
	if (end - place->at >= ROOM_EVENTS_MIN)
		(void)tb_buf_reserve(buf, TB_PART_MAX_BYTES);
	if (place->is_first)
		tb_buf_append_char(buf, '[');
	tb_events_reader_seek(&reader, place->at, end);
	err = tb_events_read(&reader, &batch);
	if (err)
		return err;
	if (reader.at == place->head)
		tb_buf_append_char(buf, ']');
	*ret_last = reader.at;
	return tb_buf_err(buf);
}

static enum tb_err make(struct tb_segments *segments,
			const struct tb_part_at *place, struct tb_part *ret)
{
	struct tb_part part = { .piece = { .plain = NULL } };
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, RENDERED_MAX_BYTES);
	err = render(segments, place, &buf, &part.last);
	if (!err)
		err = tb_blob_create_exact(&buf, &part.piece.plain);
	tb_buf_fini(&buf);
	if (!err)
		*ret = part;
	return err;
}

enum tb_err tb_segments_get(struct tb_segments *segments,
			    struct tb_part_at place, bool is_packed,
			    struct tb_part *ret)
{
	struct tb_part part;
	enum tb_err err = TB_OK;

	if (tb_segments_find(segments, place, is_packed, ret))
		return TB_OK;
	if (!tb_segments_find(segments, place, false, &part))
		err = make(segments, &place, &part);
	if (err)
		return err;
	if (is_packed)
		err = tb_piece_pack(&part.piece);
	if (err) {
		tb_piece_release(&part.piece);
		return err;
	}
	keep(segments, &place, &part);
	*ret = part;
	return TB_OK;
}

/* ---- lengths ---- */

/* Whole segments, which the index knows; moves the place behind them. */
static bool count_segments(struct tb_segments *segments,
			   struct tb_part_at *place, uint64_t *bytes)
{
	uint64_t first = place->at / TB_SEGMENT_EVENTS;
	uint64_t last = place->head / TB_SEGMENT_EVENTS;
	uint64_t more;

	if (place->at % TB_SEGMENT_EVENTS || first == last)
		return true;
	if (!tb_history_index_bytes(segments->index, place->history, first,
				    last, &more))
		return false;
	*bytes += more;
	place->at = last * TB_SEGMENT_EVENTS;
	place->is_first = false;
	return true;
}

static bool count_part(struct tb_segments *segments, struct tb_part_at *place,
		       uint64_t *bytes)
{
	struct tb_part part;

	if (!tb_segments_find(segments, *place, false, &part))
		return false;
	*bytes += tb_blob_str(part.piece.plain).n;
	place->at = part.last;
	place->is_first = false;
	/* The end is counted apart. */
	if (place->at == place->head)
		*bytes -= 1;
	tb_piece_release(&part.piece);
	return true;
}

/* Each event has one byte in front of it, the last one has one behind. */
uint64_t tb_segments_length(struct tb_segments *segments,
			    struct tb_part_at place)
{
	uint64_t bytes = 1;
	bool is_known = count_segments(segments, &place, &bytes);

	while (is_known && place.at < place.head) {
		is_known = count_part(segments, &place, &bytes);
		if (is_known)
			is_known = count_segments(segments, &place, &bytes);
	}
	return is_known ? bytes : TB_LENGTH_UNKNOWN;
}
