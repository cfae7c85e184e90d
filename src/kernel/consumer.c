#include "kernel/consumer.h"

#include <stdio.h>

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/system.h"

/* A site with every subscription and each of them in islands; one that lives
 * as it should has some hundred bytes. */
#define BODY_MAX_BYTES ((size_t)256 << 20)
#define JSON_MAX_NODES (16u << 20)
#define SITE_KEY_BYTES 11

static const char *const init_names[] = {
	[TB_INIT_NEW] = "new",
	[TB_INIT_STARTED] = "started",
	[TB_INIT_COMPLETED] = "completed",
	[TB_INIT_ERROR] = "error",
};

/* The numbers of a consumer and of a subscription, under their names. Those
 * that are 0 are not written. */
struct number {
	const char *name;
	size_t at;
	bool is_signed;
};

#define UNSIGNED(type, member)                                                 \
	{                                                                      \
#member, offsetof(struct type, member), false                  \
	}
#define SIGNED(type, member)                                                   \
	{                                                                      \
#member, offsetof(struct type, member), true                   \
	}

static const struct number consumer_numbers[] = {
	UNSIGNED(tb_consumer, central_to),
	UNSIGNED(tb_consumer, central_floor),
	UNSIGNED(tb_consumer, quarantined),
	UNSIGNED(tb_consumer, quarantined_bytes),
	SIGNED(tb_consumer, last_push_us),
	SIGNED(tb_consumer, last_pull_us),
	SIGNED(tb_consumer, clock_skew_us),
	SIGNED(tb_consumer, seen_us),
};

static const struct number subscription_numbers[] = {
	UNSIGNED(tb_subscription, scope),
	UNSIGNED(tb_subscription, acked),
	UNSIGNED(tb_subscription, delivered),
	UNSIGNED(tb_subscription, own_above),
};

static struct tb_str site_key(char buf[SITE_KEY_BYTES], uint32_t site_id)
{
	int n = snprintf(buf, SITE_KEY_BYTES, "%u", site_id);

	return tb_str(buf, (size_t)n);
}

/* ---- writing ---- */

static void put_numbers(struct tb_json_writer *w, const void *from,
			const struct number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = (const char *)from + numbers[i].at;
		uint64_t value;

		memcpy(&value, at, sizeof(value));
		if (value == 0)
			continue;
		if (numbers[i].is_signed)
			tb_json_kv_int(w, numbers[i].name, (int64_t)value);
		else
			tb_json_kv_uint(w, numbers[i].name, value);
	}
}

/* Ranges are one flat array: first, last, first, last, ... */
static void put_subscription(struct tb_json_writer *w,
			     const struct tb_subscription *sub)
{
	tb_json_begin_object(w);
	put_numbers(w, sub, subscription_numbers,
		    TB_ARRAY_LEN(subscription_numbers));
	if (sub->n_ranges > 0) {
		tb_json_key(w, TB_STR("ranges"));
		tb_json_begin_array(w);
		for (size_t i = 0; i < sub->n_ranges; i++) {
			tb_json_uint(w, sub->ranges[i].first);
			tb_json_uint(w, sub->ranges[i].last);
		}
		tb_json_end_array(w);
	}
	tb_json_end_object(w);
}

static void put_consumer(struct tb_buf *buf, const struct tb_consumer *consumer)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "init", tb_str_z(init_names[consumer->init]));
	put_numbers(&w, consumer, consumer_numbers,
		    TB_ARRAY_LEN(consumer_numbers));
	tb_json_key(&w, TB_STR("subs"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < consumer->n_subs; i++)
		put_subscription(&w, &consumer->subs[i]);
	tb_json_end_array(&w);
	tb_json_end_object(&w);
}

enum tb_err tb_consumer_save(struct tb_view *view,
			     const struct tb_consumer *consumer)
{
	struct tb_arena *arena = tb_view_arena(view);
	char key_buf[SITE_KEY_BYTES];
	struct tb_buf buf;
	struct tb_str body;
	struct tb_str key;
	enum tb_err err;

	tb_buf_init(&buf, BODY_MAX_BYTES);
	put_consumer(&buf, consumer);
	err = tb_buf_copy_out(&buf, arena, &body);
	if (err == TB_OK)
		err = tb_arena_strdup(
			arena, site_key(key_buf, consumer->site_id), &key);
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_CONSUMER, key, body);
	return err;
}

/* ---- reading ---- */

