/*
 * The jobs API without a socket: an org, somebody who may do everything there,
 * and sources that nobody asks.
 */
#ifndef TB_TESTS_JOBS_FIXTURE_H
#define TB_TESTS_JOBS_FIXTURE_H

#include "../kernel/inline_core.h"

#include "api/jobs/handlers.h"
#include "api/jobs/jobs.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "kernel/job_run.h"

#define JOBS_S_US 1000000ll
#define JOBS_HEADERS_MAX 4

struct jobs_world {
	struct inline_core ic;
	struct tb_jobs_options options;
	struct tb_jobs *jobs;
	struct tb_arena *arena; /* of the requests */
	uint32_t org;
	struct tb_principal caller;
	struct tb_request req;
	struct tb_header headers[JOBS_HEADERS_MAX];
	struct tb_response res;
};

static const struct tb_source_entity jobs_entities[] = {
	{ .name = TB_STR_INIT("products"),
	  .collection = TB_STR_INIT("product"),
	  .key = TB_STR_INIT("id"),
	  .path = TB_STR_INIT("products") },
	{ .name = TB_STR_INIT("orders"),
	  .collection = TB_STR_INIT("order"),
	  .key = TB_STR_INIT("id"),
	  .path = TB_STR_INIT("orders") },
};
static const struct tb_source jobs_source_list[] = {
	{ .name = TB_STR_INIT("shop"),
	  .type = "shopify",
	  .url = "https://shop.example.org",
	  .api_version = "2024-01",
	  .token_file = "/nowhere",
	  .entities = jobs_entities,
	  .n_entities = TB_ARRAY_LEN(jobs_entities) },
};
static const struct tb_sources jobs_sources = {
	jobs_source_list, TB_ARRAY_LEN(jobs_source_list)
};

static inline void jobs_make(struct jobs_world *w)
{
	struct tb_api_env env = { .core = w->ic.core,
				  .options = &w->options,
				  .listen = "127.0.0.1:0",
				  .data = "/tmp",
				  .sources = &jobs_sources };

	MUST(tb_jobs_create(&env, &w->jobs));
}

static inline void jobs_set_up(struct jobs_world *w)
{
	struct tb_heads heads;

	*w = (struct jobs_world) { .options = tb_jobs_default_options };
	inline_core_init(&w->ic);
	w->org = inline_core_add_org(&w->ic, "shops");
	w->arena = tb_arena_create((size_t)256 << 20);
	assert_non_null(w->arena);
	MUST(tb_core_heads(w->ic.core, w->org, &heads));
	w->caller = (struct tb_principal) {
		.kind = TB_PRINCIPAL_USER,
		.org = w->org,
		.org_name = TB_STR("shops"),
		.generation = heads.generation,
		.key = TB_STR("anna-uuid"),
		.name = TB_STR("anna"),
		.is_admin = true,
	};
	jobs_make(w);
}

static inline void jobs_tear_down(struct jobs_world *w)
{
	tb_response_empty(&w->res, 0);
	tb_jobs_destroy(w->jobs);
	tb_arena_destroy(w->arena);
	inline_core_fini(&w->ic);
}

/* ---- calls ---- */

struct jobs_call {
	tb_handler_fn *handler;
	const char *param; /* what its path captures; NULL: nothing */
	const char *query; /* NULL: none */
	const char *body;  /* NULL: none, and it is a GET */
	const char *key;   /* Idempotency-Key; NULL: none */
};

