#include "kernel/audit_tell.h"

#include "kernel/commit.h"

struct tell {
	struct tb_commit commit;
	const struct tb_audit_note *note;
};

/* The commit itself is not noted: rows are written of what changes something,
 * and the row is all that it changes. */
static enum tb_err tell_decide(struct tb_commit *commit, struct tb_view *view)
{
	return tb_audit_append(view, ((struct tell *)commit)->note);
}

enum tb_err tb_audit_tell(struct tb_core *core,
			  const struct tb_audit_note *note, uint32_t org)
{
	static const struct tb_commit_kind kind = {
		.name = "audit",
		.decide = tell_decide,
	};
	struct tell tell = {
		.commit = { .kind = &kind, .org = org, .weight = 1 },
		.note = note,
	};

	return tb_core_commit(core, &tell.commit);
}