/* Takes a member if it is one of the numbers. CORRUPT: of another type. */
static enum tb_err take_number(const struct tb_json_iter *it, void *into,
			       const struct number *numbers, size_t n,
			       bool *ret_taken)
{
	for (size_t i = 0; i < n; i++) {
		char *at = (char *)into + numbers[i].at;
		enum tb_err err;
		uint64_t value;

		if (!tb_json_string_is(it->key, tb_str_z(numbers[i].name)))
			continue;
		if (numbers[i].is_signed) {
			int64_t signed_value = 0;

			err = tb_json_i64(it->value, &signed_value);
			value = (uint64_t)signed_value;
		} else {
			err = tb_json_u64(it->value, &value);
		}
		if (err != TB_OK)
			return TB_ERR_CORRUPT;
		memcpy(at, &value, sizeof(value));
		*ret_taken = true;
		return TB_OK;
	}
	*ret_taken = false;
	return TB_OK;
}

static enum tb_err read_ranges(struct tb_arena *arena,
			       struct tb_json_value array,
			       struct tb_subscription *sub)
{
	struct tb_json_iter it;
	size_t n = tb_json_count(array);

	if (!tb_json_is(array, TB_JSON_ARRAY) || n % 2 != 0)
		return TB_ERR_CORRUPT;
	sub->n_ranges = n / 2;
	sub->ranges = tb_arena_calloc(arena, n / 2 + 1, sizeof(*sub->ranges));
	if (sub->ranges == NULL)
		return TB_ERR_NOMEM;
	it = tb_json_iter(array);
	for (size_t i = 0; tb_json_next(&it); i++) {
		struct tb_range *range = &sub->ranges[i / 2];

		if (tb_json_u64(it.value,
				i % 2 ? &range->last : &range->first) != TB_OK)
			return TB_ERR_CORRUPT;
	}
	return TB_OK;
}

/* Ranges stand in order above `acked`, with gaps between them. */
static bool are_ranges_sound(const struct tb_subscription *sub)
{
	uint64_t before = sub->acked;

	for (size_t i = 0; i < sub->n_ranges; i++) {
		const struct tb_range *range = &sub->ranges[i];

		if (range->first <= before || range->last < range->first)
			return false;
		before = range->last;
	}
	return true;
}

static enum tb_err read_subscription(struct tb_arena *arena,
				     struct tb_json_value object,
				     struct tb_subscription *sub)
{
	struct tb_json_iter it;

	*sub = (struct tb_subscription) { 0 };
	if (!tb_json_is(object, TB_JSON_OBJECT))
		return TB_ERR_CORRUPT;
	it = tb_json_iter(object);
	while (tb_json_next(&it)) {
		bool taken;
		enum tb_err err =
			take_number(&it, sub, subscription_numbers,
				    TB_ARRAY_LEN(subscription_numbers), &taken);

		if (err == TB_OK && !taken &&
		    tb_json_string_is(it.key, TB_STR("ranges")))
			err = read_ranges(arena, it.value, sub);
		if (err != TB_OK)
			return err;
	}
	return are_ranges_sound(sub) ? TB_OK : TB_ERR_CORRUPT;
}

static enum tb_err read_subscriptions(struct tb_arena *arena,
				      struct tb_json_value array,
				      struct tb_consumer *consumer)
{
	struct tb_json_iter it;
	size_t n = tb_json_count(array);
	enum tb_err err;

	if (!tb_json_is(array, TB_JSON_ARRAY) || n > TB_SUBSCRIPTIONS_MAX)
		return TB_ERR_CORRUPT;
	consumer->subs = tb_arena_calloc(arena, n + 1, sizeof(*consumer->subs));
	if (consumer->subs == NULL)
		return TB_ERR_NOMEM;
	it = tb_json_iter(array);
	while (tb_json_next(&it)) {
		struct tb_subscription *sub = &consumer->subs[consumer->n_subs];

		err = read_subscription(arena, it.value, sub);
		if (err != TB_OK)
			return err;
		if (consumer->n_subs > 0 && sub[-1].scope >= sub->scope)
			return TB_ERR_CORRUPT;
		consumer->n_subs++;
	}
	return TB_OK;
}

static enum tb_err read_init(struct tb_json_value v, enum tb_init_state *ret)
{
	for (size_t i = 0; i < TB_ARRAY_LEN(init_names); i++)
		if (tb_json_string_is(v, tb_str_z(init_names[i]))) {
			*ret = (enum tb_init_state)i;
			return TB_OK;
		}
	return TB_ERR_CORRUPT;
}

static enum tb_err read_member(struct tb_arena *arena,
			       const struct tb_json_iter *it,
			       struct tb_consumer *consumer)
{
	bool taken;
	enum tb_err err = take_number(it, consumer, consumer_numbers,
				      TB_ARRAY_LEN(consumer_numbers), &taken);

	if (err != TB_OK || taken)
		return err;
	if (tb_json_string_is(it->key, TB_STR("subs")))
		return read_subscriptions(arena, it->value, consumer);
	if (tb_json_string_is(it->key, TB_STR("init")))
		return read_init(it->value, &consumer->init);
	return TB_OK;
}

