#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX_BYTES ((size_t)256 << 20)

void fixture_init(struct fixture *f, const struct tb_store_ops *ops)
{
	*f = (struct fixture) { .ops = ops };
	snprintf(f->folder, sizeof(f->folder), "/tmp/tombolo-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->options = (struct tb_store_options) {
		.path = f->folder,
		.create = true,
		.readers_max = FIXTURE_READERS_MAX,
		.busy_timeout_ms = FIXTURE_BUSY_MS,
	};
	f->arena = tb_arena_create(ARENA_MAX_BYTES);
	assert_non_null(f->arena);
	MUST(ops->open(&f->options, &f->store));
}

void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

void fixture_fini(struct fixture *f)
{
	f->ops->close(f->store);
	tb_arena_destroy(f->arena);
	remove_folder(f->folder);
}

void fixture_reopen(struct fixture *f)
{
	f->ops->close(f->store);
	f->store = NULL;
	MUST(f->ops->open(&f->options, &f->store));
}

struct tb_tx *fixture_begin(struct fixture *f, enum tb_tx_mode mode)
{
	struct tb_tx *tx = NULL;

	MUST(f->ops->begin(f->store, mode, &tx));
	return tx;
}

void fixture_apply(struct fixture *f, const struct tb_op *ops, size_t n)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_WRITE);

	MUST(f->ops->apply(tx, ops, n));
	MUST(f->ops->commit(tx));
}

struct tb_org fixture_org(uint32_t id)
{
	struct tb_org org = {
		.id = id,
		.head = FIXTURE_HEAD,
		.dense = { FIXTURE_HEAD, FIXTURE_HEAD },
	};

	snprintf(org.name, sizeof(org.name), "org%u", (unsigned)id);
	return org;
}

void fixture_add_org(struct fixture *f, uint32_t id)
{
	struct tb_org org = fixture_org(id);
	struct tb_op op = fixture_put_org(&org);

	fixture_apply(f, &op, 1);
}

struct tb_entry fixture_entry(uint64_t scope, uint64_t num)
{
	return (struct tb_entry) {
		.scope = scope,
		.num = num,
		.entered = num,
		.time_us = 1700000000000000 + (int64_t)num,
		.flags = TB_ENTRY_PRESENT,
	};
}

struct tb_record fixture_record(uint64_t rid, const char *key, const char *body,
				const struct tb_entry *entries, size_t n)
{
	return (struct tb_record) {
		.rid = rid,
		.coll = FIXTURE_COLL,
		.key = tb_str_z(key),
		.body = tb_str_z(body),
		.version = n > 0 ? entries[0].num : 0,
		.created_us = 1700000000000000,
		.updated_us = 1700000000000001,
		.synced_us = 1700000000000002,
		.entries = n > 0 ? entries : NULL,
		.n_entries = n,
	};
}

struct tb_op fixture_put(const struct tb_record *record,
			 const struct tb_record *old)
{
	return (struct tb_op) { .kind = TB_OP_RECORD,
				.org_id = tb_rid_org(record->rid),
				.record = record,
				.old = old };
}

struct tb_op fixture_remove(const struct tb_record *old)
{
	return (struct tb_op) { .kind = TB_OP_REMOVE,
				.org_id = tb_rid_org(old->rid),
				.old = old };
}

struct tb_op fixture_link(enum tb_op_kind kind, uint32_t org, const char *key,
			  uint64_t child)
{
	return (struct tb_op) { .kind = kind,
				.org_id = org,
				.link_coll = FIXTURE_COLL,
				.link_key = tb_str_z(key),
				.link_child = child };
}

struct tb_op fixture_put_org(const struct tb_org *org)
{
	return (struct tb_op) { .kind = TB_OP_ORG,
				.org_id = org->id,
				.org = org };
}

struct tb_op fixture_audit(uint32_t org, uint64_t n, const char *row,
			   const char *detail)
{
	struct tb_op op = { .kind = TB_OP_AUDIT,
			    .org_id = org,
			    .audit = { .n = n,
				       .row = tb_str_z(row),
				       .detail = tb_str_z(detail) } };

	memset(op.audit.hash, (int)n, sizeof(op.audit.hash));
	return op;
}

struct tb_op fixture_forget(enum tb_op_kind kind, uint32_t org, uint64_t n)
{
	return (struct tb_op) { .kind = kind,
				.org_id = org,
				.audit = { .n = n } };
}

struct tb_record *fixture_find(struct fixture *f, uint64_t rid)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	struct tb_key key = { .rid = rid };
	struct tb_record *record = NULL;

	MUST(f->ops->find(tx, f->arena, &key, 1, &record));
	f->ops->rollback(tx);
	return record;
}

size_t fixture_count(struct fixture *f, uint64_t scope)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	const struct tb_feed_query query = { .scope = scope,
					     .until = UINT64_MAX,
					     .limit = UINT64_MAX };
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n = 0;

	MUST(f->ops->feed_open(tx, &query, &cursor));
	while (f->ops->feed_next(cursor, &row) == TB_OK)
		n++;
	f->ops->feed_close(cursor);
	f->ops->rollback(tx);
	return n;
}

struct counter {
	const char *invariant;
	size_t n;
};

static void count_broken(void *ctx, const char *invariant, uint64_t rid,
			 const char *what)
{
	struct counter *counter = ctx;

	(void)rid;
	assert_non_null(what);
	if (!counter->invariant || strcmp(counter->invariant, invariant) == 0)
		counter->n++;
}

size_t fixture_broken(struct fixture *f, const char *invariant)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	struct counter counter = { .invariant = invariant };

	MUST(f->ops->check(tx, count_broken, &counter));
	f->ops->rollback(tx);
	return counter.n;
}

static void assert_str_equal(struct tb_str a, struct tb_str b)
{
	assert_int_equal(a.n, b.n);
	assert_true(tb_str_eq(a, b));
}

static void assert_entry_equal(const struct tb_entry *a,
			       const struct tb_entry *b)
{
	assert_true(a->scope == b->scope);
	assert_true(a->num == b->num);
	assert_true(a->entered == b->entered);
	assert_true(a->time_us == b->time_us);
	assert_true(a->origin == b->origin);
	assert_true(a->flags == b->flags);
}

void assert_record_equal(const struct tb_record *a, const struct tb_record *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_true(a->rid == b->rid);
	assert_true(a->coll == b->coll);
	assert_str_equal(a->key, b->key);
	assert_str_equal(a->body, b->body);
	assert_true(a->version == b->version);
	assert_true(a->created_us == b->created_us);
	assert_true(a->updated_us == b->updated_us);
	assert_true(a->synced_us == b->synced_us);
	assert_true(a->origin == b->origin);
	assert_true(a->deleted == b->deleted);
	assert_int_equal(a->n_entries, b->n_entries);
	for (size_t i = 0; i < a->n_entries; i++)
		assert_entry_equal(&a->entries[i], &b->entries[i]);
}
