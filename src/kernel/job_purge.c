/*
 * What is finished goes: when somebody says so, or when it is old. So do names
 * that were not used for long.
 */
#include "base/assert.h"
#include "kernel/job_change.h"
#include "kernel/job_edit.h"
#include "kernel/job_name.h"
#include "kernel/system.h"

/* In one commit. */
#define DROP_MAX 500
/* Jobs and names that go are read; one more than this in one commit at most. */
#define DROP_BYTES_MAX ((size_t)8 << 20)

static const struct {
	enum tb_known_scope scope;
	enum tb_job_state state;
} finished[] = { { TB_SCOPE_JOBS_COMPLETED, TB_JOB_COMPLETED },
		 { TB_SCOPE_JOBS_FAILED, TB_JOB_FAILED } };

struct dropping {
	struct tb_commit commit;
	struct tb_job_walk finished; /* what of the jobs that are; no scope */
	struct tb_job_walk names;    /* likewise of names */
	struct tb_job_purged purged;
	bool is_more;
	struct tb_job_walk *walk; /* the present one */
	enum tb_job_state state;
	size_t bytes;
};

/* What was changed in the same group may be finished no more, or anew. */
static bool is_meant(const struct tb_job_walk *walk,
		     const struct tb_record *record)
{
	return record->version <= walk->until &&
	       record->updated_us <= walk->before_us;
}

static enum tb_err visit_job(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct dropping *d = ctx;
	struct tb_open_job job;
	enum tb_err err = tb_job_open_rid(edit, rid, &job);

	if (err == TB_ERR_NOT_FOUND)
		return TB_OK;
	if (err != TB_OK || job.job.state != d->state ||
	    !is_meant(d->walk, job.record))
		return err;
	if (d->state == TB_JOB_COMPLETED)
		d->purged.completed++;
	else
		d->purged.failed++;
	err = tb_job_drop(edit, &job, &d->bytes);
	if (d->bytes > DROP_BYTES_MAX)
		d->walk->left = 0;
	return err;
}

static enum tb_err visit_name(void *ctx, struct tb_job_edit *edit, uint64_t rid)
{
	struct dropping *d = ctx;
	const struct tb_record *record;
	struct tb_job_name name;
	enum tb_err err = tb_view_get_rid(edit->view, rid, &record);

	if (err != TB_OK || record == NULL || !is_meant(d->walk, record))
		return err;
	err = tb_job_name_get(edit->view, record->key, &name);
	if (err != TB_OK || name.id != 0)
		return err;
	d->bytes += record->body.n;
	if (d->bytes > DROP_BYTES_MAX)
		d->walk->left = 0;
	return tb_view_remove(edit->view, TB_COLL_JOB_NAME, record->key);
}

static enum tb_err drop_finished(struct dropping *d, struct tb_job_edit *edit)
{
	size_t left = d->finished.left;
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(finished); i++) {
		struct tb_job_walk walk = d->finished;

		walk.scope = finished[i].scope;
		walk.left = left;
		d->walk = &walk;
		d->state = finished[i].state;
		err = tb_job_walk(edit, &walk, visit_job, d);
		left = walk.left;
		d->is_more |= walk.is_more;
	}
	return err;
}

static enum tb_err decide(struct tb_commit *commit, struct tb_view *view)
{
	struct dropping *d = (struct dropping *)commit;
	struct tb_job_walk names = d->names;
	struct tb_job_edit edit;
	enum tb_err err = tb_job_edit_begin(&edit, view);

	d->purged = (struct tb_job_purged) { .completed = 0 };
	d->is_more = false;
	d->bytes = 0;
	if (err == TB_OK)
		err = drop_finished(d, &edit);
	if (err == TB_OK)
		err = tb_job_edit_end(&edit);
	d->walk = &names;
	if (err == TB_OK)
		err = tb_job_walk(&edit, &names, visit_name, d);
	d->is_more |= names.is_more;
	if (err != TB_OK || commit->note.operation == NULL)
		return err;
	return tb_arena_printf(tb_view_arena(view), &commit->note.detail,
			       "\"completed\":%llu,\"failed\":%llu",
			       (unsigned long long)d->purged.completed,
			       (unsigned long long)d->purged.failed);
}

static const struct tb_commit_kind drop_kind = {
	.name = "jobs_drop",
	.gather = tb_job_gather,
	.decide = decide,
};

/* True if there is anything to be dropped; and where the org's order ends. */
static enum tb_err look(struct tb_core *core, const struct dropping *d,
			uint64_t *ret_head, bool *ret_any)
{
	struct tb_org row;
	struct tb_tx *tx;
	bool any = false;
	enum tb_err err = tb_core_read(core, &tx);

	if (err != TB_OK)
		return err;
	err = tx->store->ops->org_get(tx, d->commit.org, &row);
	for (size_t i = 0; err == TB_OK && !any && i < TB_ARRAY_LEN(finished);
	     i++) {
		struct tb_job_walk walk = d->finished;

		walk.scope = finished[i].scope;
		err = tb_job_walk_would(tx, d->commit.org, &walk, &any);
	}
	if (err == TB_OK && !any)
		err = tb_job_walk_would(tx, d->commit.org, &d->names, &any);
	tb_core_read_end(tx);
	if (err != TB_OK)
		return err;
	*ret_head = row.head;
	*ret_any = any;
	return TB_OK;
}

enum tb_err tb_job_purge(struct tb_core *core, const struct tb_audit_note *note,
			 uint32_t org, struct tb_job_purged *ret)
{
	struct dropping d = {
		.commit = { .kind = &drop_kind,
			    .org = org,
			    .note = *note,
			    .weight = DROP_MAX },
		.finished = { .until = UINT64_MAX,
			      .before_us = INT64_MAX,
			      .left = DROP_MAX },
		.names = { .scope = TB_SCOPE_JOB_NAMES,
			   .before_us = INT64_MIN },
	};
	enum tb_err err;

	*ret = (struct tb_job_purged) { .completed = 0 };
	d.commit.note.operation = "purge";
	err = look(core, &d, &d.finished.until, &d.is_more);
	while (err == TB_OK && d.is_more) {
		err = tb_core_commit(core, &d.commit);
		if (err != TB_OK)
			break;
		ret->completed += d.purged.completed;
		ret->failed += d.purged.failed;
	}
	return err;
}

/* 0: for ever. */
static int64_t before(int64_t now_us, int64_t age_us)
{
	return age_us > 0 ? now_us - age_us : INT64_MIN;
}

enum tb_err tb_job_upkeep(struct tb_core *core, uint32_t org,
			  const struct tb_job_ages *ages, bool *ret_more)
{
	int64_t now_us = tb_core_now_us(core);
	struct dropping d = {
		.commit = { .kind = &drop_kind,
			    .org = org,
			    .weight = 2 * DROP_MAX },
		.finished = { .until = UINT64_MAX,
			      .before_us = before(now_us, ages->keep_us),
			      .left = DROP_MAX },
		.names = { .scope = TB_SCOPE_JOB_NAMES,
			   .until = UINT64_MAX,
			   .before_us = before(now_us, ages->success_us),
			   .left = DROP_MAX },
	};
	uint64_t head;
	bool any;
	enum tb_err err = look(core, &d, &head, &any);

	if (err == TB_OK && any)
		err = tb_core_commit(core, &d.commit);
	if (err == TB_OK)
		*ret_more = any && d.is_more;
	return err;
}
