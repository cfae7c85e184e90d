#include "fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "kernel/commit.h"
#include "kernel/directory.h"
#include "kernel/work.h"
#include "store/stores.h"

#define ARENA_MAX ((size_t)64 << 20)

static const struct tb_str blood_groups[] = { TB_STR_INIT("A"),
					      TB_STR_INIT("B") };

/* One field of each type; the doctor is the centre's to name. */
static const struct tb_field patient_fields[] = {
	{ .name = TB_STR_INIT("name"),
	  .type = TB_FIELD_STRING,
	  .required = true },
	{ .name = TB_STR_INIT("visits"), .type = TB_FIELD_INTEGER },
	{ .name = TB_STR_INIT("weight"),
	  .type = TB_FIELD_DECIMAL,
	  .nullable = true },
	{ .name = TB_STR_INIT("active"), .type = TB_FIELD_BOOLEAN },
	{ .name = TB_STR_INIT("seen"), .type = TB_FIELD_DATETIME },
	{ .name = TB_STR_INIT("born"), .type = TB_FIELD_DATE },
	{ .name = TB_STR_INIT("blood"),
	  .type = TB_FIELD_ENUM,
	  .values = blood_groups,
	  .n_values = TB_ARRAY_LEN(blood_groups) },
	{ .name = TB_STR_INIT("more"), .type = TB_FIELD_JSON },
	{ .name = TB_STR_INIT("doctor"),
	  .type = TB_FIELD_STRING,
	  .centre_wins = true },
};

static const struct tb_collection collections[] = {
	{ .name = TB_STR_INIT("item"), .routing = TB_ROUTING_CENTRAL },
	{ .name = TB_STR_INIT("transact"),
	  .routing = TB_ROUTING_STORE,
	  .field = TB_STR_INIT("store_ID"),
	  .also = { { TB_STR_INIT("other_store_ID"), TB_STR_INIT("status"),
		      TB_STR_INIT("fn") } },
	  .n_also = 1,
	  .is_parent = true },
	{ .name = TB_STR_INIT("trans_line"),
	  .routing = TB_ROUTING_PARENT,
	  .field = TB_STR_INIT("transaction_ID"),
	  .parent = TB_STR_INIT("transact") },
	{ .name = TB_STR_INIT("note"),
	  .routing = TB_ROUTING_STORE,
	  .field = TB_STR_INIT("store_ID"),
	  .centre_wins = true },
	{ .name = TB_STR_INIT("patient"),
	  .routing = TB_ROUTING_STORE,
	  .field = TB_STR_INIT("store_ID"),
	  .fields = patient_fields,
	  .n_fields = TB_ARRAY_LEN(patient_fields) },
};

const struct tb_declaration fleet_declaration = {
	.collections = collections,
	.n_collections = TB_ARRAY_LEN(collections),
};

static void publish(void *ctx, const struct tb_org *org,
		    const struct tb_moves *moves)
{
	struct centre *centre = ctx;

	assert_int_equal(tb_core_publish_group(centre->core, org, moves),
			 TB_OK);
}

static void submit(void *ctx, struct tb_commit *commit)
{
	struct centre *centre = ctx;

	(void)!tb_group_run(centre->store, &commit, 1, centre->now_us, publish,
			    centre);
}

static int64_t now_us(void *ctx)
{
	const struct centre *centre = ctx;

	return centre->now_us;
}

struct tb_store *memory_store(void)
{
	struct tb_store_options options = { .path = "",
					    .create = true,
					    .readers_max = 4,
					    .busy_timeout_ms = 100 };
	struct tb_store *store;

	assert_int_equal(tb_store_memory.open(&options, &store), TB_OK);
	return store;
}

static struct tb_audit_note note(const char *operation)
{
	return (struct tb_audit_note) { .event_type = "test",
					.operation = operation,
					.status = "ok",
					.principal = TB_STR("test") };
}

