#include "api/jobs/whole.h"

static enum tb_err find_entities(struct tb_arena *arena,
				 const struct tb_spec_context *now,
				 struct tb_jobs_whole *whole)
{
	struct tb_spec_context context = *now;
	struct tb_str problem;
	struct tb_spec spec;
	enum tb_err err;

	context.queued_us = whole->job.queued_us;
	err = tb_spec_decode(arena, whole->job.request, &context, &spec,
			     &problem);
	if (err == TB_ERR_INVALID)
		return TB_OK;
	if (!err) {
		whole->entities = spec.entities;
		whole->n_entities = spec.n_entities;
	}
	return err;
}

enum tb_err tb_jobs_whole_read(struct tb_tx *tx, struct tb_arena *arena,
			       uint32_t org, uint64_t id,
			       const struct tb_spec_context *context,
			       struct tb_jobs_whole *ret)
{
	struct tb_jobs_whole whole = { .n_entities = 0 };
	enum tb_err err =
		tb_job_read(tx, arena, org, id, &whole.job, &whole.notes);

	if (!err)
		err = find_entities(arena, context, &whole);
	if (!err)
		*ret = whole;
	return err;
}
