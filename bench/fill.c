/*
 * Fills a store that a server has made, without a server: records of central
 * data as the primary site would push them, updates of them in random order,
 * sites that never call, and a history of events. Goes through the kernel, so
 * that what is there is what a server would have written.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "engine/engine.h"
#include "kernel/directory.h"
#include "kernel/event.h"
#include "kernel/push.h"
#include "options.h"
#include "sample.h"
#include "store/stores.h"

#define BATCH 4096
#define BATCH_MAX_BYTES ((size_t)64 << 20)
#define PRIMARY_SITE 1
#define FIRST_IDLE_SITE 100000
#define SITE_TEXT_BYTES 32
#define SITE_THREADS 64
#define EVENT_MAX_BYTES 256

struct fill_options {
	const char *data;
	const char *org;
	uint64_t records; /* to insert */
	uint64_t updates; /* of the first so many records, each once, in
			   * random order */
	uint64_t sites;   /* to add, each with a store of its own */
	uint64_t events;  /* to post */
};

static const struct tb_bench_option rows[] = {
#define ROW(member, what) TB_OPTION(struct fill_options, member, what)
	ROW(data, TEXT),      ROW(org, TEXT),     ROW(records, NUMBER),
	ROW(updates, NUMBER), ROW(sites, NUMBER), ROW(events, NUMBER),
#undef ROW
};

static const struct tb_collection collections[] = {
	{ .name = { "item", 4 }, .routing = TB_ROUTING_CENTRAL },
};

static const struct tb_declaration declaration = {
	.collections = collections,
	.n_collections = TB_ARRAY_LEN(collections),
};

static const struct tb_audit_note note = {
	.event_type = "admin",
	.operation = "fill",
	.status = "ok",
	.principal = { "bench", 5 },
};

/* One filling; the arena and the buffer hold one batch. */
struct fill {
	struct tb_core *core;
	uint32_t org;
	struct tb_sample sample;
	struct tb_arena *arena;
	struct tb_buf text;
};

static void find_org(struct fill *fill, const char *name)
{
	struct tb_org org;
	struct tb_tx *tx;

	tb_bench_must(tb_core_read(fill->core, &tx), "read");
	tb_bench_must(tb_directory_find_org(tx, tb_str_z(name), &org), name);
	tb_core_read_end(tx);
	fill->org = org.id;
}

/* The record's id and data stand in the buffer one behind the other. */
static void make_item(struct fill *fill, struct tb_push_item *item, uint64_t i,
		      unsigned revision)
{
	const char *at;

	tb_sample_put_id(&fill->text, &fill->sample, i);
	tb_sample_put_data(&fill->text, &fill->sample, i, revision);
	tb_bench_must(tb_buf_err(&fill->text), "a batch");
	at = fill->text.p + fill->text.n - TB_SAMPLE_ID_BYTES -
	     TB_SAMPLE_DATA_BYTES;
	*item = (struct tb_push_item) {
		.table = tb_str_z(fill->sample.table),
		.id = tb_str(at, TB_SAMPLE_ID_BYTES),
		.action = TB_PUSH_UPSERT,
		.data = tb_str(at + TB_SAMPLE_ID_BYTES, TB_SAMPLE_DATA_BYTES),
		.record = tb_str(at + TB_SAMPLE_ID_BYTES, TB_SAMPLE_DATA_BYTES),
	};
}

/* Pushes records `first` to `first + n - 1` of an order (NULL: their own). */
static void push_batch(struct fill *fill, const uint32_t *order, uint64_t first,
		       size_t n, unsigned revision)
{
	struct tb_push_item *items =
		tb_arena_calloc(fill->arena, n, sizeof(*items));
	struct tb_push push = { .site_id = PRIMARY_SITE,
				.may_edit_central = true,
				.items = items,
				.n_items = n,
				.arena = fill->arena };

	tb_buf_reset(&fill->text);
	if (items == NULL ||
	    tb_buf_reserve(&fill->text, n * (TB_SAMPLE_ID_BYTES +
					     TB_SAMPLE_DATA_BYTES)) == NULL)
		tb_bench_die("out of memory");
	for (size_t i = 0; i < n; i++)
		make_item(fill, &items[i],
			  order != NULL ? order[first + i] : first + i,
			  revision);
	tb_bench_must(tb_push_prepare(&push, &declaration, fill->org),
		      "prepare");
	push.commit.note = note;
	tb_bench_must(tb_core_commit(fill->core, &push.commit), "push");
	if (push.n_accepted != n)
		tb_bench_die("records were rejected");
	tb_arena_reset(fill->arena);
}

static void push_all(struct fill *fill, const uint32_t *order, uint64_t n,
		     unsigned revision)
{
	for (uint64_t i = 0; i < n; i += BATCH)
		push_batch(fill, order, i, n - i < BATCH ? n - i : BATCH,
			   revision);
}

/* A random order of the numbers below `n`, the same each time. */
static uint32_t *shuffle(uint64_t n)
{
	uint32_t *order = tb_calloc(n, sizeof(*order));

	if (order == NULL || n > UINT32_MAX)
		tb_bench_die("too many updates");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t j = tb_sample_mix(i) % (i + 1);

		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
	return order;
}

static void update_all(struct fill *fill, uint64_t n)
{
	uint32_t *order = n > 0 ? shuffle(n) : NULL;

	push_all(fill, order, n, 1);
	tb_free(order);
}

