#include "kernel/family.h"

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/commit.h"
#include "kernel/system.h"

#define US_PER_S 1000000ll
#define TEXT_MAX_BYTES 4096
/* An ended family that was forgotten too early would be a new one, so a clock
 * that is put back by less than this does no harm. */
#define DROP_AFTER_S 86400
#define SCAN_ARENA_MAX_BYTES ((size_t)16 << 20)

/* ---- bodies ---- */

static enum tb_err encode(struct tb_arena *arena,
			  const struct tb_family *family, struct tb_str *ret)
{
	const struct tb_family_pair *newest = &family->newest;
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "user", family->user);
	tb_json_kv_uint(&w, "seq", newest->seq);
	tb_json_kv_int(&w, "issued", newest->issued_s);
	tb_json_kv_int(&w, "access_expires", newest->access_expires_s);
	tb_json_kv_int(&w, "refresh_expires", newest->refresh_expires_s);
	tb_json_kv_str(&w, "kid", tb_str_z(newest->kid));
	tb_json_kv_int(&w, "expires", family->expires_s);
	tb_json_kv_bool(&w, "used", family->is_used);
	tb_json_kv_bool(&w, "ended", family->is_ended);
	tb_json_end_object(&w);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err take_kid(struct tb_arena *arena, struct tb_json_value v,
			    char ret[TB_FAMILY_KID_MAX_BYTES + 1])
{
	struct tb_str kid;
	enum tb_err err = tb_json_string(arena, v, &kid);

	if (err != TB_OK)
		return err;
	if (kid.n > TB_FAMILY_KID_MAX_BYTES)
		return TB_ERR_INVALID;
	memcpy(ret, kid.p, kid.n);
	ret[kid.n] = '\0';
	return TB_OK;
}

static enum tb_err take_members(struct tb_arena *arena,
				struct tb_json_value body,
				struct tb_family *family)
{
	struct tb_family_pair *newest = &family->newest;
	const struct {
		const char *name;
		int64_t *into;
	} times[] = { { "issued", &newest->issued_s },
		      { "access_expires", &newest->access_expires_s },
		      { "refresh_expires", &newest->refresh_expires_s },
		      { "expires", &family->expires_s } };
	enum tb_err err = tb_json_string(
		arena, tb_json_get(body, TB_STR("user")), &family->user);

	if (err == TB_OK)
		err = tb_json_u64(tb_json_get(body, TB_STR("seq")),
				  &newest->seq);
	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(times); i++)
		err = tb_json_i64(tb_json_get(body, tb_str_z(times[i].name)),
				  times[i].into);
	if (err == TB_OK)
		err = take_kid(arena, tb_json_get(body, TB_STR("kid")),
			       newest->kid);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(body, TB_STR("used")),
				   &family->is_used);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(body, TB_STR("ended")),
				   &family->is_ended);
	return err;
}

static enum tb_err decode(struct tb_arena *arena, struct tb_str body,
			  struct tb_family *ret)
{
	struct tb_family family = { .is_used = false };
	struct tb_json json;
	enum tb_err err = tb_json_parse(arena, body, NULL, &json, NULL);

	if (err == TB_OK)
		err = take_members(arena, tb_json_root(&json), &family);
	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	*ret = family;
	return TB_OK;
}

/* ---- one family ---- */

enum tb_err tb_family_read(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, struct tb_str id,
			   struct tb_family *ret)
{
	struct tb_key key = { .org = org, .coll = TB_COLL_FAMILY, .key = id };
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, &key, 1, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK ? decode(arena, record->body, ret) : err;
}

/* As a commit sees it. NOT_FOUND. */
static enum tb_err get(struct tb_view *view, struct tb_str id,
		       struct tb_family *ret)
{
	const struct tb_record *record;
	enum tb_err err = tb_view_get(view, TB_COLL_FAMILY, id, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	return err == TB_OK ? decode(tb_view_arena(view), record->body, ret)
			    : err;
}

static enum tb_err put(struct tb_view *view, struct tb_str id,
		       const struct tb_family *family)
{
	struct tb_target target = {
		.scope =
			tb_scope_known(tb_view_org_id(view), TB_SCOPE_FAMILIES),
	};
	struct tb_put record = {
		.coll = TB_COLL_FAMILY,
		.key = id,
		.origin = TB_ORIGIN_CENTRE,
		.targets = &target,
		.n_targets = 1,
	};
	enum tb_err err = encode(tb_view_arena(view), family, &record.body);

	return err == TB_OK ? tb_view_put(view, &record, NULL) : err;
}

/* ---- refreshing ---- */

struct refresh {
	struct tb_commit commit;
	const struct tb_family_refresh *asked;
	enum tb_family_verdict verdict; /* the result */
	struct tb_family_pair pair;     /* and of which pair */
};

static enum tb_err refresh_gather(struct tb_commit *commit,
				  struct tb_view *view)
{
	const struct refresh *refresh = (const struct refresh *)commit;

