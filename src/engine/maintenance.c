#include "engine/maintenance.h"

#include "base/alloc.h"
#include "kernel/work.h"

struct tb_maintenance_org {
	uint32_t id;
	uint64_t head; /* when its work was last seen to */
};

void tb_maintenance_fini(struct tb_maintenance *maintenance)
{
	tb_free(maintenance->orgs);
}

static struct tb_maintenance_org *find_org(struct tb_maintenance *maintenance,
					   uint32_t id)
{
	for (size_t i = 0; i < maintenance->n_orgs; i++)
		if (maintenance->orgs[i].id == id)
			return &maintenance->orgs[i];
	return NULL;
}

static enum tb_err add_org(struct tb_maintenance *maintenance, uint32_t id,
			   struct tb_maintenance_org **ret)
{
	size_t n = maintenance->n_orgs + 1;
	struct tb_maintenance_org *orgs =
		tb_realloc(maintenance->orgs, n * sizeof(*orgs));

	if (orgs == NULL)
		return TB_ERR_NOMEM;
	maintenance->orgs = orgs;
	maintenance->n_orgs = n;
	orgs[n - 1] = (struct tb_maintenance_org) { .id = id };
	*ret = &orgs[n - 1];
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

	while (tb_core_next_org(core, id, &id, &heads)) {
		struct tb_maintenance_org *org = find_org(maintenance, id);
		enum tb_err err = TB_OK;

		if (org == NULL)
			err = add_org(maintenance, id, &org);
		if (err == TB_OK)
			err = do_work(core, org, heads.head);
		if (first == TB_OK)
			first = err;
	}
	return first;
}
