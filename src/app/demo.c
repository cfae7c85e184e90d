#include "app/demo.h"

#include <sys/random.h>

#include "api/ops/demo.h"
#include "app/demo_devices.h"
#include "app/demo_events.h"
#include "app/demo_records.h"
#include "app/demo_yaml.h"
#include "auth/passwords.h"
#include "base/assert.h"
#include "http/address.h"
#include "kernel/directory.h"
#include "kernel/view.h"

#define ARENA_MAX_BYTES (16 * 1024 * 1024)
#define HASH_WAIT_MS 60000

const char *tb_demo_refusal(bool is_demo, enum tb_data_state state)
{
	switch (state) {
	case TB_DATA_DEMO:
		return is_demo ? NULL
			       : "this store is the demo's, whose passwords "
				 "are public: serve it with --demo, or choose "
				 "another --data";
	case TB_DATA_EMPTY:
		return is_demo ? NULL
			       : "there is no store yet: `tombolo init` makes "
				 "one";
	case TB_DATA_FOREIGN:
		return is_demo ? "--demo wants an empty folder or its own, "
				 "and this one holds other files"
			       : "there is no store yet: `tombolo init` makes "
				 "one";
	case TB_DATA_REAL:
		return is_demo ? "this store is not the demo's: --demo would "
				 "put its public passwords into it"
			       : NULL;
	}
	TB_UNREACHABLE();
}

bool tb_demo_may_listen(const char *listen)
{
	return tb_address_host_is_loopback(tb_str_z(listen));
}

struct tb_str tb_demo_preset(void)
{
	return TB_STR("devices:\n  auth: open\n  org: " TB_DEMO_ORG "\n");
}

enum tb_err tb_demo_apply_declaration(struct tb_config *config)
{
	if (config->declaration.n_collections > 0)
		return TB_OK;
	return tb_config_adopt(config, tb_str(tb_demo_yaml, tb_demo_yaml_bytes),
			       TB_STR("resources"));
}

/* One making of the demo. */
struct filling {
	struct tb_core *core;
	struct tb_passwords *passwords;
	struct tb_arena *arena;
	struct tb_audit_note note;
	uint32_t org;
};

/* The mark is a setting that nobody follows. */
struct mark {
	struct tb_commit commit;
	struct tb_str body;
};

static enum tb_err decide_mark(struct tb_commit *commit, struct tb_view *view)
{
	const struct mark *mark = (const struct mark *)commit;

	return tb_view_put_silent(view, TB_COLL_SETTING,
				  TB_STR(TB_DATA_DEMO_MARK), mark->body);
}

static const struct tb_commit_kind mark_kind = {
	.name = "demo_mark",
	.decide = decide_mark,
};

static enum tb_err put_mark(struct filling *f, struct tb_str body)
{
	struct mark mark = {
		.commit = { .kind = &mark_kind,
			    .org = TB_ORG_SYSTEM,
			    .weight = 1 },
		.body = body,
	};

	return tb_core_commit(f->core, &mark.commit);
}

/* True if an earlier start came to the end. */
static enum tb_err is_complete(struct filling *f, bool *ret)
{
	struct tb_key key = {
		.org = TB_ORG_SYSTEM,
		.coll = TB_COLL_SETTING,
		.key = TB_STR(TB_DATA_DEMO_MARK),
	};
	struct tb_record *record;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(f->core, &tx);

	if (err)
		return err;
	err = tx->store->ops->find(tx, f->arena, &key, 1, &record);
	tb_core_read_end(tx);
	if (!err)
		*ret = record && tb_str_eq(record->body, TB_STR("\"made\""));
	return err;
}

/* What a start that was cut short has made already is as good. */
static enum tb_err unless_exists(enum tb_err err)
{
	return err == TB_ERR_EXISTS ? TB_OK : err;
}

static enum tb_err find_org(struct filling *f)
{
	struct tb_org org;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(f->core, &tx);

	if (err)
		return err;
	err = tb_directory_find_org(tx, TB_STR(TB_DEMO_ORG), &org);
	tb_core_read_end(tx);
	if (!err)
		f->org = org.id;
	return err;
}

static enum tb_err make_org(struct filling *f)
{
	uint64_t epoch;
	enum tb_err err;

