/*
 * What the store tests share: a store of any engine in a folder of its own,
 * and short ways to make records and operations.
 */
#ifndef TB_TESTS_STORE_FIXTURE_H
#define TB_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"
#include "kernel/store.h"
#include "kernel/system.h"

/* Every call that must succeed. */
#define MUST(call) assert_int_equal((call), TB_OK)

#define FIXTURE_READERS_MAX 8
#define FIXTURE_BUSY_MS 100
#define FIXTURE_HEAD 1000000 /* of the orgs that are made */
#define FIXTURE_COLL 100     /* a collection of users */

struct fixture {
	const struct tb_store_ops *ops;
	struct tb_store_options options;
	char folder[64];
	struct tb_store *store;
	struct tb_arena *arena;
};

/* Opens a new store of this engine. */
void fixture_init(struct fixture *f, const struct tb_store_ops *ops);
/* Closes it and removes its folder. */
void fixture_fini(struct fixture *f);
void fixture_reopen(struct fixture *f);

struct tb_tx *fixture_begin(struct fixture *f, enum tb_tx_mode mode);
/* Commits these operations. */
void fixture_apply(struct fixture *f, const struct tb_op *ops, size_t n);
/* Makes an org with its head at FIXTURE_HEAD. */
void fixture_add_org(struct fixture *f, uint32_t id);

struct tb_org fixture_org(uint32_t id);
struct tb_entry fixture_entry(uint64_t scope, uint64_t num);
/* A record of FIXTURE_COLL that is in these feeds. */
struct tb_record fixture_record(uint64_t rid, const char *key, const char *body,
				const struct tb_entry *entries, size_t n);

struct tb_op fixture_put(const struct tb_record *record,
			 const struct tb_record *old);
struct tb_op fixture_remove(const struct tb_record *old);
struct tb_op fixture_link(enum tb_op_kind kind, uint32_t org, const char *key,
			  uint64_t child);
struct tb_op fixture_put_org(const struct tb_org *org);
struct tb_op fixture_audit(uint32_t org, uint64_t n, const char *row,
			   const char *detail);
struct tb_op fixture_forget(enum tb_op_kind kind, uint32_t org, uint64_t n);

/* A record by its rid in a snapshot of its own; NULL: none. */
struct tb_record *fixture_find(struct fixture *f, uint64_t rid);
/* Rows of a feed in a snapshot of its own. */
size_t fixture_count(struct fixture *f, uint64_t scope);
/* How many broken invariants of this name a check reports; NULL: of any. */
size_t fixture_broken(struct fixture *f, const char *invariant);

void assert_record_equal(const struct tb_record *a, const struct tb_record *b);

/* Removes a folder and the files in it. */
void remove_folder(const char *folder);

#endif