	return tb_view_want(view, TB_COLL_FAMILY, refresh->asked->id);
}

/* `family` NULL: this is its first refresh. A number above the newest one is
 * signed like all others, so the store is an older one that was restored; then
 * the family goes on from there. */
static enum tb_family_verdict judge(const struct tb_family *family,
				    uint64_t seq)
{
	if (family == NULL)
		return TB_FAMILY_ROTATED;
	if (family->is_ended)
		return TB_FAMILY_ENDED;
	/* Whoever presents the newest pair's token has used that pair. */
	if (seq >= family->newest.seq)
		return TB_FAMILY_ROTATED;
	/* Contract 4: "until the new pair is first used, repeating the old
	 * token answers the same pair (a lost reply logs nobody out)". */
	if (seq + 1 == family->newest.seq && !family->is_used)
		return TB_FAMILY_REPEATED;
	/* "afterwards its reuse ends the whole family". */
	return TB_FAMILY_ENDED;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static enum tb_err rotate(struct refresh *refresh, struct tb_view *view,
			  const struct tb_family *before)
{
	const struct tb_family_refresh *asked = refresh->asked;
	struct tb_family family = {
		.user = asked->user,
		.newest = asked->next,
		.expires_s = latest(asked->expires_s,
				    latest(asked->next.access_expires_s,
					   asked->next.refresh_expires_s)),
	};

	family.newest.seq = asked->seq + 1;
	if (before != NULL)
		family.expires_s = latest(family.expires_s, before->expires_s);
	refresh->pair = family.newest;
	return put(view, asked->id, &family);
}

/* What the row of a family's end says of it. */
static enum tb_err put_detail(struct tb_arena *arena,
			      const struct tb_family_refresh *asked,
			      const struct tb_family *family,
			      struct tb_str *ret)
{
	struct tb_buf buf;

	tb_buf_init(&buf, TEXT_MAX_BYTES);
	tb_buf_append_z(&buf, "\"family\":");
	tb_json_put_string(&buf, asked->id);
	tb_buf_append_z(&buf, ",\"presented\":");
	tb_buf_append_u64(&buf, asked->seq);
	tb_buf_append_z(&buf, ",\"newest\":");
	tb_buf_append_u64(&buf, family->newest.seq);
	return tb_buf_copy_out(&buf, arena, ret);
}

static enum tb_err end(struct refresh *refresh, struct tb_view *view,
		       struct tb_family family)
{
	struct tb_audit_note *note = &refresh->commit.note;
	enum tb_err err;

	if (family.is_ended)
		return TB_OK;
	err = put_detail(tb_view_arena(view), refresh->asked, &family,
			 &note->detail);
	if (err != TB_OK)
		return err;
	note->operation = "family_ended";
	note->status = "refused";
	family.is_ended = true;
	err = put(view, refresh->asked->id, &family);
	if (err == TB_OK)
		tb_view_bump_generation(view);
	return err;
}

static enum tb_err refresh_decide(struct tb_commit *commit,
				  struct tb_view *view)
{
	struct refresh *refresh = (struct refresh *)commit;
	const struct tb_family_refresh *asked = refresh->asked;
	struct tb_family family;
	enum tb_err err = get(view, asked->id, &family);
	bool is_new = err == TB_ERR_NOT_FOUND;

	if (err != TB_OK && !is_new)
		return err;
	commit->note = asked->note;
	refresh->verdict = judge(is_new ? NULL : &family, asked->seq);
	switch (refresh->verdict) {
	case TB_FAMILY_ROTATED:
		return rotate(refresh, view, is_new ? NULL : &family);
	case TB_FAMILY_REPEATED:
		refresh->pair = family.newest;
		return TB_OK;
	case TB_FAMILY_ENDED:
		return end(refresh, view, family);
	}
	TB_UNREACHABLE();
}

enum tb_err tb_family_refresh(struct tb_core *core,
			      const struct tb_family_refresh *asked,
			      enum tb_family_verdict *ret_verdict,
			      struct tb_family_pair *ret_pair)
{
	static const struct tb_commit_kind kind = {
		.name = "refresh",
		.gather = refresh_gather,
		.decide = refresh_decide,
	};
	struct refresh refresh = {
		.commit = { .kind = &kind,
			    .org = asked->org,
			    .note = asked->note,
			    .weight = 1 },
		.asked = asked,
	};
	enum tb_err err;

	TB_ASSERT(asked->seq > 0 && asked->id.n <= TB_KEY_MAX);
	err = tb_core_commit(core, &refresh.commit);
	if (err != TB_OK)
		return err;
	*ret_verdict = refresh.verdict;
	if (refresh.verdict != TB_FAMILY_ENDED)
		*ret_pair = refresh.pair;
	return TB_OK;
}

/* ---- using ---- */

struct use {
	struct tb_commit commit;
	struct tb_str id;
	uint64_t seq;
};

static enum tb_err use_gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct use *use = (const struct use *)commit;

	return tb_view_want(view, TB_COLL_FAMILY, use->id);
}

static enum tb_err use_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct use *use = (const struct use *)commit;
	struct tb_family family;
	enum tb_err err = get(view, use->id, &family);

