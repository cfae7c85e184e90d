/*
 * The jobs API: jobs that move data are queued, watched, paused, retried and
 * purged. docs/api/jobs.md is what it promises. Who runs them is none of its
 * business: src/jobs is handed the same options.
 */
#ifndef TB_API_JOBS_JOBS_H
#define TB_API_JOBS_JOBS_H

#include <stdint.h>

#include "api/api.h"
#include "jobs/runner.h"
#include "jobs/spec.h"

struct tb_jobs;

struct tb_jobs_options {
	/* Whose jobs GET /sync counts; empty: the only org there is. */
	const char *public_org;
	uint32_t keep_days;      /* of finished jobs; 0: for ever; 30 */
	uint64_t unfinished_max; /* of an org; 200,000 */
	struct tb_runner_options runner;
};
extern const struct tb_jobs_options tb_jobs_default_options;

/* Borrows what is in `env` for its life. NOMEM. */
enum tb_err tb_jobs_create(const struct tb_api_env *env,
			   struct tb_jobs **ret) tb_must_check;
void tb_jobs_destroy(struct tb_jobs *jobs); /* takes NULL */

/* How requests of an org's jobs are read under these options. */
struct tb_spec_context
tb_jobs_spec_context(const struct tb_jobs_options *options,
		     const struct tb_sources *sources, struct tb_str org,
		     int64_t queued_us);

extern const struct tb_api tb_jobs_api;

#endif
