#include "engine/maintenance.h"

#include "base/alloc.h"
#include "base/table.h"
#include "kernel/work.h"

struct tb_maintenance_org {
	uint32_t id;   /* first, as base/table.h wants it */
	uint64_t head; /* when its work was last seen to */
};

void tb_maintenance_fini(struct tb_maintenance *maintenance)
{
	tb_free(maintenance->orgs);
}

/* Makes room for an org in front of the i-th. */
static enum tb_err insert_org(struct tb_maintenance *maintenance, size_t i,
			      uint32_t id)
{
	struct tb_maintenance_org *orgs =
		tb_table_insert(maintenance->orgs, &maintenance->n_orgs,
				&maintenance->cap_orgs, sizeof(*orgs), i);

	if (orgs == NULL)
		return TB_ERR_NOMEM;
	maintenance->orgs = orgs;
	orgs[i].id = id;
	return TB_OK;
}

/* Work is left only by commits, so that an org whose head stands still has
 * none that was not seen. */
static enum tb_err do_work(struct tb_core *core, struct tb_maintenance_org *org,
			   uint64_t head)
{
	struct tb_work work = { .more = true };
	enum tb_err err = TB_OK;

	if (org->head == head)
		return TB_OK;
	while (err == TB_OK && work.more) {
		bool waiting;

		err = tb_work_is_waiting(core, org->id, &waiting);
		if (err != TB_OK || !waiting)
			break;
		tb_work_init(&work, org->id);
		err = tb_core_commit(core, &work.commit);
	}
	if (err == TB_OK)
		org->head = head;
	return err;
}

enum tb_err tb_maintenance_run(struct tb_maintenance *maintenance,
			       struct tb_core *core)
{
	struct tb_heads heads;
	uint32_t id = TB_ORG_SYSTEM;
	enum tb_err first = TB_OK;
	size_t i = 0;

	/* Orgs are never removed, and both are in the order of their ids: the
	 * i-th known one is this org, or this org is new. */
	while (tb_core_next_org(core, id, &id, &heads)) {
		enum tb_err err = TB_OK;

		if (i == maintenance->n_orgs || maintenance->orgs[i].id != id)
			err = insert_org(maintenance, i, id);
		if (err == TB_OK)
			err = do_work(core, &maintenance->orgs[i++],
				      heads.head);
		if (first == TB_OK)
			first = err;
	}
	return first;
}
