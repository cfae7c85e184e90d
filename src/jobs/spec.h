/*
 * What a job asks for, read out of its request: decoded, checked against the
 * configuration, as the API takes it and the runner needs it. Pure but for zone
 * files.
 */
#ifndef TB_JOBS_SPEC_H
#define TB_JOBS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/schedule/schedule.h"
#include "jobs/source.h"

enum tb_spec_type {
	TB_SPEC_FULL,
	TB_SPEC_INCREMENTAL,
	TB_SPEC_ENTITY,
	TB_SPEC_SCHEDULED,
};

#define TB_SPEC_HANDLES_MAX 100

struct tb_spec {
	struct tb_str name;
	enum tb_spec_type type;
	struct tb_str type_name;
	uint32_t priority;
	const struct tb_source *source; /* NULL: local */
	const struct tb_source *target; /* NULL: local */
	/* What is read: one of them, or all there are. */
	const struct tb_source_entity *entities;
	size_t n_entities;
	int64_t updated_since_us;     /* INT64_MIN: not given */
	const struct tb_str *handles; /* of collections */
	size_t n_handles;
	uint32_t concurrency;
	uint32_t retries_max; /* 0 with retryOnFail false */
	/* SCHEDULED. */
	struct tb_schedule_form schedule;
	enum tb_schedule_missed missed;
	bool is_incremental; /* its mode, or its type */
};

/* What a spec is read against. */
struct tb_spec_context {
	const struct tb_sources *sources;
	struct tb_str org; /* name */
	struct tb_str default_timezone;
	enum tb_schedule_missed default_missed;
	int64_t queued_us;
};

/* Reads the body of a request; slices of it and of the arena. INVALID:
 * `*ret_problem` is the message of the answer, in the arena. A schedule is
 * judged, too: one can be made of its form, as long as its zone is there. */
enum tb_err tb_spec_decode(struct tb_arena *arena, struct tb_str body,
			   const struct tb_spec_context *context,
			   struct tb_spec *ret,
			   struct tb_str *ret_problem) tb_must_check;

#endif
