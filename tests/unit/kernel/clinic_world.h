/*
 * A centre with the collections of tests/sim/clinic.h on a store of each
 * engine, whose calls fail when they are told to.
 */
#ifndef TB_TESTS_CLINIC_WORLD_H
#define TB_TESTS_CLINIC_WORLD_H

#include "world.h"

#include <string.h>

#include "base/alloc.h"
#include "clinic.h"
#include "fleet.h"
#include "kernel/placing.h"
#include "views.h"

struct clinic_world {
	struct centre centre;
	struct clinic clinic;
	struct tb_arena *arena;
	char folder[64]; /* empty: the store is in memory */
};

static inline void clinic_world_init(struct clinic_world *w,
				     const struct tb_store_ops *ops)
{
	struct tb_store_options options = { .path = "memory",
					    .create = true,
					    .readers_max = 8,
					    .busy_timeout_ms = 100 };
	struct tb_store *store;
	struct tb_store *fail;

	*w = (struct clinic_world) { .arena = tb_arena_create(1u << 20) };
	assert_non_null(w->arena);
	if (ops != &tb_store_memory) {
		(void)snprintf(w->folder, sizeof(w->folder),
			       "/tmp/tombolo-clinic-XXXXXX");
		assert_non_null(mkdtemp(w->folder));
		options.path = w->folder;
	}
	clinic_init(&w->clinic);
	clinic_finish(&w->clinic, w->arena);
	MUST(ops->open(&options, &store));
	MUST(tb_fail_create(store, &fail));
	centre_open_declared(&w->centre, fail, &w->clinic.declaration);
	centre_add_site(&w->centre, "63", true);
	centre_add_site(&w->centre, "64", false);
	centre_add_store(&w->centre, "s1", "63");
	centre_add_store(&w->centre, "s2", "64");
}

static inline void clinic_world_fini(struct clinic_world *w)
{
	centre_close(&w->centre);
	tb_arena_destroy(w->arena);
	if (w->folder[0] != '\0')
		remove_folder(w->folder);
}

static inline void clinic_on_each_engine(void (*test)(struct clinic_world *w))
{
	for (size_t i = 0; i < TB_ARRAY_LEN(world_engines); i++) {
		struct clinic_world w;

		clinic_world_init(&w, world_engines[i]);
		test(&w);
		clinic_world_fini(&w);
	}
}

#define CLINIC_TEST(name)                                                      \
	static void name(void **unused)                                        \
	{                                                                      \
		(void)unused;                                                  \
		clinic_on_each_engine(name##_on);                              \
	}

/* Site 63 writes a record, or deletes it. */
static inline void clinic_put(struct clinic_world *w, const char *table,
			      const char *key, const char *body)
{
	struct tb_push_item item = centre_push(
		&w->centre, 63, true, TB_PUSH_UPSERT, table, key, body);

	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

static inline void clinic_delete(struct clinic_world *w, const char *table,
				 const char *key)
{
	struct tb_push_item item = centre_push(
		&w->centre, 63, true, TB_PUSH_DELETE, table, key, "{}");

	assert_int_equal(item.outcome, TB_PUSH_ACCEPTED);
}

/* The record as it is stored, in the world's arena; NULL: none. */
static inline const struct tb_record *
clinic_record(struct clinic_world *w, const char *table, const char *key)
{
	struct look look;
	struct tb_arena *arena;
	struct tb_record *record;

	look_begin(&look, &w->centre);
	arena = look.arena;
	look.arena = w->arena;
	record = look_find(&look, table, tb_str_z(key));
	look.arena = arena;
	look_end(&look);
	return record;
}

static inline uint64_t clinic_id(struct clinic_world *w, const char *table,
				 const char *key)
{
	const struct tb_record *record = clinic_record(w, table, key);

	assert_non_null(record);
	return tb_record_id(record);
}

/* A record's entry in the scope of this name, in the world's arena; NULL:
 * none. */
static inline const struct tb_entry *clinic_entry(struct clinic_world *w,
						  const char *table,
						  const char *key,
						  const char *scope)
{
	const struct tb_record *record = clinic_record(w, table, key);
	struct look look;
	uint64_t rid;

	look_begin(&look, &w->centre);
	rid = look_scope(&look, scope);
	look_end(&look);
	assert_non_null(record);
	return rid != 0 ? tb_record_entry(record, rid) : NULL;
}

static inline bool clinic_is_in(struct clinic_world *w, const char *table,
				const char *key, const char *scope)
{
	const struct tb_entry *entry = clinic_entry(w, table, key, scope);

	return entry != NULL && (entry->flags & TB_ENTRY_PRESENT);
}

struct clinic_seeing {
	struct tb_str key;
	bool sees;
};

static inline void clinic_take_seen(void *ctx, struct look *look,
				    const struct tb_record *record,
				    const struct tb_seen *seen)
{
	struct clinic_seeing *seeing = ctx;

	(void)look;
	if (tb_str_eq(record->key, seeing->key))
		seeing->sees = seen->is_present;
}

/* True if a user with this role and profile sees a record. */
static inline bool clinic_sees(struct clinic_world *w, const char *role,
			       const char *profile, enum clinic_collection c,
			       const char *key)
{
	struct tb_str roles[] = { tb_str_z(role) };
	struct tb_viewer viewer = { .org = FLEET_ORG,
				    .roles = roles,
				    .n_roles = 1,
				    .profile = tb_str_z(profile) };
	struct clinic_seeing seeing = { .key = tb_str_z(key) };
	struct tb_sight sight;
	struct look look;

	look_begin(&look, &w->centre);
	sight = look_sight(&look, &w->clinic.collections[c], &viewer);
	look_above(&look, &sight, 0, clinic_take_seen, &seeing);
	look_end(&look);
	return seeing.sees;
}

static inline void clinic_broken(void *ctx, const char *invariant, uint64_t rid,
				 const char *what)
{
	(void)ctx;
	fail_msg("%s, %llu: %s", invariant, (unsigned long long)rid, what);
}

/* The store contradicts itself nowhere. */
static inline void clinic_check(struct clinic_world *w)
{
	struct tb_tx *tx;

	MUST(tb_core_read(w->centre.core, &tx));
	MUST(w->centre.store->ops->check(tx, clinic_broken, NULL));
	tb_core_read_end(tx);
}

#endif
