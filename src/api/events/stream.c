#include "api/events/stream.h"

#include "base/assert.h"

/* A filtered piece is sent when it has this length, or when so many events
 * were looked at for it: few, because other requests wait for their turn
 * meanwhile. */
#define FILTERED_BYTES ((size_t)64 << 10)
#define LOOKED_AT_MAX ((uint64_t)32 * TB_SEGMENT_EVENTS)
/* For one event that is longer. */
#define PIECE_MAX_BYTES ((size_t)1 << 30)

struct stream {
	struct tb_source source;
	struct tb_segments *segments;
	struct tb_events_reader reader; /* and where the answer has come to */
	bool is_filtered;
	bool has_given;       /* filtered: some events have gone */
	bool is_open;         /* the array's first bracket has gone */
	struct tb_str before; /* p NULL: it has gone, or there is none */
	struct tb_str behind;
	uint64_t counted_at; /* the parts behind this event have so many */
	uint64_t counted_bytes;
};

static struct stream *stream_of(struct tb_source *source)
{
	return (struct stream *)source;
}

/* A text that goes once. */
static enum tb_err take_text(struct tb_str *text, struct tb_piece *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, text->n);
	tb_buf_append_str(&buf, *text);
	err = tb_piece_take(&buf, ret);
	tb_buf_fini(&buf);
	if (!err)
		*text = TB_STR_NONE;
	return err;
}

/* ---- parts ---- */

static struct tb_part_at place_of(const struct stream *stream)
{
	return (struct tb_part_at) {
		.history = stream->reader.history,
		.at = stream->reader.at,
		.head = stream->reader.head,
		.is_first = !stream->is_open,
	};
}

/* Learns how long segments are. */
static void count(struct stream *stream, const struct tb_part *part)
{
	struct tb_events_reader *reader = &stream->reader;
	struct tb_segment_facts facts = { .bytes = 0 };

	if (reader->at % TB_SEGMENT_EVENTS == 0) {
		stream->counted_at = reader->at;
		stream->counted_bytes = 0;
	}
	/* The bracket at the end is none of the segment's. */
	stream->counted_bytes +=
		tb_blob_str(part->piece.plain).n - (part->last == reader->head);
	if (part->last != stream->counted_at + TB_SEGMENT_EVENTS)
		return;
	facts.bytes = stream->counted_bytes;
	tb_history_index_put(reader->index, reader->history,
			     stream->counted_at / TB_SEGMENT_EVENTS, &facts);
}

static void take_part(struct stream *stream, const struct tb_part *part,
		      struct tb_piece *ret)
{
	count(stream, part);
	*ret = part->piece;
	stream->reader.at = part->last;
	stream->is_open = true;
}

static bool is_at_part(const struct stream *stream)
{
	return !stream->before.p && !stream->is_filtered &&
	       stream->reader.at < stream->reader.head;
}

static bool find(struct tb_source *source, struct tb_piece *ret)
{
	struct stream *stream = stream_of(source);
	struct tb_part part;

	if (!is_at_part(stream) ||
	    !tb_segments_find(stream->segments, place_of(stream),
			      source->is_gzip, &part))
		return false;
	take_part(stream, &part, ret);
	return true;
}

static enum tb_err make_part(struct stream *stream, struct tb_piece *ret)
{
	struct tb_part part;
	enum tb_err err = tb_segments_get(stream->segments, place_of(stream),
					  stream->source.is_gzip, &part);

	if (!err)
		take_part(stream, &part, ret);
	return err;
}

/* ---- what is filtered ---- */

static enum tb_err read_filtered(struct stream *stream, struct tb_buf *buf)
{
	struct tb_events_text text = {
		.buf = buf,
		.max_bytes = FILTERED_BYTES,
		.has_given = stream->has_given,
	};
	struct tb_events_batch batch = {
		.take = tb_events_take_text,
		.ctx = &text,
		.max_events = SIZE_MAX,
		.max_looked_at = LOOKED_AT_MAX,
	};
	enum tb_err err;

	if (!stream->is_open)
		tb_buf_append_char(buf, '[');
	err = tb_events_read(&stream->reader, &batch);
	if (err)
		return err;
	stream->is_open = true;
	stream->has_given = text.has_given;
	if (stream->reader.at == stream->reader.head)
		tb_buf_append_char(buf, ']');
	/* Space between values: who waits for one event among millions sees
	 * that the answer goes on, and a reader that went away is noticed. */
	else if (buf->n == 0)
		tb_buf_append_char(buf, '\n');
	return TB_OK;
}

static enum tb_err make_filtered(struct stream *stream, struct tb_piece *ret)
{
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, PIECE_MAX_BYTES);
	err = read_filtered(stream, &buf);
	if (!err)
		err = tb_piece_take(&buf, ret);
	tb_buf_fini(&buf);
	return err;
}

/* ---- the source ---- */

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	struct stream *stream = stream_of(source);

	if (stream->before.p)
		return take_text(&stream->before, ret);
	if (stream->reader.at < stream->reader.head)
		return stream->is_filtered ? make_filtered(stream, ret)
					   : make_part(stream, ret);
	if (stream->behind.p)
		return take_text(&stream->behind, ret);
	*ret = (struct tb_piece) { .plain = NULL };
	return TB_OK;
}

static void destroy(struct tb_source *source)
{
	tb_acl_unref(stream_of(source)->reader.filter.acl);
}

static uint64_t length_of(const struct stream *stream)
{
	uint64_t length = stream->is_filtered
				  ? TB_LENGTH_UNKNOWN
				  : tb_segments_length(stream->segments,
						       place_of(stream));

	if (length == TB_LENGTH_UNKNOWN)
		return length;
	return length + stream->before.n + stream->behind.n;
}

static enum tb_err copy_texts(struct tb_arena *arena,
			      const struct tb_events_stream_options *options,
			      struct stream *stream)
{
	enum tb_err err = tb_arena_strdup(arena, options->filter.user,
					  &stream->reader.filter.user);

	if (!err && options->before.n)
		err = tb_arena_strdup(arena, options->before, &stream->before);
	if (!err && options->behind.n)
		err = tb_arena_strdup(arena, options->behind, &stream->behind);
	return err;
}

enum tb_err
tb_events_stream_create(struct tb_arena *arena,
			const struct tb_events_stream_options *options,
			struct tb_source **ret, uint64_t *ret_length)
{
	static const struct tb_source_ops ops = {
		.find = find,
		.make = make,
		.destroy = destroy,
	};
	struct stream *stream = tb_arena_alloc(arena, sizeof(*stream));
	enum tb_err err;

	TB_ASSERT(options->at < options->head);
	if (!stream)
		return tb_arena_err(arena);
	*stream = (struct stream) {
		.source = { .ops = &ops },
		.segments = options->segments,
		.is_filtered = options->filter.acl || options->filter.from_s,
		.reader = { .core = options->core,
			    .index = tb_segments_index(options->segments),
			    .history = options->history,
			    .filter = { .from_s = options->filter.from_s } },
	};
	err = copy_texts(arena, options, stream);
	if (err)
		return err;
	tb_events_reader_seek(&stream->reader, options->at, options->head);
	stream->counted_at = options->at;
	stream->reader.filter.acl = tb_acl_ref(options->filter.acl);
	*ret = &stream->source;
	*ret_length = length_of(stream);
	return TB_OK;
}
