#include "conformance.h"

#include <stdlib.h>

#define BIG_BODY_BYTES ((size_t)16 << 20)

static struct tb_record *find_in(struct fixture *f, struct tb_tx *tx,
				 struct tb_key key)
{
	struct tb_record *record = NULL;

	MUST(f->ops->find(tx, f->arena, &key, 1, &record));
	return record;
}

static struct tb_record *find_by(struct fixture *f, uint32_t org, uint64_t coll,
				 struct tb_str key)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	struct tb_record *record = find_in(
		f, tx,
		(struct tb_key) { .org = org, .coll = coll, .key = key });

	f->ops->rollback(tx);
	return record;
}

static void put(struct fixture *f, const struct tb_record *record,
		const struct tb_record *old)
{
	struct tb_op op = fixture_put(record, old);

	fixture_apply(f, &op, 1);
}

static void an_org_is_read_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct tb_org org = {
		.id = 7,
		.name = "org7",
		.title = "An Organi\xc3\xa7\xc3\xa3o",
		.epoch = UINT64_MAX - 1,
		.head = TB_NUM_MAX,
		.last_us = INT64_MIN + 1,
		.dense = { 11, 12 },
		.floor = { 13, 14 },
		.generation = 15,
		.commits = 16,
		.audit_n = 17,
		.audit_hash = { 1, 2, 0, 4 },
		.audit_us = -18,
	};
	struct tb_op op = fixture_put_org(&org);
	struct tb_org read;
	struct tb_tx *tx;

	fixture_apply(f, &op, 1);
	org.head--;
	fixture_apply(f, &op, 1);
	tx = fixture_begin(f, TB_TX_READ);
	memset(&read, 0xff, sizeof(read));
	MUST(f->ops->org_get(tx, 7, &read));
	assert_int_equal(read.id, 7);
	assert_string_equal(read.name, org.name);
	assert_string_equal(read.title, org.title);
	assert_true(read.epoch == org.epoch && read.head == org.head &&
		    read.last_us == org.last_us);
	assert_true(read.dense[0] == 11 && read.dense[1] == 12 &&
		    read.floor[0] == 13 && read.floor[1] == 14);
	assert_true(read.generation == 15 && read.commits == 16 &&
		    read.audit_n == 17 && read.audit_us == -18);
	assert_memory_equal(read.audit_hash, org.audit_hash, 32);
	f->ops->rollback(tx);
}

static void names_of_orgs_may_have_their_full_length(void **state)
{
	struct fixture *f = *state;
	struct tb_org org = { .id = 3 };
	struct tb_op op = fixture_put_org(&org);
	struct tb_org read;
	struct tb_tx *tx;

	memset(org.name, 'n', TB_ORG_NAME_MAX);
	memset(org.title, 't', TB_ORG_TITLE_MAX);
	fixture_apply(f, &op, 1);
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->org_get(tx, 3, &read));
	assert_string_equal(read.name, org.name);
	assert_string_equal(read.title, org.title);
	f->ops->rollback(tx);
}

static void orgs_are_walked_in_the_order_of_their_ids(void **state)
{
	struct fixture *f = *state;
	static const uint32_t expected[] = { 1, 2, 256, TB_ORG_MAX };
	struct tb_org org = { .id = 0 };
	struct tb_tx *tx;

	fixture_add_org(f, TB_ORG_MAX);
	fixture_add_org(f, TB_ORG_SYSTEM);
	fixture_add_org(f, 256);
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->org_get(tx, TB_ORG_SYSTEM, &org));
	for (size_t i = 0; i < TB_ARRAY_LEN(expected); i++) {
		MUST(f->ops->org_next(tx, org.id, &org));
		assert_int_equal(org.id, expected[i]);
	}
	assert_int_equal(f->ops->org_next(tx, org.id, &org), TB_ERR_NOT_FOUND);
	assert_int_equal(f->ops->org_get(tx, 3, &org), TB_ERR_NOT_FOUND);
	f->ops->rollback(tx);
}

