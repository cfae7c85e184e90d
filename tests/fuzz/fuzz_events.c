/*
 * What clients send to the events API. A cursor that is read is written the
 * same; a query says what is wrong with it, or is within its limits; of a
 * body each event that is taken is one that readers can look into, and each
 * other has a flaw.
 */
#include "fuzz.h"

#include "api/events/decode.h"
#include "api/events/query.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define BODIES_MAX_BYTES ((size_t)64 << 20)
#define ITEMS_MAX 64
#define LATEST_S 2000000000
#define PAGE_MAX 100

static void cursor(struct tb_str text)
{
	char buf[TB_EVENTS_CURSOR_MAX_BYTES];
	struct tb_events_cursor read;

	if (!tb_events_cursor_parse(text, &read))
		TB_ASSERT(tb_str_eq(tb_events_cursor_text(&read, buf), text));
}

static void query(struct tb_arena *arena, struct tb_str text)
{
	struct tb_events_query_limits limits = { .page_max = PAGE_MAX,
						 .latest_s = LATEST_S };
	struct tb_request req = { .query = text, .arena = arena };
	struct tb_events_query read;
	const char *what = NULL;

	if (tb_events_query_read(&req, &limits, &read, &what)) {
		TB_ASSERT(what);
		return;
	}
	TB_ASSERT(read.limit <= PAGE_MAX);
	TB_ASSERT(read.from_s >= 0 && read.from_s <= LATEST_S);
	TB_ASSERT(read.is_given || !read.has_cursor);
}

static void check_item(struct tb_arena *arena, const struct tb_buf *bodies,
		       const struct tb_events_item *item)
{
	struct tb_str body;
	struct tb_str name;
	int64_t timestamp_s;

	if (item->flaw) {
		TB_ASSERT(item->body_n == 0);
		return;
	}
	body = tb_str(bodies->p + item->body_at, item->body_n);
	TB_ASSERT(item->fields.uuid.n > 0 && item->fields.action.n > 0);
	TB_ASSERT(!tb_event_peek(arena, body, &name, &timestamp_s));
	TB_ASSERT(tb_str_eq(name, item->fields.item));
	TB_ASSERT(timestamp_s == item->fields.timestamp_s);
	TB_ASSERT(timestamp_s > 0 && timestamp_s <= LATEST_S);
}

static void body(struct tb_arena *arena, struct tb_str text, bool is_strict)
{
	struct tb_buf bodies;
	struct tb_events_decoder decoder = { .arena = arena,
					     .user = TB_STR("user\"123"),
					     .latest_s = LATEST_S,
					     .items_max = ITEMS_MAX,
					     .is_strict = is_strict,
					     .buf = &bodies };

	tb_buf_init(&bodies, BODIES_MAX_BYTES);
	if (!tb_events_decode(&decoder, text)) {
		TB_ASSERT(decoder.n_items <= ITEMS_MAX);
		for (size_t i = 0; i < decoder.n_items; i++) {
			const struct tb_events_item *item = &decoder.items[i];

			check_item(arena, &bodies, item);
			TB_ASSERT(!is_strict || !item->flaw ||
				  i == decoder.n_items - 1);
		}
	}
	tb_buf_fini(&bodies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_str text = fuzz_input(data, n);

	TB_ASSERT(arena);
	cursor(text);
	query(arena, text);
	body(arena, text, false);
	body(arena, text, true);
	tb_arena_destroy(arena);
	return 0;
}
