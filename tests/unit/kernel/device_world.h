/*
 * A world with devices that push, read and acknowledge events.
 */
#ifndef TB_TESTS_DEVICE_WORLD_H
#define TB_TESTS_DEVICE_WORLD_H

#include "world.h"

#include "kernel/device_delivery.h"
#include "kernel/device_event.h"
#include "kernel/device_upkeep.h"
#include "kernel/registration.h"

#define DEVICES_MAX 1000
#define MINUTE_US (60 * (int64_t)1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

/* What a device sends. `payload` is JSON; the others NULL: none. */
struct sending {
	enum tb_device_event_kind kind;
	const char *device;
	const char *user;
	const char *payload;
	const char *timestamp;
	const char *client_id;
};

/* Where `part` stands in `text` as a whole, which it must. */
static inline struct tb_str slice_of(struct tb_str text, struct tb_str part)
{
	const char *at = memmem(text.p, text.n, part.p, part.n);

	assert_non_null(at);
	return tb_str(at, part.n);
}

static inline struct tb_device_push_item item_of(struct inline_core *ic,
						 const struct sending *s)
{
	struct tb_device_push_item item = {
		.kind = s->kind,
		.device = tb_str_z(s->device),
		.user = tb_str_z(s->user),
		.type = TB_STR("sale"),
		.client_id = tb_str_z(s->client_id),
	};
	const char *payload = s->payload != NULL ? s->payload : "{\"qty\":5}";

	MUST(tb_arena_printf(ic->arena, &item.sent,
			     "{\"event_type\": \"sale\", \"payload\":%s,"
			     "\"device_id\":\"%s\",\"timestamp\":%s}",
			     payload, s->device,
			     s->timestamp != NULL ? s->timestamp : "null"));
	item.payload = slice_of(item.sent, tb_str_z(payload));
	if (s->timestamp != NULL)
		item.timestamp = slice_of(item.sent, tb_str_z(s->timestamp));
	return item;
}

static inline enum tb_err try_push(struct world *w,
				   const struct sending *sendings, size_t n,
				   struct tb_device_push_item *items)
{
	struct tb_device_push push = {
		.commit = { .note = w->ic.note },
		.items = items,
		.n = n,
		.devices_max = DEVICES_MAX,
		.arena = w->ic.arena,
	};
	enum tb_err err;

	for (size_t i = 0; i < n; i++)
		items[i] = item_of(&w->ic, &sendings[i]);
	err = tb_device_push_prepare(&push, w->org);
	return err == TB_OK ? tb_core_commit(w->ic.core, &push.commit) : err;
}

/* The event's id. */
static inline uint64_t push_one(struct world *w, const struct sending *s)
{
	struct tb_device_push_item item;

	MUST(try_push(w, s, 1, &item));
	MUST(item.err);
	return item.id;
}

static inline uint64_t push_plain(struct world *w, const char *device)
{
	return push_one(w, &(struct sending) { .device = device });
}

static inline uint64_t push_critical(struct world *w, const char *device)
{
	return push_one(w, &(struct sending) { .kind = TB_DEVICE_EVENT_CRITICAL,
					       .device = device });
}

static inline void register_device(struct world *w, const char *device)
{
	struct tb_register what = { .device = tb_str_z(device) };
	struct tb_registration reg;

	MUST(tb_registration_register(w->ic.core, w->ic.arena, &w->ic.note,
				      w->org, &what, DEVICES_MAX, &reg));
}

static inline enum tb_err find_registration(struct world *w, const char *device,
					    struct tb_registration *ret,
					    struct tb_device_marks *ret_marks)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	enum tb_err err = tb_registration_read(
		tx, w->ic.arena, w->org, tb_str_z(device), ret, ret_marks);

	tb_core_read_end(tx);
	return err;
}

static inline struct tb_device_event event_of(struct world *w, uint64_t id)
{
	struct tb_device_event event = { .id = 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_device_find(tx, w->ic.arena, w->org, id, &event));
	tb_core_read_end(tx);
	return event;
}

static inline uint64_t head_of(struct world *w)
{
	struct tb_heads heads;

	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	return heads.head;
}

/* ---- acknowledging ---- */

static inline enum tb_err try_acknowledge(struct world *w,
					  struct tb_device_ack *ack)
{
	ack->devices_max = DEVICES_MAX;
	return tb_device_acknowledge(w->ic.core, w->ic.arena, &w->ic.note,
				     w->org, ack);
}

