#include "conformance.h"

#include "store/check.h"

/*
 * Broken states are planted through the engine itself, by operations that lie
 * about what was there before.
 */
#define SCOPE tb_rid(1, 65)

static struct tb_entry entry;

/* A whole state with something of everything: record 90 in one feed, a child,
 * a chain of two rows. */
static struct tb_record fill(struct fixture *f)
{
	struct tb_record r;
	struct tb_org org = fixture_org(1);
	struct tb_op ops[5];

	entry = fixture_entry(SCOPE, 90);
	r = fixture_record(tb_rid(1, 90), "a", "1", &entry, 1);
	org.audit_n = 2;
	memset(org.audit_hash, 2, sizeof(org.audit_hash));
	ops[0] = fixture_put(&r, NULL);
	ops[1] = fixture_link(TB_OP_LINK, 1, "p", r.rid);
	ops[2] = fixture_audit(1, 1, "first", "detail");
	ops[3] = fixture_audit(1, 2, "second", "detail");
	ops[4] = fixture_put_org(&org);
	fixture_apply(f, ops, TB_ARRAY_LEN(ops));
	return r;
}

static void a_whole_store_has_nothing_to_report(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_broken(f, NULL), 0);
	fill(f);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

/* Plants one operation beside a whole state. */
static void assert_found(struct fixture *f, struct tb_op op,
			 const char *invariant)
{
	fixture_apply(f, &op, 1);
	assert_true(fixture_broken(f, invariant) > 0);
}

static void an_entry_without_its_row_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 95);
	struct tb_record was = fixture_record(tb_rid(1, 95), "b", "1", NULL, 0);
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", &e, 1);
	struct tb_op op = fixture_put(&was, NULL);
	struct tb_entry two[2];
	struct tb_record lie = r;

	fill(f);
	fixture_apply(f, &op, 1);
	/* The row is taken away under another scope's name. */
	two[0] = e;
	op = fixture_put(&r, &was);
	fixture_apply(f, &op, 1);
	two[1] = entry;
	lie.entries = two;
	lie.n_entries = 2;
	assert_found(f, fixture_put(&r, &lie), TB_CHECK_ENTRIES);
}

static void a_row_that_is_no_entry_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fill(f);
	struct tb_entry later = fixture_entry(SCOPE, 95);
	struct tb_record now = fixture_record(r.rid, "a", "1", &later, 1);
	struct tb_record lie = fixture_record(r.rid, "a", "1", NULL, 0);

	assert_found(f, fixture_put(&now, &lie), TB_CHECK_ENTRIES);
}

static void a_row_of_no_record_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fill(f);

	r.n_entries = 0;
	assert_found(f, fixture_remove(&r), TB_CHECK_ENTRIES);
}

static void a_row_that_differs_from_its_entry_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fill(f);
	struct tb_entry moved = fixture_entry(SCOPE, 95);
	struct tb_entry other = fixture_entry(SCOPE, 96);
	struct tb_record b = fixture_record(tb_rid(1, 95), "b", "1", &moved, 1);
	struct tb_record lie = fixture_record(r.rid, "a", "1", &moved, 1);
	struct tb_record now = fixture_record(r.rid, "a", "1", &other, 1);
	struct tb_op op = fixture_put(&b, NULL);

	fixture_apply(f, &op, 1);
	assert_found(f, fixture_put(&now, &lie), TB_CHECK_ENTRIES);
}

static void an_entry_entered_after_its_number_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 95);
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", &e, 1);

	e.entered = 96;
	assert_found(f, fixture_put(&r, NULL), TB_CHECK_ENTRIES);
}

static void a_fixed_number_may_be_above_the_head(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, FIXTURE_HEAD + 1);
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", &e, 1);
	struct tb_record was = r;
	struct tb_entry unfixed = e;

	r.version = 95;
	e.flags |= TB_ENTRY_FIXED;
	fixture_apply(f, (struct tb_op[]) { fixture_put(&r, NULL) }, 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
	was.entries = &e;
	r.entries = &unfixed;
	assert_found(f, fixture_put(&r, &was), TB_CHECK_HEADS);
}

static void a_fixed_entry_entered_elsewhere_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e = fixture_entry(SCOPE, 95);
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", &e, 1);

	e.flags |= TB_ENTRY_FIXED;
	e.entered = 94;
	assert_found(f, fixture_put(&r, NULL), TB_CHECK_ENTRIES);
}

