#include "api/events/answer.h"

#include "api/events/stream.h"
#include "base/assert.h"
#include "http/etag.h"

#define TAG_MAX_BYTES 256
/* Events looked at for a page that has some already. */
#define LOOKED_AT_MAX ((uint64_t)64 * TB_SEGMENT_EVENTS)
/* For one event that is longer than a page may be. */
#define PAGE_MAX_BYTES ((size_t)1 << 30)

/* Where an answer begins. */
struct start {
	uint64_t at; /* behind this event */
	bool is_over;
};

enum tb_err tb_events_answer_open(struct tb_events_answer *answer,
				  const struct tb_rules *rules)
{
	return tb_events_stand_open(&answer->stand, answer->events->core,
				    answer->req->principal, rules);
}

void tb_events_answer_close(struct tb_events_answer *answer)
{
	tb_events_stand_close(&answer->stand);
}

static struct tb_events_cursor cursor_at(const struct tb_events_answer *answer,
					 uint64_t num)
{
	return tb_events_stand_cursor(&answer->stand, num);
}

/* ---- headers ---- */

/* Everything that an answer depends on, in words: the history's end with the
 * caller's view, as in a cursor, and what is asked. */
static struct tb_str tag_of(const struct tb_events_answer *answer,
			    char buf[TAG_MAX_BYTES])
{
	const struct tb_events_query *query = &answer->query;
	struct tb_events_cursor end = cursor_at(answer, answer->stand.head);
	char at[TB_EVENTS_CURSOR_MAX_BYTES], after[TB_EVENTS_CURSOR_MAX_BYTES];
	struct tb_str head = tb_events_cursor_text(&end, at);
	struct tb_str from = TB_STR("0");
	struct tb_buf tag;

	if (query->has_cursor)
		from = tb_events_cursor_text(&query->after, after);
	tb_buf_init_fixed(&tag, buf, TAG_MAX_BYTES);
	tb_buf_append_z(&tag, "W/\"");
	tb_buf_append_str(&tag, head);
	tb_buf_append_char(&tag, '.');
	tb_buf_append_str(&tag, from);
	tb_buf_append_char(&tag, '.');
	tb_buf_append_u64(&tag, query->limit);
	tb_buf_append_char(&tag, '.');
	tb_buf_append_i64(&tag, query->from_s);
	tb_buf_append_char(&tag, '"');
	TB_ASSERT(!tb_buf_err(&tag));
	return tb_buf_str(&tag);
}

static enum tb_err put_tag(const struct tb_events_answer *answer)
{
	char buf[TAG_MAX_BYTES];
	enum tb_err err;

	if (!answer->has_tag)
		return TB_OK;
	err = tb_response_header(answer->res, "ETag", tag_of(answer, buf));
	if (err)
		return err;
	/* May be kept by the caller's own program, to be asked about. */
	return tb_response_header(answer->res, "Cache-Control",
				  TB_STR("private, no-cache"));
}

static enum tb_err put_cursor(const struct tb_events_answer *answer,
			      const struct tb_events_cursor *cursor)
{
	char buf[TB_EVENTS_CURSOR_MAX_BYTES];

	return tb_response_header(answer->res, "X-Events-Cursor",
				  tb_events_cursor_text(cursor, buf));
}

/* The headers of an answer that ends with the event `last`. */
static enum tb_err put_headers(const struct tb_events_answer *answer,
			       struct start start, uint64_t last)
{
	struct tb_events_cursor cursor = cursor_at(answer, last);
	enum tb_err err = put_cursor(answer, &cursor);

	if (!err && start.is_over)
		err = tb_response_header(answer->res, "X-Events-Resync",
					 TB_STR("1"));
	return err ? err : put_tag(answer);
}

static void fail(const struct tb_events_answer *answer, enum tb_err err)
{
	tb_response_fail(answer->res, answer->req, err);
}

/* ---- bodies in memory ---- */

static void answer_text(const struct tb_events_answer *answer,
			struct tb_str text)
{
	struct tb_buf buf;