static void a_record_is_found_by_rid_and_by_key_with_all_it_has(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = { fixture_entry(tb_rid(1, 1), 70),
				      fixture_entry(tb_rid(1, 65), 71),
				      fixture_entry(tb_rid(2, 65), 72) };
	struct tb_record record = fixture_record(tb_rid(1, 70), "a",
						 "{ \"x\": 1.0 }", entries, 3);

	entries[0].entered = 3;
	entries[1].origin = 63;
	entries[1].flags = TB_ENTRY_HOME;
	entries[2].time_us = -5;
	record.origin = 63;
	record.deleted = true;
	put(f, &record, NULL);
	assert_record_equal(fixture_find(f, record.rid), &record);
	assert_record_equal(find_by(f, 1, FIXTURE_COLL, TB_STR("a")), &record);
}

static void what_is_not_there_is_null_among_what_is(void **state)
{
	struct fixture *f = *state;
	struct tb_record a = fixture_record(tb_rid(1, 70), "a", "1", NULL, 0);
	struct tb_record b = fixture_record(tb_rid(1, 71), "b", "2", NULL, 0);
	struct tb_key keys[] = {
		{ .rid = b.rid },
		{ .rid = tb_rid(1, 72) },
		{ .org = 1, .coll = FIXTURE_COLL, .key = TB_STR("c") },
		{ .org = 1, .coll = FIXTURE_COLL + 1, .key = TB_STR("a") },
		{ .org = 2, .coll = FIXTURE_COLL, .key = TB_STR("a") },
		{ .org = 1, .coll = FIXTURE_COLL, .key = TB_STR("a") },
		{ .org = 1, .coll = FIXTURE_COLL, .key = TB_STR("") },
	};
	struct tb_record *rets[TB_ARRAY_LEN(keys)];
	struct tb_tx *tx;

	put(f, &a, NULL);
	put(f, &b, NULL);
	tx = fixture_begin(f, TB_TX_READ);
	memset(rets, 0xff, sizeof(rets));
	MUST(f->ops->find(tx, f->arena, keys, TB_ARRAY_LEN(keys), rets));
	assert_record_equal(rets[0], &b);
	assert_record_equal(rets[5], &a);
	assert_true(!rets[1] && !rets[2] && !rets[3] && !rets[4] && !rets[6]);
	MUST(f->ops->find(tx, f->arena, NULL, 0, NULL));
	f->ops->rollback(tx);
}

static void any_collection_is_the_oldest_of_the_users(void **state)
{
	struct fixture *f = *state;
	struct tb_record records[] = {
		fixture_record(tb_rid(1, 70), "k", "system", NULL, 0),
		fixture_record(tb_rid(1, 90), "k", "low coll", NULL, 0),
		fixture_record(tb_rid(1, 80), "k", "low rid", NULL, 0),
		fixture_record(tb_rid(2, 75), "k", "other org", NULL, 0),
		fixture_record(tb_rid(1, 71), "kk", "other key", NULL, 0),
	};
	struct tb_record *found;

	records[0].coll = TB_COLL_SITE;
	records[1].coll = TB_NUM_RESERVED + 1;
	records[2].coll = tb_rid(1, 5000);
	put(f, &records[0], NULL);
	assert_null(find_by(f, 1, TB_COLL_ANY, TB_STR("k")));
	for (size_t i = 1; i < TB_ARRAY_LEN(records); i++)
		put(f, &records[i], NULL);
	found = find_by(f, 1, TB_COLL_ANY, TB_STR("k"));
	assert_record_equal(found, &records[2]);
	found = find_by(f, 2, TB_COLL_ANY, TB_STR("k"));
	assert_record_equal(found, &records[3]);
	assert_null(find_by(f, 1, TB_COLL_ANY, TB_STR("q")));
}

