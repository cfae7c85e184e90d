#include "jobs/note.h"

#include <sys/random.h>

enum tb_err tb_jobs_make_note(struct tb_arena *arena, uint64_t job,
			      struct tb_audit_note *ret)
{
	struct tb_audit_note note = { .event_type = "jobs", .status = "ok" };

	if (getrandom(note.salt, sizeof(note.salt), 0) !=
	    (ssize_t)sizeof(note.salt))
		return TB_ERR_IO;
	*ret = note;
	return tb_arena_printf(arena, &ret->principal, "job/job%llu",
			       (unsigned long long)job);
}
