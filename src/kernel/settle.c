#include "kernel/settle.h"

#include "kernel/commit.h"
#include "kernel/edit.h"
#include "kernel/fields.h"
#include "kernel/ledger.h"

#define GONE "the record is not there any more"
#define NO_OBJECT "both versions must be JSON objects"

struct settling {
	struct tb_commit commit;
	struct tb_settlement *settlement;
};

/* One settlement while it is decided. */
struct deciding {
	struct settling *settling;
	struct tb_view *view;
	struct tb_ledger_entry entry;
	struct tb_edit edit;
};

static enum tb_err refuse(struct deciding *d, struct tb_str message)
{
	enum tb_err err =
		tb_arena_strdup(d->settling->settlement->arena, message,
				&d->settling->settlement->message);

	return err == TB_OK ? TB_ERR_INVALID : err;
}

/* "user/...": what is kept of it are the members that it changed; a site sends
 * whole records. */
static bool is_users(const struct tb_ledger_entry *entry)
{
	return tb_str_starts(entry->by, TB_STR("user/"));
}

/* What the record is to be. */
static enum tb_err make_body(struct deciding *d)
{
	const struct tb_record *old = d->edit.old;
	enum tb_err err;

	d->edit.body = d->entry.client;
	d->edit.deleted = d->entry.client.p == NULL;
	if (d->edit.deleted)
		d->edit.body = TB_STR("{}");
	if (old == NULL || (old->deleted && is_users(&d->entry)))
		return refuse(d, TB_STR(GONE));
	if (!is_users(&d->entry))
		return TB_OK;
	err = tb_fields_patch(tb_view_arena(d->view), old->body,
			      d->entry.client, &d->edit.body);
	return err == TB_ERR_INVALID ? refuse(d, TB_STR(NO_OBJECT)) : err;
}

static enum tb_err check_body(struct deciding *d)
{
	struct tb_str message;
	enum tb_err err;

	if (d->edit.deleted)
		return TB_OK;
	err = tb_fields_check(tb_view_arena(d->view), d->edit.collection,
			      d->edit.body, &message);
	return err == TB_ERR_INVALID ? refuse(d, message) : err;
}

static bool is_stored(const struct tb_edit *edit)
{
	return edit->deleted == edit->old->deleted &&
	       (edit->deleted || tb_str_eq(edit->body, edit->old->body));
}

static enum tb_err find_record(struct deciding *d)
{
	const struct tb_record *name;
	enum tb_err err =
		tb_view_get(d->view, TB_COLL_COLLECTION, d->entry.table, &name);

	d->edit.collection = tb_declaration_find(
		d->settling->commit.declaration, d->entry.table);
	d->edit.key = d->entry.record;
	if (err != TB_OK || name == NULL)
		return err;
	d->edit.coll = name->rid;
	return tb_view_get(d->view, name->rid, d->entry.record, &d->edit.old);
}

static enum tb_err apply_client(struct deciding *d)
{
	const struct tb_record *record;
	enum tb_err err = find_record(d);

	if (err == TB_OK)
		err = make_body(d);
	if (err == TB_OK)
		err = check_body(d);
	if (err != TB_OK || is_stored(&d->edit))
		return err;
	err = tb_edit_write(d->view, &d->edit, &record);
	if (err == TB_OK)
		tb_view_org(d->view)->commits++;
	return err;
}

static enum tb_err put_detail(const struct deciding *d, const char *taken)
{
	struct tb_settlement *settlement = d->settling->settlement;
	struct tb_audit_note *note = &d->settling->commit.note;

	return tb_arena_printf(settlement->arena, &note->detail,
			       "\"id\":%llu,\"take\":\"%s\"",
			       (unsigned long long)settlement->id, taken);
}

static enum tb_err settle_decide(struct tb_commit *commit, struct tb_view *view)
{
	struct settling *settling = (struct settling *)commit;
	struct tb_settlement *settlement = settling->settlement;
	const char *taken = settlement->takes_client ? "client" : "server";
	struct deciding d = { .settling = settling, .view = view };
	enum tb_err err = tb_ledger_get(view, settlement->id, &d.entry);

	if (err == TB_OK && d.entry.resolved_by.p != NULL)
		err = TB_ERR_CONFLICT;
	if (err == TB_OK && settlement->takes_client)
		err = apply_client(&d);
	if (err == TB_OK)
		err = tb_ledger_close(view, &d.entry, tb_str_z(taken),
				      commit->note.principal);
	return err == TB_OK ? put_detail(&d, taken) : err;
}

enum tb_err tb_settle(struct tb_core *core, struct tb_settlement *settlement)
{
	static const struct tb_commit_kind kind = {
		.name = "settle",
		.decide = settle_decide,
	};
	struct settling settling = {
		.commit = { .kind = &kind,
			    .org = settlement->org,
			    .note = settlement->note,
			    .weight = 2 },
		.settlement = settlement,
	};

	return tb_core_commit(core, &settling.commit);
}
