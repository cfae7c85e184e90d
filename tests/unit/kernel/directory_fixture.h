/*
 * An org, and short ways to add, change and find accounts and stores in it.
 */
#ifndef TB_TESTS_DIRECTORY_FIXTURE_H
#define TB_TESTS_DIRECTORY_FIXTURE_H

#include "inline_core.h"

#include "kernel/consumer.h"
#include "kernel/system.h"

struct fixture {
	struct inline_core ic;
	uint32_t org;
};

static inline int setup(void **state)
{
	static struct fixture f;

	inline_core_init(&f.ic);
	f.org = inline_core_add_org(&f.ic, "clinics");
	*state = &f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	inline_core_fini(&f->ic);
	return 0;
}

static inline struct tb_account site(struct fixture *f, const char *key,
				     const char *username)
{
	return (struct tb_account) { .kind = TB_ACCOUNT_SITE,
				     .org = f->org,
				     .key = tb_str_z(key),
				     .username = tb_str_z(username),
				     .name = TB_STR("A site"),
				     .password = TB_STR("hash") };
}

static inline struct tb_account user(struct fixture *f, const char *key,
				     const char *username)
{
	return (struct tb_account) { .kind = TB_ACCOUNT_USER,
				     .org = f->org,
				     .key = tb_str_z(key),
				     .username = tb_str_z(username),
				     .password = TB_STR("hash") };
}

static inline enum tb_err add(struct fixture *f, struct tb_account account)
{
	return tb_directory_add_account(f->ic.core, &f->ic.note, &account);
}

static inline enum tb_err update(struct fixture *f, struct tb_account account,
				 unsigned changes)
{
	return tb_directory_update_account(f->ic.core, &f->ic.note, &account,
					   changes, false);
}

static inline enum tb_err bind(struct fixture *f, struct tb_account account)
{
	return tb_directory_update_account(f->ic.core, &f->ic.note, &account,
					   TB_CHANGE_HARDWARE, true);
}

static inline enum tb_err add_store(struct fixture *f, const char *id)
{
	return tb_directory_add_store(f->ic.core, &f->ic.note, f->org,
				      tb_str_z(id), TB_STR("A store"));
}

static inline enum tb_err assign(struct fixture *f, const char *store,
				 const char *to)
{
	return tb_directory_assign_store(f->ic.core, &f->ic.note, f->org,
					 tb_str_z(store), tb_str_z(to));
}

static inline enum tb_err find(struct fixture *f, enum tb_account_kind kind,
			       const char *key, struct tb_account *ret)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	enum tb_err err = tb_directory_find(tx, f->ic.arena, kind, f->org,
					    tb_str_z(key), ret);

	tb_core_read_end(tx);
	return err;
}

static inline enum tb_err find_login(struct fixture *f,
				     enum tb_account_kind kind,
				     const char *username,
				     struct tb_account *ret)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	enum tb_err err = tb_directory_find_login(
		f->ic.core, tx, f->ic.arena, kind, tb_str_z(username), ret);

	tb_core_read_end(tx);
	return err;
}

static inline uint64_t generation(struct fixture *f)
{
	struct tb_heads heads;

	MUST(tb_core_heads(f->ic.core, f->org, &heads));
	return heads.generation;
}

static inline struct tb_consumer marks(struct fixture *f, uint32_t site_id)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_consumer consumer;

	MUST(tb_consumer_read(tx, f->ic.arena, f->org, site_id, &consumer));
	tb_core_read_end(tx);
	return consumer;
}

static inline uint64_t scope(struct fixture *f, const char *name)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	uint64_t rid = 0;

	MUST(tb_core_name_rid(f->ic.core, tx, f->org, TB_COLL_SCOPE,
			      tb_str_z(name), &rid));
	tb_core_read_end(tx);
	return rid;
}

static inline struct tb_store_info store_info(struct fixture *f, const char *id)
{
	struct tb_tx *tx = inline_core_read(&f->ic);
	struct tb_store_info info;

	MUST(tb_directory_find_store(f->ic.core, tx, f->ic.arena, f->org,
				     tb_str_z(id), &info));
	tb_core_read_end(tx);
	return info;
}

static inline void assert_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p ? s.p : "", expected, s.n);
}

#endif