static void a_change_replaces_all_but_the_name(void **state)
{
	struct fixture *f = *state;
	struct tb_entry before = fixture_entry(tb_rid(1, 1), 70);
	struct tb_entry after = fixture_entry(tb_rid(1, 65), 75);
	struct tb_record old =
		fixture_record(tb_rid(1, 70), "a", "{}", &before, 1);
	struct tb_record now = fixture_record(tb_rid(1, 70), "a",
					      "{\"longer\":true}", &after, 1);

	now.version = 75;
	now.created_us = 5;
	now.updated_us = 6;
	now.origin = UINT32_MAX;
	now.deleted = true;
	put(f, &old, NULL);
	put(f, &now, &old);
	assert_record_equal(find_by(f, 1, FIXTURE_COLL, TB_STR("a")), &now);
}

static void a_removed_record_leaves_its_name_free(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = { fixture_entry(tb_rid(1, 1), 70),
				      fixture_entry(tb_rid(1, 65), 70) };
	struct tb_record old =
		fixture_record(tb_rid(1, 70), "a", "1", entries, 2);
	struct tb_record now =
		fixture_record(tb_rid(1, 71), "a", "2", entries, 2);
	struct tb_op ops[] = { fixture_remove(&old), fixture_put(&now, NULL) };

	put(f, &old, NULL);
	fixture_apply(f, ops, 1);
	assert_null(fixture_find(f, old.rid));
	assert_null(find_by(f, 1, FIXTURE_COLL, TB_STR("a")));
	assert_int_equal(fixture_count(f, tb_rid(1, 1)), 0);
	assert_int_equal(fixture_count(f, tb_rid(1, 65)), 0);
	fixture_apply(f, ops + 1, 1);
	assert_record_equal(find_by(f, 1, FIXTURE_COLL, TB_STR("a")), &now);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void keys_are_any_bytes_up_to_their_ceiling(void **state)
{
	struct fixture *f = *state;
	char longest[TB_KEY_MAX];
	struct tb_str keys[] = {
		TB_STR(""),
		TB_STR("a"),
		TB_STR("A"),
		TB_STR("a\0b"),
		TB_STR("a\0"),
		TB_STR("a\0c"),
		TB_STR("\xc3\xa9"),
		TB_STR("e"),
		TB_STR("\xff\xfe"),
		TB_STR(" a"),
		TB_STR("1"),
		TB_STR("01"),
		tb_str(longest, sizeof(longest)),
		tb_str(longest, sizeof(longest) - 1),
	};

	memset(longest, 0xff, sizeof(longest));
	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++) {
		struct tb_record r =
			fixture_record(tb_rid(1, 70 + i), "", "{}", NULL, 0);

		r.key = keys[i];
		put(f, &r, NULL);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(keys); i++) {
		struct tb_record *r = find_by(f, 1, FIXTURE_COLL, keys[i]);

		assert_non_null(r);
		assert_true(r->rid == tb_rid(1, 70 + i));
		assert_true(tb_str_eq(r->key, keys[i]));
	}
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static void a_key_too_long_to_be_one_is_not_found(void **state)
{
	struct fixture *f = *state;
	static const char too_long[TB_KEY_MAX + 1];
	struct tb_tx *tx;
	uint64_t child;
	size_t n = 1;

	assert_null(find_by(f, 1, FIXTURE_COLL,
			    tb_str(too_long, sizeof(too_long))));
	assert_null(
		find_by(f, 1, TB_COLL_ANY, tb_str(too_long, sizeof(too_long))));
	tx = fixture_begin(f, TB_TX_READ);
	MUST(f->ops->children(tx, 1, FIXTURE_COLL,
			      tb_str(too_long, sizeof(too_long)), 0, &child, 1,
			      &n));
	assert_int_equal(n, 0);
	f->ops->rollback(tx);
}

static void bodies_are_kept_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entry = fixture_entry(tb_rid(1, 1), 70);
	struct tb_record r = fixture_record(tb_rid(1, 70), "a", "", &entry, 1);
	struct tb_record was = r;
	char *big = malloc(BIG_BODY_BYTES);

	assert_non_null(big);
	for (size_t i = 0; i < BIG_BODY_BYTES; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	put(f, &r, NULL);
	assert_record_equal(fixture_find(f, r.rid), &r);
	r.body = TB_STR("\0\xff{\n\"a\" : 1.50}\0");
	put(f, &r, &was);
	assert_record_equal(fixture_find(f, r.rid), &r);
	r.body = tb_str(big, BIG_BODY_BYTES);
	put(f, &r, &was);
	assert_record_equal(fixture_find(f, r.rid), &r);
	free(big);
}

static void the_highest_numbers_are_kept(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[] = {
		{ .scope = tb_rid(TB_ORG_MAX, TB_NUM_MAX),
		  .num = TB_NUM_MAX,
		  .entered = TB_NUM_MAX,
		  .time_us = INT64_MAX,
		  .origin = UINT32_MAX,
		  .flags = UINT8_MAX },
		{ .scope = 1, .num = 1, .entered = 1, .time_us = INT64_MIN },
	};
	struct tb_record r = {
		.rid = tb_rid(TB_ORG_MAX, TB_NUM_MAX),
		.coll = tb_rid(TB_ORG_MAX, TB_NUM_MAX),
		.key = TB_STR("k"),
		.body = TB_STR("{}"),
		.version = TB_NUM_MAX,
		.created_us = INT64_MIN,
		.updated_us = INT64_MAX,
		.origin = UINT32_MAX,
		.entries = entries,
		.n_entries = 2,
	};

	put(f, &r, NULL);
	assert_record_equal(fixture_find(f, r.rid), &r);
	assert_record_equal(find_by(f, TB_ORG_MAX, r.coll, r.key), &r);
	assert_int_equal(fixture_count(f, entries[0].scope), 1);
	assert_int_equal(fixture_count(f, entries[1].scope), 1);
}

static void a_record_may_be_in_as_many_scopes_as_allowed(void **state)
{
	struct fixture *f = *state;
	struct tb_entry entries[TB_ENTRIES_MAX] = { 0 };
	struct tb_record r = fixture_record(tb_rid(1, 70), "a", "{}", entries,
					    TB_ENTRIES_MAX);

	for (uint64_t i = 0; i < TB_ENTRIES_MAX; i++)
		entries[i] = fixture_entry(tb_rid(1, 100 + i), 70 + i);
	r.version = 70;
	put(f, &r, NULL);
	assert_record_equal(fixture_find(f, r.rid), &r);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

/* What apply answers to one operation that is then undone. */
static enum tb_err try_apply(struct fixture *f, struct tb_op op)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_WRITE);
	enum tb_err err = f->ops->apply(tx, &op, 1);

	f->ops->rollback(tx);
	return err;
}