	tb_buf_init(&buf, answer->before.n + text.n + answer->behind.n);
	tb_buf_append_str(&buf, answer->before);
	tb_buf_append_str(&buf, text);
	tb_buf_append_str(&buf, answer->behind);
	if (tb_buf_err(&buf))
		fail(answer, tb_buf_err(&buf));
	else
		tb_response_body(answer->res, 200, TB_JSON_UTF8_TYPE, &buf);
	tb_buf_fini(&buf);
}

void tb_events_answer_empty(struct tb_events_answer *answer,
			    const struct tb_events_cursor *cursor)
{
	enum tb_err err = put_cursor(answer, cursor);

	if (err)
		fail(answer, err);
	else
		answer_text(answer, TB_STR("[]"));
}

/* "`[]` says that there is nothing more." */
static void answer_nothing(const struct tb_events_answer *answer,
			   struct start start)
{
	enum tb_err err = put_headers(answer, start, answer->stand.head);

	if (err)
		fail(answer, err);
	else
		answer_text(answer, TB_STR("[]"));
}

/* ---- pages ---- */

static struct tb_events_filter filter_of(const struct tb_events_answer *answer)
{
	return (struct tb_events_filter) {
		.acl = answer->stand.view.acl,
		.user = answer->stand.view.user,
		.from_s = answer->query.from_s,
	};
}

/* A page may be short, but not empty where more is to come. */
static enum tb_err read_page(const struct tb_events_answer *answer,
			     struct tb_events_reader *reader,
			     struct tb_buf *buf)
{
	struct tb_events_text text = {
		.buf = buf,
		.max_bytes = answer->before.n +
			     answer->events->options->page_max_bytes,
	};
	struct tb_events_batch batch = {
		.take = tb_events_take_text,
		.ctx = &text,
		.max_events = answer->query.limit,
		.max_looked_at = LOOKED_AT_MAX,
	};
	enum tb_err err = TB_OK;

	tb_buf_append_str(buf, answer->before);
	tb_buf_append_char(buf, '[');
	do
		err = tb_events_read(reader, &batch);
	while (!err && batch.n == 0 && reader->at < reader->head);
	if (err)
		return err;
	tb_buf_append_char(buf, ']');
	tb_buf_append_str(buf, answer->behind);
	return tb_buf_err(buf);
}

static void answer_page(const struct tb_events_answer *answer,
			struct start start)
{
	struct tb_events_reader reader = {
		.core = answer->events->core,
		.index = tb_segments_index(answer->events->segments),
		.history = answer->stand.history,
		.filter = filter_of(answer),
	};
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, PAGE_MAX_BYTES);
	tb_events_reader_seek(&reader, start.at, answer->stand.head);
	err = read_page(answer, &reader, &buf);
	if (!err)
		err = put_headers(answer, start, reader.at);
	if (err)
		fail(answer, err);
	else
		tb_response_body(answer->res, 200, TB_JSON_UTF8_TYPE, &buf);
	tb_buf_fini(&buf);
}

/* ---- the whole rest ---- */

static bool is_filtered(const struct tb_events_answer *answer)
{
	return answer->stand.view.is_restricted || answer->query.from_s;
}

static void answer_stream(const struct tb_events_answer *answer,
			  struct start start)
{
	struct tb_events_stream_options options = {
		.core = answer->events->core,
		.segments = answer->events->segments,
		.history = answer->stand.history,
		.at = start.at,
		.head = answer->stand.head,
		.filter = filter_of(answer),
		.before = answer->before,
		.behind = answer->behind,
	};
	struct tb_source *source;
	uint64_t length;
	enum tb_err err = put_headers(answer, start, answer->stand.head);

	if (!err)
		err = tb_events_stream_create(answer->req->arena, &options,
					      &source, &length);
	if (err)
		fail(answer, err);
	else
		tb_response_source(answer->res, 200, TB_JSON_UTF8_TYPE, source,
				   length);
}

static struct tb_part_at first_part(const struct tb_events_answer *answer,
				    struct start start)
{
	return (struct tb_part_at) {
		.history = answer->stand.history,
		.at = start.at,
		.head = answer->stand.head,
		.is_first = true,
	};
}

/* An answer of one part is sent as it is, unless it is to be packed, which a
 * stream does. Takes over the part. */
