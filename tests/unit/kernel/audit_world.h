/*
 * A world whose audit trail has the rows that a test wants, and the means to
 * tamper with it behind the kernel's back.
 */
#ifndef TB_TESTS_AUDIT_WORLD_H
#define TB_TESTS_AUDIT_WORLD_H

#include "world.h"

#include "kernel/audit_read.h"
#include "kernel/audit_verify.h"

#define SECOND_US 1000000ll
#define ROWS_MAX 64

static enum tb_err audit_world_decide(struct tb_commit *commit,
				      struct tb_view *view)
{
	(void)commit;
	return tb_view_put_silent(view, TB_COLL_SETTING, TB_STR("test"),
				  TB_STR("1"));
}

/* A commit with a row of this event type and device, a second after the one
 * before. */
static inline void add_row(struct world *w, const char *event_type,
			   const char *device)
{
	static const struct tb_commit_kind kind = {
		.name = "test",
		.decide = audit_world_decide,
	};
	struct tb_commit commit = {
		.kind = &kind,
		.org = w->org,
		.note = { .event_type = event_type,
			  .operation = "push",
			  .status = "ok",
			  .principal = TB_STR("user/u1"),
			  .device = tb_str_z(device),
			  .detail = TB_STR("\"changed\":1"),
			  .salt = { 1, 2, 3 } },
		.weight = 1,
	};

	w->ic.now_us += SECOND_US;
	MUST(tb_core_commit(w->ic.core, &commit));
}

static inline void add_rows(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_row(w, "devices", "d1");
}

static inline struct tb_org org_row(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->org, &org));
	tb_core_read_end(tx);
	return org;
}

static inline struct tb_audit_verdict verdict_of(struct world *w)
{
	struct tb_audit_verdict verdict;

	MUST(tb_audit_verify(w->ic.core, w->org, &verdict));
	return verdict;
}

static inline void assert_whole(struct world *w, uint64_t first)
{
	struct tb_audit_verdict verdict = verdict_of(w);

	assert_null(verdict.problem);
	assert_int_equal(verdict.first_bad, 0);
	assert_int_equal(verdict.first, first);
	assert_int_equal(verdict.last, org_row(w).audit_n);
	assert_int_equal(verdict.rows, verdict.last - first + 1);
	assert_memory_equal(verdict.hash, org_row(w).audit_hash, 32);
}

static inline void assert_problem(struct world *w, uint64_t row,
				  const char *problem)
{
	struct tb_audit_verdict verdict = verdict_of(w);

	assert_non_null(verdict.problem);
	assert_string_equal(verdict.problem, problem);
	assert_int_equal(verdict.first_bad, row);
}

/* The number of the oldest row that is kept. */
static inline uint64_t first_row(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_audit_row row;

	MUST(tx->store->ops->audit_next(tx, w->ic.arena, w->org, 0, &row));
	tb_core_read_end(tx);
	return row.n;
}

/* ---- tampering ---- */

static inline void apply_ops(struct world *w, const struct tb_op *list,
			     size_t n)
{
	const struct tb_store_ops *ops = w->ic.store->ops;
	struct tb_tx *tx;

	MUST(ops->begin(w->ic.store, TB_TX_WRITE, &tx));
	MUST(ops->apply(tx, list, n));
	MUST(ops->commit(tx));
}

static inline void forget(struct world *w, enum tb_op_kind kind, uint64_t n)
{
	struct tb_op op = { .kind = kind, .org_id = w->org, .audit.n = n };

	apply_ops(w, &op, 1);
}

/* Takes a row away, or puts another one in its place. */
typedef bool tamper_fn(struct tb_audit_row *row);

/* The chain once more, with `tamper` done to row n; false leaves it out. */
static inline void tamper_with(struct world *w, uint64_t n, tamper_fn *tamper)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_op list[ROWS_MAX];
	struct tb_audit_row row = { .n = 0 };
	size_t count = 0;

	while (tx->store->ops->audit_next(tx, w->ic.arena, w->org, row.n,
					  &row) == TB_OK) {
		struct tb_op op = { .kind = TB_OP_AUDIT,
				    .org_id = w->org,
				    .audit = row };

		assert_true(count < ROWS_MAX);
		if (row.n != n || tamper(&op.audit))
			list[count++] = op;
	}
	tb_core_read_end(tx);
	forget(w, TB_OP_AUDIT_DROP, row.n);
	apply_ops(w, list, count);
}

#endif
