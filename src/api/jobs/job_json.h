/*
 * Jobs as JSON: in each answer with the members that it shows, in their order.
 * What is not known is left out. Pure.
 */
#ifndef TB_API_JOBS_JOB_JSON_H
#define TB_API_JOBS_JOB_JSON_H

#include "api/jobs/whole.h"
#include "codec/json.h"

/* What estimates are made from. */
struct tb_jobs_moment {
	const struct tb_job_sums *sums; /* NULL: none is made of a start */
	size_t workers;
	int64_t now_us;
};

/* Each writes one object. */

/* As `syncJobs` of GET info has it. */
void tb_jobs_put_brief(struct tb_json_writer *w, const struct tb_job *job,
		       const struct tb_jobs_moment *moment);
/* As the answer to POST queue. */
void tb_jobs_put_queued(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment);
/* As those to pause and resume. */
void tb_jobs_put_paused(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment);
void tb_jobs_put_resumed(struct tb_json_writer *w, const struct tb_job *job,
			 const struct tb_jobs_moment *moment);
/* As GET jobs lists it. */
void tb_jobs_put_listed(struct tb_json_writer *w, const struct tb_job *job,
			const struct tb_jobs_moment *moment);
/* The members of that alone, into an object that is begun. */
void tb_jobs_put_members(struct tb_json_writer *w, const struct tb_job *job,
			 const struct tb_jobs_moment *moment);
/* As GET jobs/{id} shows it. CORRUPT: its request cannot be read; NOMEM,
 * TOO_LARGE of the arena. */
enum tb_err
tb_jobs_put_whole(struct tb_json_writer *w, struct tb_arena *arena,
		  const struct tb_jobs_whole *whole,
		  const struct tb_jobs_moment *moment) tb_must_check;

/* "job7", and its number. */
#define TB_JOBS_ID_MAX_BYTES 24
struct tb_str tb_jobs_id_text(uint64_t id, char buf[TB_JOBS_ID_MAX_BYTES]);
/* INVALID: not what the other one writes. */
enum tb_err tb_jobs_id_parse(struct tb_str text, uint64_t *ret) tb_must_check;

#endif