static void create_core(struct centre *centre)
{
	struct tb_core_options options = {
		.store = centre->store,
		.committer = { submit, centre },
		.now_us = now_us,
		.now_ctx = centre,
		.declaration = centre->declaration,
	};

	assert_int_equal(tb_core_create(&options, &centre->core), TB_OK);
	assert_int_equal(tb_directory_init(centre->core, 1), TB_OK);
}

void centre_open_declared(struct centre *centre, struct tb_store *store,
			  const struct tb_declaration *declaration)
{
	struct tb_audit_note init = note("init");
	uint32_t org;

	assert_int_equal(tb_digest_init(), TB_OK);
	centre->store = store;
	centre->declaration = declaration;
	centre->before_mark = NULL;
	centre->now_us = 1700000000000000;
	create_core(centre);
	assert_int_equal(tb_directory_add_org(centre->core, &init,
					      TB_STR("org"), TB_STR("Org"), 7,
					      &org),
			 TB_OK);
	assert_int_equal(org, FLEET_ORG);
}

void centre_open(struct centre *centre, struct tb_store *store)
{
	centre_open_declared(centre, store, &fleet_declaration);
}

void centre_declare(struct centre *centre,
		    const struct tb_declaration *declaration)
{
	tb_core_destroy(centre->core);
	centre->declaration = declaration;
	create_core(centre);
}

void centre_close(struct centre *centre)
{
	tb_core_destroy(centre->core);
	centre->store->ops->close(centre->store);
}

void centre_add_site(struct centre *centre, const char *id, bool central)
{
	struct tb_audit_note add = note("add");
	char name[32];
	struct tb_account account = {
		.kind = TB_ACCOUNT_SITE,
		.org = FLEET_ORG,
		.key = tb_str_z(id),
		.password = TB_STR("x"),
		.credential = 1,
		.may_edit_central = central,
	};
	uint64_t number;

	snprintf(name, sizeof(name), "site-%.*s", TB_STR_ARG(account.key));
	account.username = tb_str_z(name);
	account.name = tb_str_z(name);
	assert_int_equal(tb_str_to_u64(tb_str_z(id), &number), TB_OK);
	account.site_id = (uint32_t)number;
	assert_int_equal(tb_directory_add_account(centre->core, &add, &account),
			 TB_OK);
}

void centre_add_store(struct centre *centre, const char *id, const char *site)
{
	struct tb_audit_note add = note("add");

	assert_int_equal(tb_directory_add_store(centre->core, &add, FLEET_ORG,
						tb_str_z(id), tb_str_z(id)),
			 TB_OK);
	centre_move_store(centre, id, site);
}

void centre_move_store(struct centre *centre, const char *id, const char *site)
{
	struct tb_audit_note move = note("move");

	assert_int_equal(tb_directory_assign_store(centre->core, &move,
						   FLEET_ORG, tb_str_z(id),
						   tb_str_z(site)),
			 TB_OK);
}

void centre_initialise(struct centre *centre, uint32_t site)
{
	struct tb_audit_note initialise = note("initialise");

	assert_int_equal(tb_delivery_initialise(centre->core, &initialise,
						FLEET_ORG, site, true),
			 TB_OK);
}

enum tb_err centre_try_push(struct centre *centre, uint32_t site, bool central,
			    struct tb_push_item *items, size_t n)
{
	struct tb_push push = { .site_id = site,
				.may_edit_central = central,
				.items = items,
				.n_items = n,
				.arena = tb_arena_create(ARENA_MAX) };
	enum tb_err err;

	if (push.arena == NULL)
		return TB_ERR_NOMEM;
	push.commit.note = note("push");
	err = tb_push_prepare(&push, centre->declaration, FLEET_ORG);
	if (err == TB_OK)
		err = tb_core_commit(centre->core, &push.commit);
	for (size_t i = 0; i < n; i++)
		items[i].message = TB_STR_NONE; /* it was in the arena */
	tb_arena_destroy(push.arena);
	return err;
}

