/*
 * What the handlers of the jobs API share.
 */
#ifndef TB_API_JOBS_STATE_H
#define TB_API_JOBS_STATE_H

#include "api/jobs/jobs.h"

struct tb_jobs {
	struct tb_core *core;
	struct tb_auth *auth;
	const struct tb_jobs_options *options;
	const struct tb_sources *sources;
	int64_t started_us; /* on the monotonic clock */
};

#endif