static void answer_part(const struct tb_events_answer *answer,
			struct start start, struct tb_part *part)
{
	struct tb_blob *blob = part->piece.plain;
	bool is_whole = part->last == answer->stand.head && !answer->before.p;
	bool is_plain = !part->piece.packed ||
			tb_blob_str(blob).n < TB_COMPRESS_MIN_BYTES;
	enum tb_err err;

	if (!is_whole || !is_plain) {
		answer_stream(answer, start);
		tb_piece_release(&part->piece);
		return;
	}
	err = put_headers(answer, start, answer->stand.head);
	if (err)
		fail(answer, err);
	else
		tb_response_blob(answer->res, 200, TB_JSON_UTF8_TYPE,
				 tb_blob_ref(blob), false);
	tb_piece_release(&part->piece);
}

/* Few events: they may well be one part. */
static void answer_few(const struct tb_events_answer *answer,
		       struct start start)
{
	struct tb_part part;
	enum tb_err err = tb_segments_get(
		answer->events->segments, first_part(answer, start),
		tb_request_accepts_gzip(answer->req), &part);

	if (err)
		fail(answer, err);
	else
		answer_part(answer, start, &part);
}

/* ---- which of them ---- */

static enum tb_events_verdict judge(const struct tb_events_answer *answer)
{
	if (!answer->query.has_cursor)
		return TB_EVENTS_GOES_ON;
	return tb_events_stand_judge(&answer->stand, &answer->query.after);
}

/* The same to the end. */
static enum tb_err resolve(const struct tb_events_answer *answer,
			   enum tb_events_verdict *ret)
{
	if (answer->query.has_cursor)
		return tb_events_stand_resolve(&answer->stand,
					       answer->events->rules,
					       &answer->query.after, ret);
	*ret = TB_EVENTS_GOES_ON;
	return TB_OK;
}

static struct start start_by(const struct tb_events_answer *answer,
			     enum tb_events_verdict verdict)
{
	bool is_over = verdict == TB_EVENTS_STARTS_OVER;

	return (struct start) {
		.at = is_over ? 0 : answer->query.after.num,
		.is_over = is_over,
	};
}

/* The client holds what it would get. The cursor is told where it is known
 * without reading. */
static bool answer_fresh(const struct tb_events_answer *answer)
{
	struct tb_events_cursor cursor = cursor_at(answer, answer->stand.head);
	char buf[TAG_MAX_BYTES];
	enum tb_err err;

	if (!answer->has_tag ||
	    !tb_request_is_fresh(answer->req, tag_of(answer, buf)))
		return false;
	err = put_tag(answer);
	if (!err && !answer->query.limit)
		err = put_cursor(answer, &cursor);
	if (err)
		fail(answer, err);
	else
		tb_response_empty(answer->res, 304);
	return true;
}

bool tb_events_answer_quick(struct tb_events_answer *answer)
{
	enum tb_events_verdict verdict;
	struct tb_part part;
	struct start start;

	if (answer_fresh(answer))
		return true;
	verdict = judge(answer);
	if (verdict == TB_EVENTS_DEPENDS)
		return false;
	start = start_by(answer, verdict);
	if (start.at == answer->stand.head) {
		answer_nothing(answer, start);
		return true;
	}
	if (answer->query.limit || is_filtered(answer) ||
	    !tb_segments_find(answer->events->segments,
			      first_part(answer, start),
			      tb_request_accepts_gzip(answer->req), &part))
		return false;
	answer_part(answer, start, &part);
	return true;
}

void tb_events_answer_history(struct tb_events_answer *answer)
{
	enum tb_events_verdict verdict;
	struct start start;
	enum tb_err err = resolve(answer, &verdict);

	if (err) {
		fail(answer, err);
		return;
	}
	start = start_by(answer, verdict);
	if (start.at == answer->stand.head)
		answer_nothing(answer, start);
	else if (answer->query.limit)
		answer_page(answer, start);
	else if (is_filtered(answer) ||
		 answer->stand.head - start.at > TB_SEGMENT_EVENTS)
		answer_stream(answer, start);
	else
		answer_few(answer, start);
}