static inline void jobs_ask(struct jobs_world *w, const struct jobs_call *call)
{
	tb_response_empty(&w->res, 0);
	tb_arena_reset(w->arena);
	w->ic.now_us += JOBS_S_US;
	w->res = (struct tb_response) { .arena = w->arena };
	w->headers[0] = (struct tb_header) { TB_STR("orgid"), TB_STR("shops") };
	w->headers[1] = (struct tb_header) { TB_STR("Idempotency-Key"),
					     tb_str_z(call->key) };
	w->req = (struct tb_request) {
		.method = call->body ? TB_POST : TB_GET,
		.path = TB_STR("/sync/x"),
		.query = tb_str_z(call->query),
		.route = TB_STR("/x"),
		.params = { tb_str_z(call->param) },
		.headers = w->headers,
		.n_headers = call->key ? 2 : 1,
		.body = tb_str_z(call->body),
		.address = TB_STR("192.0.2.1"),
		.id = TB_STR("request"),
		.now_us = w->ic.now_us,
		.principal = &w->caller,
		.api = &tb_jobs_api,
		.arena = w->arena,
	};
	call->handler(w->jobs, &w->req, &w->res);
}

static inline struct tb_str jobs_body(const struct jobs_world *w)
{
	return tb_buf_str(&w->res.body);
}

static inline void jobs_assert_answer(const struct jobs_world *w,
				      unsigned status, const char *expected)
{
	struct tb_str text = jobs_body(w);

	if (!tb_str_eq(text, tb_str_z(expected)))
		fail_msg("%u %.*s\nis not\n%u %s", w->res.status,
			 TB_STR_ARG(text), status, expected);
	assert_int_equal(w->res.status, status);
}

static inline struct tb_json_value jobs_parse(struct jobs_world *w)
{
	static struct tb_json json;

	MUST(tb_json_parse(w->arena, jobs_body(w), NULL, &json, NULL));
	return tb_json_root(&json);
}

/* The request of a job of this name, and members behind those that it has to
 * have; in the arena of the core. */
static inline const char *jobs_request(struct jobs_world *w, const char *name,
				       const char *more)
{
	struct tb_str text;

	MUST(tb_arena_printf(w->ic.arena, &text,
			     "{\"name\":\"%s\",\"type\":\"full\",\"data\":"
			     "{\"source\":\"shop\"}%s}",
			     name, more));
	return text.p;
}

static inline void jobs_queue(struct jobs_world *w, const char *name,
			      const char *more)
{
	jobs_ask(w,
		 &(struct jobs_call) { .handler = tb_jobs_post_queue,
				       .body = jobs_request(w, name, more) });
	assert_int_equal(w->res.status, 201);
}

static inline void jobs_get(struct jobs_world *w, tb_handler_fn *handler,
			    const char *query)
{
	jobs_ask(w, &(struct jobs_call) { .handler = handler, .query = query });
}

static inline void jobs_control(struct jobs_world *w, tb_handler_fn *handler,
				const char *param)
{
	jobs_ask(w, &(struct jobs_call) {
			    .handler = handler, .param = param, .body = "" });
}

/* The names of the jobs of an array, with spaces between them. */
static inline void jobs_assert_names(struct tb_json_value jobs,
				     const char *expected)
{
	struct tb_json_iter it = tb_json_iter(jobs);
	char text[1024];
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text));
	while (tb_json_next(&it)) {
		struct tb_str name =
			tb_json_raw(tb_json_get(it.value, TB_STR("name")));

		if (buf.n > 0)
			tb_buf_append_char(&buf, ' ');
		tb_buf_append(&buf, name.p + 1, name.n - 2);
	}
	tb_buf_append_char(&buf, '\0');
	assert_int_equal(tb_buf_err(&buf), TB_OK);
	assert_string_equal(text, expected);
}

#define JOBS_STATE(active, completed, failed)                                  \
	"{\"version\":\"1.0.0\",\"status\":\"active\",\"activeJobs\":" active  \
	",\"completedJobs\":" completed ",\"failedJobs\":" failed              \
	",\"uptime\":\"0d 0h 0m\"}"

/* ---- a worker ---- */

#define JOBS_TOKEN 4711

