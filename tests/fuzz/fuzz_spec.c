/*
 * What is sent to queue a job: what is taken is within its limits, and what is
 * not has a message that can be sent.
 */
#include "fuzz.h"

#include "../unit/jobs/sources.h"
#include "codec/json.h"
#include "jobs/spec.h"
#include "kernel/job.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)

static void check_schedule(const struct tb_spec *spec)
{
	struct tb_schedule *schedule;
	const char *problem;

	if (spec->type != TB_SPEC_SCHEDULED)
		return;
	TB_ASSERT(!tb_schedule_create(&spec->schedule, &schedule, &problem));
	TB_ASSERT(tb_schedule_first(schedule, spec->schedule.queued_us) > 0);
	tb_schedule_destroy(schedule);
}

static void check(const struct tb_spec *spec)
{
	TB_ASSERT(spec->name.n > 0 && spec->name.n <= TB_JOB_NAME_MAX_BYTES);
	TB_ASSERT(spec->priority <= TB_JOB_PRIORITY_MAX);
	TB_ASSERT(spec->source || spec->target);
	TB_ASSERT(spec->entities && spec->n_entities > 0);
	TB_ASSERT(spec->concurrency >= 1 && spec->concurrency <= 16);
	TB_ASSERT(spec->retries_max <= 100);
	TB_ASSERT(spec->n_handles <= TB_SPEC_HANDLES_MAX);
	for (size_t i = 0; i < spec->n_handles; i++)
		TB_ASSERT(spec->handles[i].n > 0);
	check_schedule(spec);
}

/* Quoted, it is JSON again: whole characters, and no NUL. */
static void check_problem(struct tb_arena *arena, struct tb_str problem)
{
	struct tb_json json;
	struct tb_buf buf;

	TB_ASSERT(problem.n > 0 && problem.n <= 300);
	tb_buf_init(&buf, 8 * problem.n + 2);
	tb_json_put_string(&buf, problem);
	TB_ASSERT(!tb_json_parse(arena, tb_buf_str(&buf), NULL, &json, NULL));
	tb_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct tb_spec_context context = {
		.sources = &test_sources,
		.org = TB_STR("north"),
		.default_timezone = TB_STR("Europe/Berlin"),
		.queued_us = 1705746600000000,
	};
	struct tb_arena *arena = tb_arena_create(ARENA_MAX_BYTES);
	struct tb_str body = fuzz_input(data, n);
	struct tb_str problem = TB_STR_NONE;
	struct tb_spec spec;
	enum tb_err err;

	TB_ASSERT(arena);
	err = tb_spec_decode(arena, body, &context, &spec, &problem);
	if (err) {
		TB_ASSERT(err == TB_ERR_INVALID);
		check_problem(arena, problem);
	} else {
		check(&spec);
	}
	tb_arena_destroy(arena);
	return 0;
}