	if (err != TB_OK)
		return err == TB_ERR_NOT_FOUND ? TB_OK : err;
	if (family.is_ended)
		return TB_ERR_DENIED;
	if (family.is_used || family.newest.seq != use->seq)
		return TB_OK;
	family.is_used = true;
	return put(view, use->id, &family);
}

enum tb_err tb_family_mark_used(struct tb_core *core, uint32_t org,
				struct tb_str id, uint64_t seq)
{
	/* Without a row: the call itself, which uses the token, has one. */
	static const struct tb_commit_kind kind = {
		.name = "use_tokens",
		.gather = use_gather,
		.decide = use_decide,
	};
	struct use use = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.id = id,
		.seq = seq,
	};

	return tb_core_commit(core, &use.commit);
}

/* ---- forgetting ---- */

struct drop {
	struct tb_commit commit;
	int64_t now_s;
	uint64_t rids[TB_FAMILY_DROP_MAX]; /* found expired before */
	size_t n;
	size_t n_dropped; /* the result */
};

static bool is_expired(const struct tb_family *family, int64_t now_s)
{
	return family->expires_s + DROP_AFTER_S <= now_s;
}

static enum tb_err drop_one(struct drop *drop, struct tb_view *view,
			    uint64_t rid)
{
	const struct tb_record *record;
	struct tb_family family;
	enum tb_err err = tb_view_get_rid(view, rid, &record);

	if (err != TB_OK || record == NULL)
		return err;
	err = decode(tb_view_arena(view), record->body, &family);
	if (err != TB_OK || !is_expired(&family, drop->now_s))
		return err;
	drop->n_dropped++;
	return tb_view_remove(view, TB_COLL_FAMILY, record->key);
}

static enum tb_err drop_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct drop *drop = (struct drop *)commit;
	enum tb_err err = TB_OK;

	drop->n_dropped = 0;
	for (size_t i = 0; err == TB_OK && i < drop->n; i++)
		err = drop_one(drop, view, drop->rids[i]);
	return err;
}

/* Finds what has expired among the next families, in a snapshot, so that
 * nobody waits for it. */
static enum tb_err scan(struct tb_tx *tx, struct tb_arena *arena,
			struct drop *drop, uint64_t *after)
{
	struct tb_feed_query query = {
		.scope = tb_scope_known(drop->commit.org, TB_SCOPE_FAMILIES),
		.after = *after,
		.until = UINT64_MAX,
		.limit = TB_FAMILY_DROP_MAX,
		.with_records = true,
	};
	struct tb_family family;
	struct tb_cursor *cursor;
	struct tb_feed_row row;
	size_t n_seen = 0;
	enum tb_err err = tx->store->ops->feed_open(tx, &query, &cursor);

	if (err != TB_OK)
		return err;
	while ((err = tx->store->ops->feed_next(cursor, &row)) == TB_OK) {
		err = decode(arena, row.record.body, &family);
		if (err != TB_OK)
			break;
		n_seen++;
		*after = row.num;
		if (is_expired(&family, drop->now_s))
			drop->rids[drop->n++] = row.rid;
	}
	tx->store->ops->feed_close(cursor);
	if (n_seen < TB_FAMILY_DROP_MAX)
		*after = 0;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static enum tb_err find_expired(struct tb_core *core, struct drop *drop,
				uint64_t *after)
{
	struct tb_arena *arena = tb_arena_create(SCAN_ARENA_MAX_BYTES);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = scan(tx, arena, drop, after);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_family_drop_expired(struct tb_core *core, uint32_t org,
				   int64_t now_us, uint64_t *after,
				   size_t *ret_dropped)
{
	static const struct tb_commit_kind kind = {
		.name = "drop_families",
		.decide = drop_decide,
	};
	struct drop drop = {
		.commit = { .kind = &kind, .org = org },
		.now_s = now_us / US_PER_S,
	};
	uint64_t next = *after;
	enum tb_err err = find_expired(core, &drop, &next);

	drop.commit.weight = drop.n;
	if (err == TB_OK && drop.n > 0)
		err = tb_core_commit(core, &drop.commit);
	if (err != TB_OK)
		return err;
	*after = next;
	*ret_dropped = drop.n_dropped;
	return TB_OK;
}