static void what_is_taken_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(tb_rid(1, 1), 70);
	struct tb_record a = fixture_record(tb_rid(1, 70), "a", "1", &e, 1);
	struct tb_record same_rid = fixture_record(a.rid, "b", "2", NULL, 0);
	struct tb_record same_key =
		fixture_record(tb_rid(1, 71), "a", "2", NULL, 0);
	struct tb_record same_num =
		fixture_record(tb_rid(1, 71), "b", "2", &e, 1);
	struct tb_op audit = fixture_audit(1, 1, "row", NULL);

	put(f, &a, NULL);
	assert_int_equal(try_apply(f, fixture_put(&same_rid, NULL)),
			 TB_ERR_EXISTS);
	assert_int_equal(try_apply(f, fixture_put(&same_key, NULL)),
			 TB_ERR_EXISTS);
	assert_int_equal(try_apply(f, fixture_put(&same_num, NULL)),
			 TB_ERR_EXISTS);
	fixture_apply(f, &audit, 1);
	assert_int_equal(try_apply(f, audit), TB_ERR_EXISTS);
	assert_record_equal(fixture_find(f, a.rid), &a);
	assert_int_equal(fixture_count(f, e.scope), 1);
}

static void an_old_record_that_is_not_there_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(tb_rid(1, 1), 70);
	struct tb_record none =
		fixture_record(tb_rid(1, 70), "a", "1", NULL, 0);
	struct tb_record with_entry =
		fixture_record(tb_rid(1, 70), "a", "1", &e, 1);

	assert_int_equal(try_apply(f, fixture_put(&none, &none)),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(try_apply(f, fixture_remove(&none)), TB_ERR_NOT_FOUND);
	put(f, &none, NULL);
	assert_int_equal(try_apply(f, fixture_put(&none, &with_entry)),
			 TB_ERR_NOT_FOUND);
	assert_int_equal(try_apply(f, fixture_remove(&with_entry)),
			 TB_ERR_NOT_FOUND);
}

