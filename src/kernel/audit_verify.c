#include "kernel/audit_verify.h"

#include "codec/digest.h"
#include "codec/json.h"

/* For one row at a time, with its detail. */
#define ARENA_MAX ((size_t)256 << 20)

void tb_audit_verify_init(struct tb_audit_verification *v, uint32_t org)
{
	*v = (struct tb_audit_verification) { .org = org };
}

static void find_fault(struct tb_audit_verification *v, uint64_t row,
		       const char *problem)
{
	v->verdict.first_bad = row;
	v->verdict.problem = problem;
	v->is_done = true;
}

static const char *content_problem(struct tb_arena *arena,
				   const struct tb_audit_row *row)
{
	uint8_t digest[TB_SHA256_BYTES];
	uint8_t stated[TB_SHA256_BYTES];
	struct tb_json json;
	struct tb_json_value root;
	struct tb_str hex;
	uint64_t n;

	if (tb_json_parse(arena, row->row, NULL, &json, NULL) != TB_OK)
		return "a row is not readable";
	root = tb_json_root(&json);
	if (tb_json_u64(tb_json_get(root, TB_STR("n")), &n) != TB_OK ||
	    n != row->n)
		return "a row stands in another's place";
	if (row->detail.p == NULL)
		return NULL;
	tb_sha256(row->detail, digest);
	if (tb_json_string(arena, tb_json_get(root, TB_STR("detail")), &hex) !=
		    TB_OK ||
	    tb_hex_parse(hex, stated, sizeof(stated)) != TB_OK ||
	    !tb_digest_equal(digest, stated, sizeof(digest)))
		return "a row's detail was changed";
	return NULL;
}

/* The problem of the row that comes behind `at`, or NULL. */
static const char *row_problem(struct tb_arena *arena,
			       const struct tb_audit_base *at,
			       const struct tb_audit_row *row)
{
	uint8_t hash[TB_SHA256_BYTES];

	if (row->n != at->n + 1)
		return "a row is missing";
	tb_audit_hash(at->hash, row->row, hash);
	if (!tb_digest_equal(hash, row->hash, sizeof(hash)))
		return "a row was changed";
	return content_problem(arena, row);
}

static enum tb_err take_row(struct tb_arena *arena,
			    struct tb_audit_verification *v,
			    const struct tb_audit_row *row)
{
	struct tb_audit_verdict *verdict = &v->verdict;
	const char *problem = row_problem(arena, &v->at, row);
	enum tb_err err = TB_OK;

	verdict->rows++;
	verdict->erased += row->detail.p == NULL;
	if (problem == NULL)
		err = tb_audit_base_told(arena, row, &v->told);
	if (err == TB_ERR_CORRUPT) {
		problem = "a row's detail is not readable";
		err = TB_OK;
	}
	if (problem != NULL) {
		find_fault(v, row->n, problem);
		return err;
	}
	v->at.n = row->n;
	memcpy(v->at.hash, row->hash, sizeof(v->at.hash));
	if (verdict->first == 0)
		verdict->first = row->n;
	verdict->last = row->n;
	memcpy(verdict->hash, row->hash, sizeof(verdict->hash));
	return err;
}

/* Behind the last row: the chain ends where the org says, and whatever was
 * dropped from its beginning, one of its rows tells of it. */
static void take_end(struct tb_audit_verification *v, const struct tb_org *org,
		     const struct tb_audit_base *base)
{
	v->is_done = true;
	if (v->at.n != org->audit_n ||
	    !tb_digest_equal(v->at.hash, org->audit_hash, sizeof(v->at.hash)))
		find_fault(v, v->at.n,
			   "the chain does not end at the org's head");
	else if (!tb_audit_base_equal(&v->told, base) && base->n != 0)
		find_fault(v, base->n, "rows are gone that no row tells of");
}

/* The chain begins behind what was dropped, also if that happened between two
 * slices. */
static void begin_at(struct tb_audit_verification *v,
		     const struct tb_audit_base *base)
{
	if (!v->is_begun || v->at.n < base->n)
		v->at = *base;
	v->is_begun = true;
}

enum tb_err tb_audit_verify_slice(struct tb_tx *tx, struct tb_arena *arena,
				  struct tb_audit_verification *v, uint64_t max)
{
	const struct tb_store_ops *ops = tx->store->ops;
	struct tb_audit_base base;
	struct tb_org org;
	struct tb_audit_row row;
	enum tb_err err = ops->org_get(tx, v->org, &org);

	if (err == TB_OK)
		err = tb_audit_base_read(tx, arena, v->org, &base);
	if (err == TB_ERR_CORRUPT) {
		find_fault(v, 0, "what was dropped is not readable");
		return TB_OK;
	}
	if (err != TB_OK)
		return err;
	begin_at(v, &base);
	for (uint64_t i = 0; err == TB_OK && !v->is_done && i < max; i++) {
		tb_arena_reset(arena);
		err = ops->audit_next(tx, arena, v->org, v->at.n, &row);
		if (err == TB_OK)
			err = take_row(arena, v, &row);
	}
	if (err == TB_ERR_NOT_FOUND)
		take_end(v, &org, &base);
	if (err == TB_ERR_CORRUPT)
		find_fault(v, v->at.n + 1, "a row is not readable");
	return v->is_done ? TB_OK : err;
}

enum tb_err tb_audit_verify_next(struct tb_core *core,
				 struct tb_audit_verification *v)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = tb_audit_verify_slice(tx, arena, v, TB_AUDIT_SLICE);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_audit_verify(struct tb_core *core, uint32_t org,
			    struct tb_audit_verdict *ret)
{
	struct tb_audit_verification v;
	enum tb_err err = TB_OK;

	tb_audit_verify_init(&v, org);
	while (err == TB_OK && !v.is_done)
		err = tb_audit_verify_next(core, &v);
	if (err == TB_OK)
		*ret = v.verdict;
	return err;
}