	if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
		return TB_ERR_IO;
	err = tb_directory_add_org(f->core, &f->note, TB_STR(TB_DEMO_ORG),
				   TB_STR(TB_DEMO_ORG_TITLE), epoch, &f->org);
	return err == TB_ERR_EXISTS ? find_org(f) : err;
}

static enum tb_err make_store(struct filling *f, const char *id)
{
	return unless_exists(tb_directory_add_store(
		f->core, &f->note, f->org, tb_str_z(id), tb_str_z(id)));
}

static enum tb_err make_account(struct filling *f,
				const struct tb_demo_account *demo)
{
	char hash[TB_PASSWORD_HASH_BYTES];
	struct tb_str store = tb_str_z(demo->store);
	struct tb_str role = tb_str_z(demo->role);
	bool is_site = demo->kind == TB_ACCOUNT_SITE;
	struct tb_account account = {
		.kind = demo->kind,
		.org = f->org,
		.key = tb_str_z(demo->key),
		.username = tb_str_z(demo->username),
		.name = tb_str_z(demo->name),
		.site_id = demo->site_id,
		.is_admin = demo->is_admin,
		.may_edit_central = demo->may_edit_central,
		.stores = &store,
		.n_stores = demo->store && !is_site ? 1 : 0,
		.roles = &role,
		.n_roles = demo->role ? 1 : 0,
		.profile = tb_str_z(demo->profile),
	};
	enum tb_err err = tb_passwords_make(f->passwords, demo->kind,
					    tb_str_z(demo->password), hash);

	if (!err && demo->store)
		err = make_store(f, demo->store);
	account.password = tb_str_z(hash);
	if (!err)
		err = unless_exists(
			tb_directory_add_account(f->core, &f->note, &account));
	if (!err && demo->store && is_site)
		err = tb_directory_assign_store(f->core, &f->note, f->org,
						store, account.key);
	return err;
}

static enum tb_err fill(struct filling *f)
{
	enum tb_err err = put_mark(f, TB_STR("\"begun\""));

	if (!err)
		err = make_org(f);
	for (size_t i = 0; !err && i < tb_demo_accounts_count; i++)
		err = make_account(f, &tb_demo_accounts[i]);
	if (!err)
		err = tb_demo_push_records(f->core, f->arena, f->org, &f->note);
	if (!err)
		err = tb_demo_post_events(f->core, f->arena, f->org, &f->note);
	if (!err)
		err = tb_demo_make_devices(f->core, f->arena, f->org, &f->note);
	return err ? err : put_mark(f, TB_STR("\"made\""));
}

static enum tb_err has_account(struct filling *f,
			       const struct tb_demo_account *demo, bool *ret)
{
	struct tb_account account;
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(f->core, &tx);

	if (err)
		return err;
	err = tb_directory_find_login(f->core, tx, f->arena, demo->kind,
				      tb_str_z(demo->username), &account);
	tb_core_read_end(tx);
	*ret = err == TB_OK;
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

/* Accounts that the demo did not have yet when this store was made. */
static enum tb_err add_accounts(struct filling *f)
{
	enum tb_err err = find_org(f);
	bool has = false;

	for (size_t i = 0; !err && i < tb_demo_accounts_count; i++) {
		err = has_account(f, &tb_demo_accounts[i], &has);
		if (!err && !has)
			err = make_account(f, &tb_demo_accounts[i]);
	}
	return err;
}

enum tb_err tb_demo_fill(const struct tb_config *config, struct tb_core *core)
{
	struct tb_passwords_options hashing = {
		.mem_bytes = config->auth.argon2_mem_bytes,
		.ops = config->auth.argon2_ops,
		.wait_ms = HASH_WAIT_MS,
	};
	struct filling f = {
		.core = core,
		.note = { .event_type = "admin",
			  .operation = "demo",
			  .status = "ok",
			  .principal = TB_STR("demo") },
	};
	bool done = false;
	enum tb_err err;

	if (getrandom(f.note.salt, sizeof(f.note.salt), 0) !=
	    sizeof(f.note.salt))
		return TB_ERR_IO;
	f.arena = tb_arena_create(ARENA_MAX_BYTES);
	if (!f.arena)
		return TB_ERR_NOMEM;
	err = is_complete(&f, &done);
	if (!err)
		err = tb_passwords_create(&hashing, &f.passwords);
	if (!err)
		err = done ? add_accounts(&f) : fill(&f);
	tb_passwords_destroy(f.passwords);
	tb_arena_destroy(f.arena);
	return err;
}