struct tb_push_item centre_push(struct centre *centre, uint32_t site,
				bool central, enum tb_push_action action,
				const char *table, const char *id,
				const char *data)
{
	struct tb_push_item item = { .table = tb_str_z(table),
				     .id = tb_str_z(id),
				     .action = action,
				     .data = tb_str_z(data),
				     .record = tb_str_z(data) };

	assert_int_equal(centre_try_push(centre, site, central, &item, 1),
			 TB_OK);
	return item;
}

static void copy_text(char *to, size_t size, struct tb_str from)
{
	assert_true(from.n < size);
	if (from.n > 0)
		memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

static bool take(void *ctx, const struct tb_delivery *delivery)
{
	struct page *page = ctx;
	struct row *row;

	if (page->n == TB_ARRAY_LEN(page->rows))
		return false;
	row = &page->rows[page->n++];
	row->action = delivery->action;
	row->sequence = delivery->sequence;
	row->origin = delivery->origin;
	copy_text(row->table, sizeof(row->table), delivery->table);
	copy_text(row->id, sizeof(row->id), delivery->id);
	copy_text(row->data, sizeof(row->data), delivery->data);
	return true;
}

void centre_pull(struct centre *centre, uint32_t site, size_t limit,
		 struct page *ret)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_delivery_reader reader = { .core = centre->core,
					     .arena = arena,
					     .org = FLEET_ORG,
					     .take = take,
					     .ctx = ret };
	struct tb_consumer consumer;
	struct tb_queue_page page;

	ret->n = 0;
	assert_non_null(arena);
	assert_int_equal(tb_core_read(centre->core, &reader.tx), TB_OK);
	assert_int_equal(
		tb_consumer_read(reader.tx, arena, FLEET_ORG, site, &consumer),
		TB_OK);
	assert_int_equal(tb_delivery_queue(&reader, &consumer, limit, &page),
			 TB_OK);
	tb_core_read_end(reader.tx);
	assert_int_equal(page.n, ret->n);
	ret->last = page.last;
	if (centre->before_mark != NULL)
		centre->before_mark(centre->before_mark_ctx);
	if (page.must_mark)
		assert_int_equal(tb_delivery_mark(centre->core, FLEET_ORG,
						  &consumer, &page),
				 TB_OK);
	tb_arena_destroy(arena);
}

enum tb_err centre_pull_central(struct centre *centre, uint64_t cursor,
				size_t limit, bool skip_holes, struct page *ret)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_delivery_reader reader = { .core = centre->core,
					     .arena = arena,
					     .org = FLEET_ORG,
					     .take = take,
					     .ctx = ret };
	struct tb_central_page page = { .n = 0 };
	enum tb_err err;

	ret->n = 0;
	assert_non_null(arena);
	assert_int_equal(tb_core_read(centre->core, &reader.tx), TB_OK);
	err = tb_delivery_central(&reader, cursor, limit, skip_holes, &page);
	tb_core_read_end(reader.tx);
	tb_arena_destroy(arena);
	ret->last = page.last;
	return err;
}

size_t centre_ack(struct centre *centre, uint32_t site,
		  const struct tb_ack_item *items, size_t n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_audit_note ack = note("acknowledge");
	size_t acked = 0;

	assert_non_null(arena);
	assert_int_equal(tb_delivery_acknowledge(centre->core, arena, &ack,
						 FLEET_ORG, site, items, n,
						 &acked),
			 TB_OK);
	tb_arena_destroy(arena);
	return acked;
}

size_t centre_ack_sequence(struct centre *centre, uint32_t site,
			   uint64_t sequence)
{
	struct tb_ack_item item = { .sequence = sequence };

	return centre_ack(centre, site, &item, 1);
}

size_t centre_ack_id(struct centre *centre, uint32_t site, const char *id)
{
	struct tb_ack_item item = { .id = tb_str_z(id) };

	return centre_ack(centre, site, &item, 1);
}

void centre_work(struct centre *centre)
{
	struct tb_work work = { .more = true };

	while (work.more) {
		tb_work_init(&work, FLEET_ORG);
		assert_int_equal(tb_core_commit(centre->core, &work.commit),
				 TB_OK);
	}
}
