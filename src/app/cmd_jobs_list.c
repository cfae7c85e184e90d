/*
 * `tombolo job list` and `job show`: what jobs there are.
 */
#include "app/commands.h"

#include "api/jobs/job_json.h"
#include "api/jobs/jobs.h"
#include "api/jobs/listing.h"

#define OUTPUT_MAX_BYTES (1024ull * 1024 * 1024)

/* What estimates are made from, now. */
static struct tb_jobs_moment moment_of(const struct tb_session *session,
				       const struct tb_job_sums *sums)
{
	const struct tb_jobs_options *options =
		tb_config_api(session->config, &tb_jobs_module);

	return (struct tb_jobs_moment) {
		.sums = sums,
		.workers = options->runner.workers,
		.now_us = tb_core_now_us(session->core),
	};
}

/* ---- all of them ---- */

/* One org's list, a page in each snapshot. */
struct walk {
	struct tb_session *session;
	struct tb_org org;
	const enum tb_job_state *state; /* NULL: every one */
	struct tb_arena *arena;
	struct tb_buf out;
	char place[TB_JOBS_PLACE_MAX_BYTES];
	struct tb_str after; /* in `place`; empty: from the beginning */
	bool is_over;
};

static void put_line(struct walk *walk, const struct tb_job *job,
		     const struct tb_jobs_moment *moment)
{
	struct tb_json_writer w = tb_json_writer(&walk->out);

	tb_json_begin_object(&w);
	tb_json_kv_str(&w, "org", tb_str_z(walk->org.name));
	tb_jobs_put_members(&w, job, moment);
	tb_json_end_object(&w);
	tb_buf_append_char(&walk->out, '\n');
}

static enum tb_err put_page(struct walk *walk, struct tb_tx *tx)
{
	struct tb_jobs_listing listing;
	struct tb_jobs_moment moment;
	struct tb_jobs_place place;
	const struct tb_job *jobs;
	struct tb_job_sums sums;
	size_t n = 0;
	enum tb_err err;

	err = tb_job_sums_read(tx, walk->arena, walk->org.id, &sums);
	moment = moment_of(walk->session, &sums);
	tb_jobs_listing_begin(&listing, tx, walk->org.id, walk->state);
	if (!err && walk->after.n > 0)
		err = tb_jobs_listing_seek(&listing, walk->after);
	if (!err)
		err = tb_jobs_listing_next(&listing, walk->arena,
					   TB_JOBS_BATCH_MAX, &jobs, &n);
	for (size_t i = 0; !err && i < n; i++)
		put_line(walk, &jobs[i], &moment);
	if (err)
		return err;
	place = tb_jobs_listing_place(&listing);
	walk->after = tb_jobs_place_text(&place, walk->place);
	walk->is_over = listing.is_over;
	return TB_OK;
}

static enum tb_exit print_page(struct walk *walk)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(walk->session->core, &tx);

	tb_arena_reset(walk->arena);
	tb_buf_reset(&walk->out);
	if (!err) {
		err = put_page(walk, tx);
		tb_core_read_end(tx);
	}
	return err ? tb_fail(err, "jobs of `%s`", walk->org.name)
		   : tb_print(&walk->out);
}

static enum tb_exit print_org(struct walk *walk)
{
	enum tb_exit exit = TB_EXIT_OK;

	walk->after = TB_STR_NONE;
	walk->is_over = false;
	while (!exit && !walk->is_over)
		exit = print_page(walk);
	return exit;
}

static enum tb_exit print_orgs(struct walk *walk)
{
	enum tb_exit exit = TB_EXIT_OK;
	enum tb_err next = TB_OK;

	while (!exit &&
	       !(next = tb_session_next_org(walk->session, &walk->org)))
		exit = print_org(walk);
	if (exit)
		return exit;
	return next == TB_ERR_NOT_FOUND ? TB_EXIT_OK : tb_exit_of(next);
}

enum tb_exit tb_cmd_job_list(struct tb_session *session)
{
	const char *status = tb_cli_value(session->cli, TB_OPT_STATUS);
	struct walk walk = { .session = session,
			     .org = { .id = TB_ORG_SYSTEM } };
	enum tb_job_state state;
	enum tb_exit exit;

	if (status && !tb_job_state_parse(tb_str_z(status), &state))
		return tb_fail_usage("job list: `%s` is no status", status);
	walk.state = status ? &state : NULL;
	walk.arena = tb_arena_create(TB_JOBS_BATCH_BYTES);
	if (!walk.arena)
		return tb_fail(TB_ERR_NOMEM, "jobs");
	tb_buf_init(&walk.out, OUTPUT_MAX_BYTES);
	exit = print_orgs(&walk);
	tb_buf_fini(&walk.out);
	tb_arena_destroy(walk.arena);
	return exit;
}

/* ---- one ---- */

static enum tb_err put_job(struct tb_session *session, struct tb_tx *tx,
			   const struct tb_org *org, uint64_t id,
			   struct tb_buf *out)
{
	const struct tb_spec_context context = tb_jobs_spec_context(
		tb_config_api(session->config, &tb_jobs_module),
		&session->config->sources, tb_str_z(org->name),
		tb_core_now_us(session->core));
	struct tb_json_writer w = tb_json_writer(out);
	struct tb_jobs_moment moment;
	struct tb_jobs_whole whole;
	struct tb_job_sums sums;
	enum tb_err err = tb_jobs_whole_read(tx, session->arena, org->id, id,
					     &context, &whole);

	if (!err)
		err = tb_job_sums_read(tx, session->arena, org->id, &sums);
	if (err)
		return err;
	moment = moment_of(session, &sums);
	err = tb_jobs_put_whole(&w, session->arena, &whole, &moment);
	tb_buf_append_char(out, '\n');
	return err;
}

enum tb_exit tb_cmd_job_show(struct tb_session *session)
{
	const char *arg = session->cli->args[0];
	struct tb_org org = { .id = 0 };
	struct tb_buf out;
	struct tb_tx *tx;
	uint64_t id;
	enum tb_exit exit;
	enum tb_err err;

	if (tb_jobs_id_parse(tb_str_z(arg), &id))
		return tb_fail_usage("job show: `%s` is no job's id, as job7",
				     arg);
	exit = tb_session_org(session, &org);
	if (exit)
		return exit;
	tb_buf_init(&out, OUTPUT_MAX_BYTES);
	err = tb_core_read(session->core, &tx);
	if (!err) {
		err = put_job(session, tx, &org, id, &out);
		tb_core_read_end(tx);
	}
	exit = err ? tb_fail(err, "job `%s`", arg) : tb_print(&out);
	tb_buf_fini(&out);
	return exit;
}
