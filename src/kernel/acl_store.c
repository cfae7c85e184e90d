#include "kernel/acl_store.h"

#include <stdio.h>

#include "base/assert.h"
#include "codec/json.h"
#include "kernel/acl.h"
#include "kernel/commit.h"
#include "kernel/directory.h"
#include "kernel/system.h"

/*
 * Lists stand in a ring of records, each in the place of the oldest when it
 * comes; a list's version is its record's, a number of the org's order, which
 * never comes twice. One more record says which place is in force.
 */
#define IN_FORCE TB_STR("in_force")

struct place {
	char bytes[8];
	struct tb_str key;
};

static void place_init(struct place *place, uint64_t number)
{
	int n = snprintf(place->bytes, sizeof(place->bytes), "%u",
			 (unsigned)(number % TB_ACL_KEPT));

	place->key = tb_str(place->bytes, (size_t)n);
}

static enum tb_err read_number(const struct tb_record *in_force, uint64_t *ret)
{
	enum tb_err err = tb_str_to_u64(in_force->body, ret);

	return err == TB_OK ? TB_OK : TB_ERR_CORRUPT;
}

/* NOT_FOUND: there is no such record. */
static enum tb_err find_one(struct tb_tx *tx, struct tb_arena *arena,
			    const struct tb_key *key, struct tb_record **ret)
{
	struct tb_record *record = NULL;
	enum tb_err err = tx->store->ops->find(tx, arena, key, 1, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		*ret = record;
	return err;
}

enum tb_err tb_acl_read(struct tb_tx *tx, struct tb_arena *arena, uint32_t org,
			bool without_text, uint64_t *ret_version,
			struct tb_str *ret_text)
{
	struct tb_key key = { .org = org,
			      .coll = TB_COLL_ACL,
			      .key = IN_FORCE };
	struct tb_record *record;
	struct place place;
	uint64_t number;
	enum tb_err err = find_one(tx, arena, &key, &record);

	if (err == TB_OK)
		err = read_number(record, &number);
	if (err != TB_OK)
		return err;
	place_init(&place, number);
	key.key = place.key;
	key.without_body = without_text;
	err = find_one(tx, arena, &key, &record);
	if (err != TB_OK)
		return err == TB_ERR_NOT_FOUND ? TB_ERR_CORRUPT : err;
	*ret_version = record->version;
	if (!without_text)
		*ret_text = record->body;
	return TB_OK;
}

enum tb_err tb_acl_read_version(struct tb_tx *tx, struct tb_arena *arena,
				uint32_t org, uint64_t version,
				struct tb_str *ret_text)
{
	struct tb_record *records[TB_ACL_KEPT] = { NULL };
	struct tb_key keys[TB_ACL_KEPT];
	struct place places[TB_ACL_KEPT];
	struct tb_record *record;
	size_t at = 0;
	enum tb_err err;

	for (size_t i = 0; i < TB_ACL_KEPT; i++) {
		place_init(&places[i], i);
		keys[i] = (struct tb_key) { .org = org,
					    .coll = TB_COLL_ACL,
					    .key = places[i].key,
					    .without_body = true };
	}
	err = tx->store->ops->find(tx, arena, keys, TB_ACL_KEPT, records);
	if (err != TB_OK)
		return err;
	while (at < TB_ACL_KEPT &&
	       (records[at] == NULL || records[at]->version != version))
		at++;
	if (at == TB_ACL_KEPT)
		return TB_ERR_NOT_FOUND;
	keys[at].without_body = false;
	err = find_one(tx, arena, &keys[at], &record);
	if (err == TB_OK)
		*ret_text = record->body;
	return err;
}

struct acl_put {
	struct tb_commit commit;
	struct tb_str by; /* the administrator; empty: it needs none */
	struct tb_str text;
	struct tb_str before; /* p NULL: none */
	uint64_t number;      /* of the list in force */
};

static enum tb_err put_gather(struct tb_commit *commit, struct tb_view *view)
{
	const struct acl_put *put = (const struct acl_put *)commit;
	enum tb_err err = TB_OK;

	if (put->by.n > 0)
		err = tb_view_want(view, TB_COLL_USER, put->by);
	return err == TB_OK ? tb_view_want(view, TB_COLL_ACL, IN_FORCE) : err;
}

static enum tb_err read_before(struct acl_put *put, struct tb_view *view)
{
	const struct tb_record *record;
	struct place place;
	enum tb_err err = tb_view_get(view, TB_COLL_ACL, IN_FORCE, &record);

	put->before = TB_STR_NONE;
	put->number = 0;
	if (err != TB_OK || record == NULL)
		return err;
	err = read_number(record, &put->number);
	if (err != TB_OK)
		return err;
	place_init(&place, put->number);
	err = tb_arena_strdup(tb_view_arena(view), place.key, &place.key);
	if (err == TB_OK)
		err = tb_view_get(view, TB_COLL_ACL, place.key, &record);
	if (err == TB_OK && record == NULL)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		put->before = record->body;
	return err;
}

static enum tb_err set_detail(struct acl_put *put, struct tb_view *view)
{
	struct tb_str before =
		put->before.p != NULL ? put->before : TB_STR("null");
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_str head = TB_STR("\"before\":");
	struct tb_str middle = TB_STR(",\"after\":");
	size_t n = head.n + before.n + middle.n + put->text.n;
	char *to = tb_arena_alloc(arena, n);

	if (to == NULL)
		return tb_arena_err(arena);
	put->commit.note.detail = tb_str(to, n);
	to = mempcpy(to, head.p, head.n);
	to = mempcpy(to, before.p, before.n);
	to = mempcpy(to, middle.p, middle.n);
	memcpy(to, put->text.p, put->text.n);
	return TB_OK;
}

static enum tb_err put_in_force(struct acl_put *put, struct tb_view *view)
{
	struct tb_put list = { .coll = TB_COLL_ACL,
			       .body = put->text,
			       .origin = TB_ORIGIN_CENTRE };
	struct tb_arena *arena = tb_view_arena(view);
	struct place place;
	enum tb_err err;

	place_init(&place, put->number + 1);
	err = tb_arena_strdup(arena, place.key, &list.key);
	if (err == TB_OK)
		err = tb_view_put(view, &list, NULL);
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_ACL, IN_FORCE, list.key);
	if (err == TB_OK)
		tb_view_bump_generation(view);
	return err;
}

static enum tb_err put_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct acl_put *put = (struct acl_put *)commit;
	enum tb_err err = tb_directory_check_admin(view, put->by);

	if (err == TB_OK)
		err = read_before(put, view);
	if (err != TB_OK ||
	    (put->before.p != NULL && tb_str_eq(put->before, put->text)))
		return err;
	err = set_detail(put, view);
	return err == TB_OK ? put_in_force(put, view) : err;
}

enum tb_err tb_acl_put(struct tb_core *core, const struct tb_audit_note *note,
		       uint32_t org, struct tb_str text)
{
	return tb_acl_put_as(core, note, org, TB_STR_NONE, text);
}

enum tb_err tb_acl_put_as(struct tb_core *core,
			  const struct tb_audit_note *note, uint32_t org,
			  struct tb_str by, struct tb_str text)
{
	static const struct tb_commit_kind kind = {
		.name = "put_acl",
		.gather = put_gather,
		.decide = put_decide,
	};
	struct acl_put put = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 2 },
		.by = by,
		.text = text,
	};

	TB_ASSERT(text.n <= TB_ACL_TEXT_MAX_BYTES);
	return tb_core_commit(core, &put.commit);
}