static size_t children(struct fixture *f, uint32_t org, const char *key,
		       uint64_t after, uint64_t *rets, size_t max)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	size_t n = SIZE_MAX;

	MUST(f->ops->children(tx, org, FIXTURE_COLL, tb_str_z(key), after, rets,
			      max, &n));
	f->ops->rollback(tx);
	return n;
}

static void children_are_given_in_order_and_in_portions(void **state)
{
	struct fixture *f = *state;
	struct tb_op ops[] = {
		fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 300)),
		fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 100)),
		fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 200)),
		fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 200)),
		fixture_link(TB_OP_LINK, 1, "pp", tb_rid(1, 150)),
		fixture_link(TB_OP_LINK, 2, "p", tb_rid(2, 100)),
	};
	uint64_t got[8];

	ops[4].link_coll = FIXTURE_COLL;
	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
	assert_int_equal(children(f, 1, "p", 0, got, 8), 3);
	assert_true(got[0] == tb_rid(1, 100) && got[1] == tb_rid(1, 200) &&
		    got[2] == tb_rid(1, 300));
	assert_int_equal(children(f, 1, "p", 0, got, 2), 2);
	assert_true(got[1] == tb_rid(1, 200));
	assert_int_equal(children(f, 1, "p", got[1], got, 2), 1);
	assert_true(got[0] == tb_rid(1, 300));
	assert_int_equal(children(f, 1, "p", 0, got, 0), 0);
	assert_int_equal(children(f, 2, "p", 0, got, 8), 1);
	assert_int_equal(children(f, 1, "q", 0, got, 8), 0);
}

static void an_unlinked_child_is_gone_and_may_be_unlinked_again(void **state)
{
	struct fixture *f = *state;
	struct tb_op link = fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 100));
	struct tb_op other = fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 101));
	struct tb_op unlink =
		fixture_link(TB_OP_UNLINK, 1, "p", tb_rid(1, 100));
	uint64_t got[2];

	fixture_apply(f, &link, 1);
	fixture_apply(f, &other, 1);
	fixture_apply(f, &unlink, 1);
	fixture_apply(f, &unlink, 1);
	assert_int_equal(children(f, 1, "p", 0, got, 2), 1);
	assert_true(got[0] == tb_rid(1, 101));
}

static enum tb_err audit_next(struct fixture *f, uint32_t org, uint64_t after,
			      struct tb_audit_row *ret)
{
	struct tb_tx *tx = fixture_begin(f, TB_TX_READ);
	enum tb_err err = f->ops->audit_next(tx, f->arena, org, after, ret);

	f->ops->rollback(tx);
	return err;
}