/* Such a site never logs in, so its password is no hash of anything. */
static void add_site(struct fill *fill, uint64_t i)
{
	char key[SITE_TEXT_BYTES];
	char name[SITE_TEXT_BYTES];
	struct tb_account account = {
		.kind = TB_ACCOUNT_SITE,
		.org = fill->org,
		.site_id = (uint32_t)(FIRST_IDLE_SITE + i),
		.password = TB_STR("*"),
	};

	snprintf(key, sizeof(key), "%u", account.site_id);
	snprintf(name, sizeof(name), "idle-%u", account.site_id);
	account.key = tb_str_z(key);
	account.username = tb_str_z(name);
	account.name = tb_str_z(name);
	tb_bench_must(tb_directory_add_account(fill->core, &note, &account),
		      "add a site");
	tb_bench_must(tb_directory_add_store(fill->core, &note, fill->org,
					     tb_str_z(name), tb_str_z(name)),
		      "add a store");
	tb_bench_must(tb_directory_assign_store(fill->core, &note, fill->org,
						tb_str_z(name), account.key),
		      "assign a store");
}

/* The sites are shared out among threads, so that commits share syncs. */
struct site_thread {
	pthread_t thread;
	struct fill *fill;
	uint64_t first;
	uint64_t end;
};

static void *add_sites(void *arg)
{
	const struct site_thread *t = arg;

	for (uint64_t i = t->first; i < t->end; i++)
		add_site(t->fill, i);
	return NULL;
}

static void add_all_sites(struct fill *fill, uint64_t n)
{
	struct site_thread threads[SITE_THREADS];

	for (size_t i = 0; i < SITE_THREADS; i++) {
		threads[i].fill = fill;
		threads[i].first = n * i / SITE_THREADS;
		threads[i].end = n * (i + 1) / SITE_THREADS;
		if (pthread_create(&threads[i].thread, NULL, add_sites,
				   &threads[i]) != 0)
			tb_bench_die("no thread");
	}
	for (size_t i = 0; i < SITE_THREADS; i++)
		pthread_join(threads[i].thread, NULL);
}

/* The body of an event begins with its id. */
static void make_event(struct fill *fill, struct tb_event *event, uint64_t i)
{
	size_t from = fill->text.n;

	tb_sample_put_event(&fill->text, &fill->sample, i);
	tb_bench_must(tb_buf_err(&fill->text), "a batch");
	event->body = tb_str(fill->text.p + from, fill->text.n - from);
	event->uuid = tb_str(event->body.p + strlen("{\"uuid\":\""),
			     TB_SAMPLE_ID_BYTES);
}

static void post_batch(struct fill *fill, uint64_t first, size_t n)
{
	struct tb_event *events =
		tb_arena_calloc(fill->arena, n, sizeof(*events));
	struct tb_event_post post = { .events = events, .n = n };
	struct tb_heads heads;

	tb_buf_reset(&fill->text);
	/* The texts must stay where they are. */
	if (events == NULL ||
	    tb_buf_reserve(&fill->text, n * EVENT_MAX_BYTES) == NULL)
		tb_bench_die("out of memory");
	for (size_t i = 0; i < n; i++)
		make_event(fill, &events[i], first + i);
	tb_bench_must(tb_core_heads(fill->core, fill->org, &heads), "heads");
	tb_event_post_init(&post, fill->org);
	post.generation = heads.generation;
	post.commit.note = note;
	tb_bench_must(tb_core_commit(fill->core, &post.commit), "post");
	if (post.n_stored != n)
		tb_bench_die("events were not stored");
	tb_arena_reset(fill->arena);
}

static void post_all(struct fill *fill, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += BATCH)
		post_batch(fill, i, n - i < BATCH ? n - i : BATCH);
}

static void fill_all(struct fill *fill, const struct fill_options *options)
{
	struct tb_heads heads;
	int64_t begin_us = tb_bench_now_us();

	find_org(fill, options->org);
	add_all_sites(fill, options->sites);
	push_all(fill, NULL, options->records, 0);
	update_all(fill, options->updates);
	post_all(fill, options->events);
	tb_bench_must(tb_core_heads(fill->core, fill->org, &heads), "heads");
	printf("{\"records\":%llu,\"updates\":%llu,\"sites\":%llu,"
	       "\"central_head\":%llu,\"events_head\":%llu,"
	       "\"seconds\":%.6f}\n",
	       (unsigned long long)options->records,
	       (unsigned long long)options->updates,
	       (unsigned long long)options->sites,
	       (unsigned long long)heads.dense[TB_DENSE_CENTRAL],
	       (unsigned long long)heads.dense[TB_DENSE_EVENTS],
	       (double)(tb_bench_now_us() - begin_us) / 1e6);
}

int main(int argc, char **argv)
{
	struct fill_options options = { .org = "org123" };
	struct tb_engine_options engine_options = tb_engine_default_options;
	struct fill fill = {
		.sample = { .table = "item",
			    .store = "store-a",
			    .site_id = PRIMARY_SITE,
			    .ordered = true },
		.arena = tb_arena_create(BATCH_MAX_BYTES),
	};
	struct tb_engine *engine;

	tb_options_parse(argc, argv, rows, TB_ARRAY_LEN(rows), &options);
	if (options.data == NULL || fill.arena == NULL)
		tb_bench_die("--data DIR was expected");
	tb_buf_init(&fill.text, BATCH_MAX_BYTES);
	engine_options.store = &tb_store_sqlite;
	engine_options.at.path = options.data;
	engine_options.declaration = &declaration;
	engine_options.writer = true;
	tb_bench_must(tb_engine_open(&engine_options, &engine), options.data);
	fill.core = tb_engine_core(engine);
	fill_all(&fill, &options);
	tb_engine_close(engine);
	tb_buf_fini(&fill.text);
	tb_arena_destroy(fill.arena);
	return 0;
}
