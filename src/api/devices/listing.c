#include "api/devices/listing.h"

#include "api/devices/event_json.h"
#include "base/assert.h"
#include "http/source.h"

/* Of one page: as much as is read and sent at once. */
#define PAGE_EVENTS_MAX 1000
#define PAGE_MAX_BYTES ((size_t)256 << 10)
/* For one event that is longer. */
#define PIECE_MAX_BYTES ((size_t)1 << 30)
#define ARENA_MAX_BYTES ((size_t)1 << 30)

struct listing {
	struct tb_source source;
	struct tb_devices_listing what; /* `query` is of what is left */
	bool has_begun;
	bool has_events;
	bool has_ended;
	struct tb_blob *ready; /* the first piece; NULL: it has been taken */
};

static struct listing *listing_of(struct tb_source *source)
{
	return (struct listing *)source;
}

/* ---- a page ---- */

static enum tb_err read_page(struct listing *listing, struct tb_tx *tx,
			     struct tb_arena *arena, struct tb_device_page *ret)
{
	struct tb_device_query *query = &listing->what.query;
	uint64_t limit = listing->what.limit;
	struct tb_tx *own = NULL;
	enum tb_err err = TB_OK;

	query->limit =
		limit < PAGE_EVENTS_MAX ? (size_t)limit : PAGE_EVENTS_MAX;
	query->max_bytes = PAGE_MAX_BYTES;
	if (!tx)
		err = tb_core_read(listing->what.core, &own);
	if (!err)
		err = tb_device_read(tx ? tx : own, arena, query, ret);
	tb_core_read_end(own);
	return err;
}

static void put_events(struct tb_buf *buf, struct listing *listing,
		       const struct tb_device_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		struct tb_json_writer w = tb_json_writer(buf);

		w.comma = listing->has_events;
		tb_json_begin_object(&w);
		tb_devices_put_event_members(&w, &page->events[i]);
		if (listing->what.with_waiting)
			tb_json_kv_uint(&w, "waiting_for",
					page->events[i].waiting_for);
		tb_json_end_object(&w);
		listing->has_events = true;
	}
}

static void put_end(struct tb_buf *buf, const struct listing *listing,
		    const struct tb_device_page *page)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_buf_append_char(buf, ']');
	w.comma = true;
	if (listing->what.missed_up_to > 0)
		tb_json_kv_uint(&w, "missed_up_to", listing->what.missed_up_to);
	if (listing->what.with_more)
		tb_json_kv_bool(&w, "has_more", page->has_more);
	if (listing->what.with_next)
		tb_json_kv_uint(&w, "next", page->last);
	tb_json_end_object(&w);
}

/* What is left behind a page. */
static void advance(struct listing *listing, const struct tb_device_page *page)
{
	struct tb_device_query *query = &listing->what.query;

	if (listing->what.limit != TB_DEVICES_NO_LIMIT)
		listing->what.limit -= page->n;
	listing->has_ended = !page->has_more || listing->what.limit == 0;
	if (!query->backwards)
		query->after = page->last;
	else if (page->has_more)
		query->until = page->last - 1;
}

static void put_page(struct tb_buf *buf, struct listing *listing,
		     const struct tb_device_page *page)
{
	if (!listing->has_begun) {
		tb_buf_append_str(buf, listing->what.before);
		tb_buf_append_char(buf, '[');
		listing->has_begun = true;
	}
	put_events(buf, listing, page);
	advance(listing, page);
	if (listing->has_ended)
		put_end(buf, listing, page);
	/* Space between values: who waits for one event among many sees that
	 * the answer goes on. */
	else if (buf->n == 0)
		tb_buf_append_char(buf, '\n');
}

/* Reads the next page into a buffer. `tx` NULL: in a snapshot of its own. */
static enum tb_err make_page(struct listing *listing, struct tb_tx *tx,
			     struct tb_buf *buf)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_device_page page = { .last = listing->what.query.after };
	enum tb_err err = arena ? TB_OK : TB_ERR_NOMEM;

	if (!err && listing->what.limit > 0)
		err = read_page(listing, tx, arena, &page);
	if (!err)
		put_page(buf, listing, &page);
	tb_arena_destroy(arena);
	return err ? err : tb_buf_err(buf);
}

/* ---- the source ---- */

static bool find(struct tb_source *source, struct tb_piece *ret)
{
	struct listing *listing = listing_of(source);

	if (!listing->ready && !listing->has_ended)
		return false;
	*ret = (struct tb_piece) { .plain = listing->ready };
	listing->ready = NULL;
	return true;
}

static enum tb_err make_blob(struct tb_buf *buf, struct tb_blob **ret)
{
	struct tb_blob *blob = tb_blob_create(buf);

	if (!blob)
		return TB_ERR_NOMEM;
	*ret = blob;
	return TB_OK;
}

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	struct listing *listing = listing_of(source);
	struct tb_buf buf;
	enum tb_err err;

	tb_buf_init(&buf, PIECE_MAX_BYTES);
	err = make_page(listing, NULL, &buf);
	if (!err)
		err = tb_piece_take(&buf, ret);
	tb_buf_fini(&buf);
	return err;
}

static void destroy(struct tb_source *source)
{
	tb_blob_unref(listing_of(source)->ready);
}

/* ---- the answer ---- */

/* A listing that outlives the handler. */
static enum tb_err make_listing(struct tb_arena *arena,
				const struct tb_devices_listing *what,
				struct listing **ret)
{
	static const struct tb_source_ops ops = {
		.find = find,
		.make = make,
		.destroy = destroy,
	};
	struct listing *listing = tb_arena_calloc(arena, 1, sizeof(*listing));
	enum tb_err err;

	if (!listing)
		return TB_ERR_NOMEM;
	listing->source.ops = &ops;
	listing->what = *what;
	err = tb_arena_strdup(arena, what->query.device,
			      &listing->what.query.device);
	if (!err)
		err = tb_arena_strdup(arena, what->query.user,
				      &listing->what.query.user);
	if (!err)
		err = tb_arena_strdup(arena, what->query.not_device,
				      &listing->what.query.not_device);
	if (!err)
		*ret = listing;
	return err;
}

static void answer(struct listing *listing, const struct tb_request *req,
		   struct tb_response *res, struct tb_buf *first)
{
	enum tb_err err;

	if (listing->has_ended) {
		tb_response_body(res, 200, TB_JSON_TYPE, first);
		return;
	}
	err = make_blob(first, &listing->ready);
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_source(res, 200, TB_JSON_TYPE, &listing->source,
				   TB_LENGTH_UNKNOWN);
}

void tb_devices_answer_listing(const struct tb_devices_listing *what,
			       struct tb_tx *tx, const struct tb_request *req,
			       struct tb_response *res)
{
	struct listing *listing;
	struct tb_buf first;
	enum tb_err err = make_listing(req->arena, what, &listing);

	tb_buf_init(&first, PIECE_MAX_BYTES);
	if (!err)
		err = make_page(listing, tx, &first);
	if (err)
		tb_response_fail(res, req, err);
	else
		answer(listing, req, res, &first);
	tb_buf_fini(&first);
}