static void audit_rows_are_read_in_order_with_their_details(void **state)
{
	struct fixture *f = *state;
	struct tb_op ops[] = {
		fixture_audit(1, 1, "first", "detail"),
		fixture_audit(1, 2, "second", ""),
		fixture_audit(1, 3, "third", NULL),
		fixture_audit(2, 1, "other", NULL),
	};
	struct tb_audit_row row;

	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
	MUST(audit_next(f, 1, 0, &row));
	assert_int_equal(row.n, 1);
	assert_true(tb_str_eq(row.row, TB_STR("first")));
	assert_true(tb_str_eq(row.detail, TB_STR("detail")));
	assert_memory_equal(row.hash, ops[0].audit.hash, sizeof(row.hash));
	MUST(audit_next(f, 1, 1, &row));
	assert_true(tb_str_eq(row.row, TB_STR("second")));
	assert_true(row.detail.p && row.detail.n == 0);
	MUST(audit_next(f, 1, 2, &row));
	assert_true(tb_str_eq(row.row, TB_STR("third")));
	assert_null(row.detail.p);
	assert_int_equal(audit_next(f, 1, 3, &row), TB_ERR_NOT_FOUND);
	MUST(audit_next(f, 2, 0, &row));
	assert_true(tb_str_eq(row.row, TB_STR("other")));
}

static void an_erased_detail_leaves_its_row(void **state)
{
	struct fixture *f = *state;
	struct tb_op ops[] = {
		fixture_audit(1, 1, "first", "one"),
		fixture_audit(1, 2, "second", "two"),
		fixture_audit(2, 1, "other", "three"),
		fixture_forget(TB_OP_AUDIT_ERASE, 1, 1),
		fixture_forget(TB_OP_AUDIT_ERASE, 1, 1),
	};
	struct tb_audit_row row;

	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
	MUST(audit_next(f, 1, 0, &row));
	assert_int_equal(row.n, 1);
	assert_true(tb_str_eq(row.row, TB_STR("first")));
	assert_null(row.detail.p);
	MUST(audit_next(f, 1, 1, &row));
	assert_true(tb_str_eq(row.detail, TB_STR("two")));
	MUST(audit_next(f, 2, 0, &row));
	assert_true(tb_str_eq(row.detail, TB_STR("three")));
}

static void dropped_rows_are_gone_from_the_beginning(void **state)
{
	struct fixture *f = *state;
	struct tb_op ops[] = {
		fixture_audit(1, 1, "first", "one"),
		fixture_audit(1, 2, "second", NULL),
		fixture_audit(1, 3, "third", "three"),
		fixture_audit(2, 1, "other", "one"),
		fixture_forget(TB_OP_AUDIT_DROP, 1, 2),
		fixture_forget(TB_OP_AUDIT_DROP, 1, 2),
	};
	struct tb_audit_row row;

	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
	MUST(audit_next(f, 1, 0, &row));
	assert_int_equal(row.n, 3);
	assert_true(tb_str_eq(row.detail, TB_STR("three")));
	MUST(audit_next(f, 2, 0, &row));
	assert_int_equal(row.n, 1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(an_org_is_read_as_it_was_put),
	STORE_TEST(names_of_orgs_may_have_their_full_length),
	STORE_TEST(orgs_are_walked_in_the_order_of_their_ids),
	STORE_TEST(a_record_is_found_by_rid_and_by_key_with_all_it_has),
	STORE_TEST(what_is_not_there_is_null_among_what_is),
	STORE_TEST(any_collection_is_the_oldest_of_the_users),
	STORE_TEST(a_change_replaces_all_but_the_name),
	STORE_TEST(a_removed_record_leaves_its_name_free),
	STORE_TEST(keys_are_any_bytes_up_to_their_ceiling),
	STORE_TEST(a_key_too_long_to_be_one_is_not_found),
	STORE_TEST(bodies_are_kept_byte_for_byte),
	STORE_TEST(the_highest_numbers_are_kept),
	STORE_TEST(a_record_may_be_in_as_many_scopes_as_allowed),
	STORE_TEST(what_is_taken_is_refused),
	STORE_TEST(an_old_record_that_is_not_there_is_refused),
	STORE_TEST(children_are_given_in_order_and_in_portions),
	STORE_TEST(an_unlinked_child_is_gone_and_may_be_unlinked_again),
	STORE_TEST(audit_rows_are_read_in_order_with_their_details),
	STORE_TEST(an_erased_detail_leaves_its_row),
	STORE_TEST(dropped_rows_are_gone_from_the_beginning),
};
PART(records, tests);
