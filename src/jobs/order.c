#include "jobs/order.h"

/* When it is to run first. INVALID: never. */
static enum tb_err find_due(const struct tb_spec *spec, int64_t now_us,
			    int64_t *ret_us, struct tb_str *ret_problem)
{
	struct tb_schedule *schedule;
	const char *problem;
	enum tb_err err;

	if (spec->type != TB_SPEC_SCHEDULED) {
		*ret_us = 0;
		return TB_OK;
	}
	err = tb_schedule_create(&spec->schedule, &schedule, &problem);
	if (err == TB_ERR_INVALID)
		*ret_problem = tb_str_z(problem);
	if (err)
		return err;
	*ret_us = tb_schedule_first(schedule, now_us);
	tb_schedule_destroy(schedule);
	return TB_OK;
}

enum tb_err tb_order_read(struct tb_arena *arena, struct tb_str body,
			  const struct tb_spec_context *context,
			  struct tb_job_order *ret, struct tb_str *ret_problem)
{
	struct tb_spec spec;
	int64_t due_us;
	enum tb_err err =
		tb_spec_decode(arena, body, context, &spec, ret_problem);

	if (!err)
		err = find_due(&spec, context->queued_us, &due_us, ret_problem);
	if (err)
		return err;
	*ret = (struct tb_job_order) {
		.name = spec.name,
		.type = spec.type_name,
		.request = body,
		.priority = spec.priority,
		.retries_max = spec.retries_max,
		.due_us = due_us,
	};
	return TB_OK;
}