static void a_version_above_the_head_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", NULL, 0);

	r.version = FIXTURE_HEAD;
	fixture_apply(f, (struct tb_op[]) { fixture_put(&r, NULL) }, 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
	r.version = FIXTURE_HEAD + 1;
	assert_found(f, fixture_put(&r, &r), TB_CHECK_HEADS);
}

static void a_number_above_the_head_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_org org = fixture_org(1);

	fill(f);
	org.head = 89;
	assert_found(f, fixture_put_org(&org), TB_CHECK_HEADS);
}

static void a_dense_number_above_its_own_head_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_entry e =
		fixture_entry(tb_scope_known(1, TB_SCOPE_EVENTS), 95);
	struct tb_record r = fixture_record(tb_rid(1, 95), "b", "1", &e, 1);
	struct tb_org org = fixture_org(1);

	org.dense[TB_DENSE_CENTRAL] = 0;
	org.dense[TB_DENSE_EVENTS] = 95;
	fixture_apply(f,
		      (struct tb_op[]) { fixture_put(&r, NULL),
					 fixture_put_org(&org) },
		      2);
	assert_int_equal(fixture_broken(f, NULL), 0);
	org.dense[TB_DENSE_EVENTS] = 94;
	assert_found(f, fixture_put_org(&org), TB_CHECK_HEADS);
}

static void a_record_of_no_org_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fixture_record(tb_rid(9, 95), "b", "1", NULL, 0);

	assert_found(f, fixture_put(&r, NULL), TB_CHECK_ORGS);
}

static void a_child_that_is_not_there_is_found(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_found(f, fixture_link(TB_OP_LINK, 1, "p", tb_rid(1, 91)),
		     TB_CHECK_LINKS);
}

static void a_child_of_another_org_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_record r = fill(f);

	assert_found(f, fixture_link(TB_OP_LINK, 2, "p", r.rid),
		     TB_CHECK_LINKS);
}

static void a_hole_in_the_audit_chain_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_org org = fixture_org(1);
	struct tb_op ops[2];

	fill(f);
	org.audit_n = 4;
	memset(org.audit_hash, 4, sizeof(org.audit_hash));
	ops[0] = fixture_audit(1, 4, "fourth", NULL);
	ops[1] = fixture_put_org(&org);
	fixture_apply(f, ops, 2);
	assert_int_equal(fixture_broken(f, TB_CHECK_AUDIT), 1);
}

static void a_chain_that_does_not_end_at_its_head_is_found(void **state)
{
	struct fixture *f = *state;
	struct tb_org org = fixture_org(1);

	fill(f);
	org.audit_n = 2;
	memset(org.audit_hash, 3, sizeof(org.audit_hash));
	assert_found(f, fixture_put_org(&org), TB_CHECK_AUDIT);
	assert_found(f, fixture_audit(1, 3, "third", NULL), TB_CHECK_AUDIT);
}

static void a_chain_whose_beginning_was_dropped_is_whole(void **state)
{
	struct fixture *f = *state;
	struct tb_op drop = fixture_forget(TB_OP_AUDIT_DROP, 1, 1);

	fill(f);
	fixture_apply(f, &drop, 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
	drop = fixture_forget(TB_OP_AUDIT_DROP, 1, 2);
	fixture_apply(f, &drop, 1);
	assert_int_equal(fixture_broken(f, NULL), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(a_whole_store_has_nothing_to_report),
	STORE_TEST(an_entry_without_its_row_is_found),
	STORE_TEST(a_row_that_is_no_entry_is_found),
	STORE_TEST(a_row_of_no_record_is_found),
	STORE_TEST(a_row_that_differs_from_its_entry_is_found),
	STORE_TEST(an_entry_entered_after_its_number_is_found),
	STORE_TEST(a_fixed_number_may_be_above_the_head),
	STORE_TEST(a_fixed_entry_entered_elsewhere_is_found),
	STORE_TEST(a_version_above_the_head_is_found),
	STORE_TEST(a_number_above_the_head_is_found),
	STORE_TEST(a_dense_number_above_its_own_head_is_found),
	STORE_TEST(a_record_of_no_org_is_found),
	STORE_TEST(a_child_that_is_not_there_is_found),
	STORE_TEST(a_child_of_another_org_is_found),
	STORE_TEST(a_hole_in_the_audit_chain_is_found),
	STORE_TEST(a_chain_that_does_not_end_at_its_head_is_found),
	STORE_TEST(a_chain_whose_beginning_was_dropped_is_whole),
};
PART(check, tests);
