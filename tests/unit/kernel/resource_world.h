/*
 * A world with collections that are resources, users who see some of them, and
 * short ways to edit: for unit tests of what users write.
 */
#ifndef TB_TESTS_RESOURCE_WORLD_H
#define TB_TESTS_RESOURCE_WORLD_H

#include "world.h"

#include "codec/time.h"
#include "kernel/ledger.h"
#include "kernel/resource.h"
#include "kernel/system.h"

struct resource_world {
	struct world w;
	struct tb_arena *declared;
	struct tb_declaration declaration;
	struct tb_core *core; /* with the declaration, on the world's store */
	struct tb_collection collections[3];
};

enum {
	VISITS,
	NOTES,
	PEOPLE
};

static inline void rw_publish(void *ctx, const struct tb_org *org,
			      const struct tb_moves *moves)
{
	struct resource_world *rw = ctx;

	MUST(tb_core_publish_group(rw->core, org, moves));
	MUST(tb_core_publish_group(rw->w.ic.core, org, moves));
}

static inline void rw_submit(void *ctx, struct tb_commit *commit)
{
	struct resource_world *rw = ctx;
	enum tb_err err = tb_group_run(rw->w.ic.store, &commit, 1,
				       rw->w.ic.now_us, rw_publish, rw);

	(void)err; /* it is the commit's, too */
}

static inline int64_t rw_now_us(void *ctx)
{
	return ((struct resource_world *)ctx)->w.ic.now_us;
}

/* visits: integer ids, central, two earlier versions are kept; staff see all,
 * a doctor those that name it. notes: string ids, by store. */
static inline void rw_declare(struct resource_world *rw)
{
	static const struct tb_sight_rule rules[] = {
		{ .role = TB_STR_INIT("staff") },
		{ .role = TB_STR_INIT("doctor"),
		  .field = TB_STR_INIT("doctor") },
	};
	static const struct tb_str values[] = { TB_STR_INIT("NEW"),
						TB_STR_INIT("DONE") };
	static const struct tb_field visit_fields[] = {
		{ .name = TB_STR_INIT("status"),
		  .type = TB_FIELD_ENUM,
		  .values = values,
		  .n_values = 2 },
		{ .name = TB_STR_INIT("doctor"),
		  .type = TB_FIELD_STRING,
		  .nullable = true },
	};

	rw->collections[VISITS] = (struct tb_collection) {
		.name = TB_STR("visits"),
		.path = TB_STR("visits"),
		.routing = TB_ROUTING_CENTRAL,
		.id_type = TB_ID_INTEGER,
		.updated_name = TB_STR("updated_at"),
		.synced_name = TB_STR("last_synced_at"),
		.fields = visit_fields,
		.n_fields = 2,
		.rules = rules,
		.n_rules = 2,
		.history = 2,
	};
	rw->collections[NOTES] = (struct tb_collection) {
		.name = TB_STR("notes"),
		.path = TB_STR("notes"),
		.routing = TB_ROUTING_STORE,
		.field = TB_STR("store"),
		.id_type = TB_ID_STRING,
		.updated_name = TB_STR("updated_at"),
		.rules = rules,
		.n_rules = 1,
	};
	rw->collections[PEOPLE] = (struct tb_collection) {
		.name = TB_STR("people"),
		.path = TB_STR("people"),
		.routing = TB_ROUTING_CENTRAL,
		.id_type = TB_ID_STRING,
		.updated_name = TB_STR("updated_at"),
	};
	MUST(tb_declaration_finish(rw->declared, rw->collections, 3));
	rw->declaration = (struct tb_declaration) {
		.collections = rw->collections,
		.n_collections = 3,
	};
}

static inline void rw_init(struct resource_world *rw,
			   const struct tb_store_ops *ops)
{
	struct tb_core_options options = {
		.committer = { rw_submit, rw },
		.now_us = rw_now_us,
		.now_ctx = rw,
		.declaration = &rw->declaration,
	};
	struct tb_org org;
	struct tb_tx *tx;

	world_init(&rw->w, ops);
	rw->declared = tb_arena_create((size_t)1 << 20);
	assert_non_null(rw->declared);
	rw_declare(rw);
	options.store = rw->w.ic.store;
	MUST(tb_core_create(&options, &rw->core));
	tx = inline_core_read(&rw->w.ic);
	MUST(tx->store->ops->org_get(tx, rw->w.org, &org));
	tb_core_read_end(tx);
	MUST(tb_core_publish(rw->core, &org));
}

static inline void rw_fini(struct resource_world *rw)
{
	tb_core_destroy(rw->core);
	tb_arena_destroy(rw->declared);
	world_fini(&rw->w);
}