/* The marks in a record's body; a site without a record has none yet. */
static enum tb_err decode(struct tb_arena *arena, uint32_t site_id,
			  const struct tb_record *record,
			  struct tb_consumer *ret)
{
	const struct tb_json_limits limits = {
		.max_depth = 8,
		.max_nodes = JSON_MAX_NODES,
		.tape_depth = UINT32_MAX,
	};
	struct tb_consumer consumer = { .site_id = site_id };
	struct tb_json_iter it;
	struct tb_json json;
	enum tb_err err;

	if (record == NULL) {
		*ret = consumer;
		return TB_OK;
	}
	err = tb_json_parse(arena, record->body, &limits, &json, NULL);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	if (!tb_json_is(tb_json_root(&json), TB_JSON_OBJECT))
		return TB_ERR_CORRUPT;
	it = tb_json_iter(tb_json_root(&json));
	while (err == TB_OK && tb_json_next(&it))
		err = read_member(arena, &it, &consumer);
	if (err == TB_OK)
		*ret = consumer;
	return err;
}

enum tb_err tb_consumer_load(struct tb_view *view, uint32_t site_id,
			     struct tb_consumer *ret)
{
	struct tb_arena *arena = tb_view_arena(view);
	const struct tb_record *record;
	char buf[SITE_KEY_BYTES];
	struct tb_str key;
	enum tb_err err;

	/* The view keeps the key, so it has to live as long. */
	err = tb_arena_strdup(arena, site_key(buf, site_id), &key);
	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_CONSUMER, key, &record);
	return err == TB_OK ? decode(arena, site_id, record, ret) : err;
}

enum tb_err tb_consumer_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, uint32_t site_id,
			     struct tb_consumer *ret)
{
	char buf[SITE_KEY_BYTES];
	struct tb_key key = { .org = org,
			      .coll = TB_COLL_CONSUMER,
			      .key = site_key(buf, site_id) };
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, &key, 1, &record);

	return err == TB_OK ? decode(arena, site_id, record, ret) : err;
}

/* ---- subscriptions ---- */

/* Where the subscription to a scope is or would stand. */
static size_t position_of(const struct tb_consumer *consumer, uint64_t scope)
{
	size_t low = 0;
	size_t high = consumer->n_subs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (consumer->subs[middle].scope < scope)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tb_subscription *
tb_consumer_subscription(const struct tb_consumer *consumer, uint64_t scope)
{
	size_t at = position_of(consumer, scope);

	if (at == consumer->n_subs || consumer->subs[at].scope != scope)
		return NULL;
	return &consumer->subs[at];
}

enum tb_err tb_consumer_subscribe(struct tb_arena *arena,
				  struct tb_consumer *consumer, uint64_t scope)
{
	size_t at = position_of(consumer, scope);
	size_t n = consumer->n_subs;
	struct tb_subscription *subs;

	if (tb_consumer_subscription(consumer, scope) != NULL)
		return TB_OK;
	if (n >= TB_SUBSCRIPTIONS_MAX)
		return TB_ERR_TOO_LARGE;
	subs = tb_arena_calloc(arena, n + 1, sizeof(*subs));
	if (subs == NULL)
		return TB_ERR_NOMEM;
	if (n > 0) {
		memcpy(subs, consumer->subs, at * sizeof(*subs));
		memcpy(subs + at + 1, consumer->subs + at,
		       (n - at) * sizeof(*subs));
	}
	subs[at].scope = scope;
	consumer->subs = subs;
	consumer->n_subs = n + 1;
	return TB_OK;
}

void tb_consumer_unsubscribe(struct tb_consumer *consumer, uint64_t scope)
{
	size_t at = position_of(consumer, scope);

	if (tb_consumer_subscription(consumer, scope) == NULL)
		return;
	consumer->n_subs--;
	memmove(&consumer->subs[at], &consumer->subs[at + 1],
		(consumer->n_subs - at) * sizeof(*consumer->subs));
}

bool tb_consumer_is_queued(const struct tb_consumer *consumer,
			   const struct tb_entry *entry)
{
	const struct tb_subscription *sub =
		tb_consumer_subscription(consumer, entry->scope);

	return sub != NULL && !tb_subscription_is_acked(sub, entry->num) &&
	       (entry->origin != consumer->site_id ||
		entry->num <= sub->own_above);
}

bool tb_consumer_awaits(const struct tb_consumer *consumer,
			const struct tb_record *record)
{
	for (size_t i = 0; i < record->n_entries; i++)
		if (tb_consumer_is_queued(consumer, &record->entries[i]))
			return true;
	return false;
}

bool tb_subscription_is_acked(const struct tb_subscription *sub, uint64_t num)
{
	size_t low = 0;
	size_t high = sub->n_ranges;

	if (num <= sub->acked)
		return true;
	/* The first range that ends at the number or behind it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sub->ranges[middle].last < num)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sub->n_ranges && sub->ranges[low].first <= num;
}