/* How many are new. */
static inline uint64_t acknowledge(struct world *w, const char *device,
				   const uint64_t *ids, size_t n)
{
	struct tb_device_ack ack = { .device = tb_str_z(device),
				     .ids = ids,
				     .n = n };

	MUST(try_acknowledge(w, &ack));
	assert_int_equal(ack.n_unknown, 0);
	return ack.n_new;
}

static inline uint64_t acknowledge_one(struct world *w, const char *device,
				       uint64_t id)
{
	return acknowledge(w, device, &id, 1);
}

static inline uint64_t acknowledge_up_to(struct world *w, const char *device,
					 uint64_t up_to)
{
	struct tb_device_ack ack = { .device = tb_str_z(device),
				     .up_to = up_to };

	MUST(try_acknowledge(w, &ack));
	return ack.n_new;
}

/* ---- time ---- */

static inline bool keep_up(struct world *w, const struct tb_device_ages *ages)
{
	bool more = true;

	MUST(tb_device_upkeep(w->ic.core, w->org, ages, &more));
	return more;
}

/* Until there is no more to do; how many calls said that there was. */
static inline size_t keep_up_all(struct world *w,
				 const struct tb_device_ages *ages)
{
	size_t n = 0;

	while (keep_up(w, ages))
		assert_true(++n < 1000);
	return n;
}

/* ---- what there is ---- */

/* "pending 2", "synced", "failed". */
static inline void expect_status(struct world *w, uint64_t id,
				 const char *expected)
{
	struct tb_device_event event = event_of(w, id);
	char text[32];

	if (event.status == TB_DEVICE_EVENT_PENDING)
		(void)snprintf(text, sizeof(text), "pending %u",
			       event.waiting_for);
	else
		(void)snprintf(text, sizeof(text), "%s",
			       tb_device_event_status_name(event.status));
	assert_string_equal(text, expected);
}

static inline struct tb_device_page
read_page(struct world *w, const struct tb_device_query *query)
{
	struct tb_device_page page = { .n = 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_device_read(tx, w->ic.arena, query, &page));
	tb_core_read_end(tx);
	return page;
}

/* The ids of a page: "1 2 3", and "+" where there is more. */
static inline void expect_page(struct world *w,
			       const struct tb_device_query *query,
			       const char *expected)
{
	struct tb_device_page page = read_page(w, query);
	char text[1024] = "";
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text) - 1);
	for (size_t i = 0; i < page.n; i++)
		tb_buf_printf(&buf, "%s%llu", i > 0 ? " " : "",
			      (unsigned long long)page.events[i].id);
	if (page.has_more)
		tb_buf_append_char(&buf, '+');
	text[buf.n] = '\0';
	assert_string_equal(text, expected);
}

/* What a device pulls, which has not acknowledged it. */
static inline void expect_pull(struct world *w, const char *device,
			       const char *expected)
{
	struct tb_registration reg;
	struct tb_device_marks marks;
	struct tb_device_query query = {
		.org = w->org,
		.feed = TB_DEVICE_FEED_ALL,
		.until = UINT64_MAX,
		.limit = SIZE_MAX,
		.max_bytes = SIZE_MAX,
		.not_device = tb_str_z(device),
	};

	if (find_registration(w, device, &reg, &marks) == TB_OK)
		query.marks = &marks;
	expect_page(w, &query, expected);
}

/* "pending/synced/failed" of a device, a user, or both. */
static inline void expect_tally(struct world *w, const char *device,
				const char *user, const char *expected)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_device_tally tally;
	char text[64];

	MUST(tb_device_tally_read(tx, w->ic.arena, w->org, tb_str_z(device),
				  tb_str_z(user), &tally));
	tb_core_read_end(tx);
	(void)snprintf(text, sizeof(text), "%llu/%llu/%llu",
		       (unsigned long long)tally.pending,
		       (unsigned long long)tally.synced,
		       (unsigned long long)tally.failed);
	assert_string_equal(text, expected);
}

static inline void device_world_broken(void *ctx, const char *invariant,
				       uint64_t rid, const char *what)
{
	(void)ctx;
	(void)rid;
	fail_msg("%s: %s", invariant, what);
}

static inline void check_store(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tx->store->ops->check(tx, device_world_broken, NULL));
	tb_core_read_end(tx);
}

#endif
