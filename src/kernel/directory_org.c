/*
 * The commits that make orgs: rows of their own, and a name in org 0.
 */
#include "kernel/directory.h"

#include "base/assert.h"
#include "kernel/directory_codec.h"
#include "kernel/system.h"

#define ARENA_MAX_BYTES ((size_t)1 << 20)

struct org_init {
	struct tb_commit commit;
	uint64_t epoch;
};

static enum tb_err init_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct org_init *init = (const struct org_init *)commit;

	if (tb_view_org_row(view)->epoch == 0)
		tb_view_org(view)->epoch = init->epoch;
	return TB_OK;
}

enum tb_err tb_directory_init(struct tb_core *core, uint64_t epoch)
{
	static const struct tb_commit_kind kind = {
		.name = "init",
		.decide = init_decide,
	};
	struct org_init init = {
		.commit = { .kind = &kind, .org = TB_ORG_SYSTEM, .weight = 1 },
		.epoch = epoch,
	};

	TB_ASSERT(epoch != 0);
	return tb_core_commit(core, &init.commit);
}

/* ---- a restored store ---- */

struct epoch_change {
	struct tb_commit commit;
	uint64_t epoch;
};

static enum tb_err epoch_decide(struct tb_commit *commit, struct tb_view *view)
{
	const struct epoch_change *change = (const struct epoch_change *)commit;

	tb_view_org(view)->epoch = change->epoch;
	tb_view_bump_generation(view);
	return TB_OK;
}

enum tb_err tb_directory_renew_epoch(struct tb_core *core,
				     const struct tb_audit_note *note,
				     uint32_t org, uint64_t epoch)
{
	static const struct tb_commit_kind kind = {
		.name = "renew_epoch",
		.decide = epoch_decide,
	};
	struct epoch_change change = {
		.commit = { .kind = &kind,
			    .org = org,
			    .note = *note,
			    .weight = 1 },
		.epoch = epoch,
	};

	TB_ASSERT(epoch != 0);
	return tb_core_commit(core, &change.commit);
}

/* ---- further orgs ---- */

/* The id given last is a setting of org 0, so that orgs added in one group see
 * each other. */
#define LAST_ORG_KEY TB_STR("last_org")

struct org_add {
	struct tb_commit commit;
	struct tb_str login_key;
	struct tb_org org; /* its id is the result */
};

static enum tb_err org_gather(struct tb_commit *commit, struct tb_view *view)
{
	struct org_add *add = (struct org_add *)commit;
	enum tb_err err = tb_view_want(view, TB_COLL_SETTING, LAST_ORG_KEY);

	return err == TB_OK ? tb_view_want(view, TB_COLL_LOGIN, add->login_key)
			    : err;
}

static enum tb_err next_org_id(struct tb_view *view, uint32_t *ret)
{
	const struct tb_record *record;
	uint64_t last = 0;
	enum tb_err err =
		tb_view_get(view, TB_COLL_SETTING, LAST_ORG_KEY, &record);

	if (err == TB_OK && record != NULL &&
	    tb_str_to_u64(record->body, &last) != TB_OK)
		err = TB_ERR_CORRUPT;
	if (err == TB_OK && last >= TB_ORG_MAX)
		err = TB_ERR_FULL;
	if (err == TB_OK)
		*ret = (uint32_t)last + 1;
	return err;
}

static enum tb_err put_org(struct tb_view *view, const struct org_add *add)
{
	struct tb_arena *arena = tb_view_arena(view);
	struct tb_login login = { .org = add->org.id };
	struct tb_str body;
	struct tb_str last;
	enum tb_err err = tb_login_encode(arena, &login, &body);

	if (err == TB_OK)
		err = tb_arena_printf(arena, &last, "%u", add->org.id);
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_LOGIN, add->login_key,
					 body);
	if (err == TB_OK)
		err = tb_view_put_silent(view, TB_COLL_SETTING, LAST_ORG_KEY,
					 last);
	return err == TB_OK ? tb_view_add_org(view, &add->org) : err;
}

static enum tb_err org_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct org_add *add = (struct org_add *)commit;
	const struct tb_record *login;
	enum tb_err err =
		tb_view_get(view, TB_COLL_LOGIN, add->login_key, &login);

	if (err == TB_OK && login != NULL)
		err = TB_ERR_EXISTS;
	if (err == TB_OK)
		err = next_org_id(view, &add->org.id);
	return err == TB_OK ? put_org(view, add) : err;
}

static bool is_org_name(struct tb_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return false;
	}
	return s.n > 0 && s.n <= TB_ORG_NAME_MAX;
}

enum tb_err tb_directory_add_org(struct tb_core *core,
				 const struct tb_audit_note *note,
				 struct tb_str name, struct tb_str title,
				 uint64_t epoch, uint32_t *ret)
{
	static const struct tb_commit_kind kind = {
		.name = "add_org",
		.gather = org_gather,
		.decide = org_decide,
	};
	struct org_add add = {
		.commit = { .kind = &kind,
			    .org = TB_ORG_SYSTEM,
			    .note = *note,
			    .weight = 3 },
		.org = { .epoch = epoch, .head = TB_NUM_RESERVED },
	};
	struct tb_account words = { .name = title };
	struct tb_arena *arena;
	struct tb_str body;
	enum tb_err err;

	if (!is_org_name(name) ||
	    !tb_directory_is_text(title, 0, TB_ORG_TITLE_MAX))
		return TB_ERR_INVALID;
	arena = tb_arena_create(ARENA_MAX_BYTES);
	if (arena == NULL)
		return TB_ERR_NOMEM;
	memcpy(add.org.name, name.p, name.n);
	if (title.n > 0)
		memcpy(add.org.title, title.p, title.n);
	/* A title has no body of its own to be checked in. */
	err = tb_account_encode(arena, &words, &body);
	if (err == TB_OK)
		err = tb_directory_org_key(arena, name, &add.login_key);
	if (err == TB_OK)
		err = tb_core_commit(core, &add.commit);
	/* The group published the org that it was run in; this is another. */
	if (err == TB_OK)
		err = tb_core_publish(core, &add.org);
	tb_arena_destroy(arena);
	if (err == TB_OK)
		*ret = add.org.id;
	return err;
}