/* Takes the job that is the next one, for an hour. */
static inline struct tb_job_lease jobs_take(struct jobs_world *w)
{
	uint64_t token = JOBS_TOKEN;
	struct tb_job job;
	struct tb_job_taking taking = {
		.arena = w->ic.arena,
		.tokens = &token,
		.n_tokens = 1,
		.lease_us = 3600 * JOBS_S_US,
		.rets = &job,
	};

	w->ic.now_us += JOBS_S_US;
	MUST(tb_job_take(w->ic.core, w->org, &taking));
	assert_int_equal(taking.n, 1);
	return (struct tb_job_lease) { w->org, job.id, token };
}

/* So many of 100 records of an entity have gone to a target. */
static inline void jobs_send(struct jobs_world *w,
			     const struct tb_job_lease *lease, uint64_t n,
			     uint64_t position)
{
	struct tb_job_checkpoint page = {
		.lease = *lease,
		.entity = TB_STR("products"),
		.cursor = TB_STR("c"),
		.position = position,
		.total = 100,
		.is_done = position == 100,
		.n_entities = 1,
		.n_read = n,
		.n_sent = n,
		.log = TB_STR("a page"),
	};

	w->ic.now_us += JOBS_S_US;
	MUST(tb_job_checkpoint(w->ic.core, w->ic.arena, &page));
}

static inline void jobs_end(struct jobs_world *w,
			    const struct tb_job_lease *lease,
			    enum tb_job_end_kind kind)
{
	struct tb_job_end end = { .lease = *lease, .kind = kind };

	if (kind == TB_JOB_END_FAILED)
		end.error = (struct tb_job_error) { TB_STR("http_status"),
						    TB_STR("it said 404") };
	w->ic.now_us += JOBS_S_US;
	MUST(tb_job_end(w->ic.core, &end));
}

/* ---- jobs of all kinds ---- */

static inline void jobs_queue_later(struct jobs_world *w, const char *name,
				    const char *at)
{
	struct tb_str body;

	MUST(tb_arena_printf(w->ic.arena, &body,
			     "{\"name\":\"%s\",\"type\":\"scheduled\","
			     "\"data\":{\"source\":\"shop\"},\"schedule\":"
			     "{\"startAt\":\"%s\"}}",
			     name, at));
	jobs_ask(w, &(struct jobs_call) { .handler = tb_jobs_post_queue,
					  .body = body.p });
	assert_int_equal(w->res.status, 201);
}

/* Jobs in every state; each name begins with its state's letter. */
static inline void jobs_make_all_kinds(struct jobs_world *w)
{
	static const char *const ends[] = { "c1", "f1", "c2", "f2" };
	static const char *const paused[] = { "p1", "p2" };
	struct tb_job_lease lease;

	for (size_t i = 0; i < TB_ARRAY_LEN(ends); i++) {
		jobs_queue(w, ends[i], "");
		lease = jobs_take(w);
		jobs_end(w, &lease,
			 ends[i][0] == 'c' ? TB_JOB_END_COMPLETED
					   : TB_JOB_END_FAILED);
	}
	/* One that is to be taken over, and one that a worker has. */
	jobs_queue(w, "a2", "");
	lease = jobs_take(w);
	jobs_send(w, &lease, 10, 10);
	jobs_control(w, tb_jobs_pause, "a2");
	jobs_queue(w, "a1", "");
	jobs_take(w);
	jobs_control(w, tb_jobs_resume, "a2");
	jobs_queue(w, "q3", ",\"priority\":\"low\"");
	jobs_queue(w, "q2", "");
	jobs_queue(w, "q1", ",\"priority\":99");
	jobs_queue_later(w, "q5", "2031-01-01T00:00:00Z");
	jobs_queue_later(w, "q4", "2030-01-01T00:00:00Z");
	for (size_t i = 0; i < TB_ARRAY_LEN(paused); i++) {
		jobs_queue(w, paused[i], "");
		jobs_control(w, tb_jobs_pause, paused[i]);
	}
}

#endif