static inline void rw_on_each_engine(void (*test)(struct resource_world *rw))
{
	for (size_t i = 0; i < TB_ARRAY_LEN(world_engines); i++) {
		struct resource_world rw;

		rw_init(&rw, world_engines[i]);
		test(&rw);
		rw_fini(&rw);
	}
}

/* ---- edits ---- */

struct rw_edit {
	struct tb_resource resource;
	struct tb_sight sight;
	struct tb_named_request named;
};

/* What somebody with this role (and profile) sees. */
static inline void rw_look(struct resource_world *rw, int collection,
			   const char *role, const char *profile,
			   struct tb_sight *ret)
{
	struct tb_str roles[] = { tb_str_z(role) };
	struct tb_viewer viewer = { .org = rw->w.org,
				    .roles = roles,
				    .n_roles = 1,
				    .profile = tb_str_z(profile) };
	struct tb_tx *tx = inline_core_read(&rw->w.ic);

	MUST(tb_sight_resolve(rw->core, tx, rw->w.ic.arena,
			      &rw->collections[collection], &viewer, ret));
	tb_core_read_end(tx);
}

/* An edit of a member of staff; `key` NULL: the id is the server's. */
static inline void rw_make(struct resource_world *rw, struct rw_edit *edit,
			   enum tb_resource_action action, int collection,
			   const char *key, const char *changes)
{
	*edit = (struct rw_edit) {
		.resource = { .action = action,
			      .collection = &rw->collections[collection],
			      .key = tb_str_z(key),
			      .changes = tb_str_z(changes),
			      .request = tb_str_z(changes),
			      .by = TB_STR("user/anna"),
			      .base = { .as_sent = TB_STR("null") },
			      .arena = rw->w.ic.arena },
	};
	rw_look(rw, collection, "staff", NULL, &edit->sight);
	edit->resource.sight = &edit->sight;
	edit->resource.commit.note = rw->w.ic.note;
	tb_resource_init(&edit->resource, rw->w.org);
}

static inline enum tb_err rw_commit(struct resource_world *rw,
				    struct rw_edit *edit)
{
	edit->resource.sight = &edit->sight;
	return tb_core_commit(rw->core, &edit->resource.commit);
}

/* A new visit or note; its record. */
static inline struct tb_record rw_create(struct resource_world *rw,
					 int collection, const char *key,
					 const char *body)
{
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_CREATE, collection, key, body);
	MUST(rw_commit(rw, &edit));
	assert_int_equal(edit.resource.outcome, TB_RESOURCE_DONE);
	return edit.resource.record;
}

/* A sync_update over the base `base_us`. */
static inline struct rw_edit rw_sync(struct resource_world *rw, const char *key,
				     int64_t base_us, const char *changes)
{
	struct rw_edit edit;

	rw_make(rw, &edit, TB_RESOURCE_SYNC, VISITS, key, changes);
	edit.resource.base.is_given = true;
	edit.resource.base.us = base_us;
	edit.resource.base.as_sent = TB_STR("\"then\"");
	return edit;
}

/* ---- what there is ---- */

static inline struct tb_org rw_org(struct resource_world *rw)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, rw->w.org, &org));
	tb_core_read_end(tx);
	return org;
}

/* A record; NULL: none. */
static inline struct tb_record *rw_find(struct resource_world *rw,
					int collection, const char *name)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	struct tb_key key = { .org = rw->w.org, .key = tb_str_z(name) };
	struct tb_record *record = NULL;
	enum tb_err err =
		tb_core_name_rid(rw->core, tx, rw->w.org, TB_COLL_COLLECTION,
				 rw->collections[collection].name, &key.coll);

	if (err == TB_OK)
		MUST(tx->store->ops->find(tx, rw->w.ic.arena, &key, 1,
					  &record));
	tb_core_read_end(tx);
	return record;
}

static inline size_t rw_ledger(struct resource_world *rw,
			       struct tb_ledger_entry *rets, size_t max)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	size_t n = 0;

	MUST(tb_ledger_list(tx, rw->w.ic.arena, rw->w.org, 0, rets, max, &n));
	tb_core_read_end(tx);
	return n;
}

static inline void rw_count_finding(void *ctx, const char *invariant,
				    uint64_t rid, const char *what)
{
	size_t *n = ctx;

	print_error("%s %llu: %s\n", invariant, (unsigned long long)rid, what);
	++*n;
}

static inline void rw_expect_sound(struct resource_world *rw)
{
	struct tb_tx *tx = inline_core_read(&rw->w.ic);
	size_t n = 0;

	MUST(tx->store->ops->check(tx, rw_count_finding, &n));
	tb_core_read_end(tx);
	assert_int_equal(n, 0);
}

static inline void rw_expect(struct tb_str is, const char *expected)
{
	if (!tb_str_eq(is, tb_str_z(expected)))
		fail_msg("%.*s is not %s", TB_STR_ARG(is), expected);
}

#endif
